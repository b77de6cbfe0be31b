"""Commitments: what a resident promises with a ticket, and the terms whose hash says what was read.

Pure. A commitment is accepted, never scored (R18): nothing records that one was broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benefits.catalogue.model import LiveBenefit
from benefits.errors import TermsChanged
from consent.kernel import canonical_json


def terms_of(benefit: LiveBenefit) -> dict[str, Any]:
    """Return the terms that a resident accepts: those at the venue in both languages, and the commitment or None."""
    return {"terms": benefit.body["terms"], "commitment": benefit.body.get("commitment")}


def terms_sha256(benefit: LiveBenefit) -> str:
    """Return the SHA-256 of the terms' canonical JSON, in hexadecimal."""
    return canonical_json.sha256_of(terms_of(benefit))


def require_accepted(benefit: LiveBenefit, accepted_terms_sha256: str | None) -> None:
    """Refuse what a resident accepted if it is not the present terms.

    Without a commitment nothing need be accepted; a hash that is sent all the same must be right.

    Raises:
        TermsChanged: with the terms that hold now.
    """
    expected = terms_sha256(benefit)
    if accepted_terms_sha256 == expected:
        return
    if accepted_terms_sha256 is None and not benefit.has_commitment:
        return
    raise TermsChanged(terms_of(benefit), expected)


def facts_of(benefit: LiveBenefit) -> Mapping[str, str | int | None]:
    """Return the facts of the event that a commitment was accepted; of a benefit with one."""
    commitment = benefit.body["commitment"]
    return {
        "organisation": benefit.provider_id,
        "purpose": "benefit.check",
        "what": benefit.benefit_id,
        "outcome": "accepted",
        "commitment": commitment["kind"],
        "within_days": commitment["within_days"],
        "terms_sha256": terms_sha256(benefit),
    }
