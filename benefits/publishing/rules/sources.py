"""Rules for sources of records: deeds are voluntary and independent of pressure (R11)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules import names
from benefits.publishing.rules.context import FLAGGED, PublicationContext
from consent.domain.document_kinds import Body, Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about a source: its declarations, its client, and whom people agree with."""
    yield from names.check_client(body, context)
    yield from names.check_recipient(body, context)
    onboarding = body["onboarding"]
    for member, code in (
        ("voluntary", "not_voluntary"),
        ("independent_of_employer_landlord_school_penal", "not_independent"),
    ):
        if onboarding[member] is not True:
            detail = "deeds done under pressure are not voluntary: this waits for an officer"
            yield Finding(code, "R11", f"/onboarding/{member}", FLAGGED, detail)
