"""The one entry to the publication rules.

`evaluate` returns refusals that nobody can approve, flags that wait for a privacy officer, and advice. Rules that the
schema enforces are not here: see `benefits.rules.vocabulary`, `conditions` and `effects`, and
`benefits.catalogue.schema`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from benefits.publishing.rules import (
    benefits,
    closed_texts,
    issuers,
    marked_words,
    names,
    notices,
    schemes,
    services,
    sources,
)
from benefits.publishing.rules.context import FLAGGED, REFUSED, PublicationContext
from consent.domain.document_kinds import Body, DocumentKind, Finding

RULES_OF_KIND: Mapping[DocumentKind, Callable[[Body, PublicationContext], Iterable[Finding]]] = MappingProxyType(
    {
        DocumentKind.PROVIDERS: names.check_provider,
        DocumentKind.VENUES: names.check_venue,
        DocumentKind.SOURCES: sources.check,
        DocumentKind.SERVICES: services.check,
        DocumentKind.BENEFITS: benefits.check,
        DocumentKind.SCHEMES: schemes.check,
        DocumentKind.NOTICES: notices.check,
        DocumentKind.ISSUERS: issuers.check,
    }
)
"""The rules of each kind of document; `marked_words` and `closed_texts` read every kind."""
RULE_ID = re.compile(r"R([0-9]+)([a-z]?)")


def evaluate(kind: DocumentKind, body: Body, context: PublicationContext) -> list[Finding]:
    """Return every finding about a document that fits its schema: refusals, then flags, then advice, by rule."""
    findings = [
        *marked_words.check(kind, body),
        *closed_texts.check(kind, body, context),
        *RULES_OF_KIND[kind](body, context),
    ]
    return sorted(
        findings,
        key=lambda finding: (
            finding.severity is not REFUSED,
            finding.severity is not FLAGGED,
            _rule_order(finding.rule),
        ),
    )


def _rule_order(rule: str) -> tuple[int, str]:
    """Return the number of a rule and the letter of a limit that follows from it: R8 before R8a before R10."""
    named = RULE_ID.fullmatch(rule)
    if named is None:
        raise ValueError(f"a finding names a rule as R8 or R8a, not as {rule!r}")
    return int(named[1]), named[2]
