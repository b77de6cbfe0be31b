"""The rules for scoring schemes: they work forward only (R1)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import REFUSED, Body, PublicationContext
from consent.domain.document_kinds import Finding


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about the first year of a scheme.

    Schemes work forward only: a year that has begun, or already has a scheme, is scored as announced (R1).
    """
    if not context.scheme_years:
        return
    if body["from_year"] <= context.this_year:
        detail = "a scheme begins on a 1 January to come; what was announced for this year stays"
        values = {"least": context.this_year + 1}
        yield Finding("scheme_backwards", "R1", "/from_year", REFUSED, detail, values)
    elif body["from_year"] in context.scheme_years:
        detail = "another scheme was approved for this year already"
        yield Finding("scheme_overlap", "R1", "/from_year", REFUSED, detail)
