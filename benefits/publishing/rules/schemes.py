"""The rules for scoring schemes: they work forward only (R1) and leave everybody ways to earn (R16)."""

from __future__ import annotations

from collections.abc import Iterator

from benefits.publishing.rules.context import FLAGGED, REFUSED, PublicationContext
from benefits.scoring import scheme_changes
from benefits.scoring.scheme import Scheme
from benefits.scoring.scheme_changes import VALIDITY_MONTHS_MIN, WAYS_MIN
from consent.domain.document_kinds import Body, Finding
from consent.domain.records import Dimension
from consent.kernel.faults import Values


def check(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """Yield the findings about the first year of a scheme, the ways to earn, and the months that points count.

    Schemes work forward only: a year that has begun, or already has a scheme, is scored as announced (R1).
    """
    yield from _ways(body)
    yield from _validity(body)
    if not context.scheme_years:
        return
    if body["from_year"] <= context.this_year:
        detail = "a scheme begins on a 1 January to come; what was announced for this year stays"
        values = {"least": context.this_year + 1}
        yield Finding("scheme_backwards", "R1", "/from_year", REFUSED, detail, values)
    elif body["from_year"] in context.scheme_years:
        detail = "another scheme was approved for this year already"
        yield Finding("scheme_overlap", "R1", "/from_year", REFUSED, detail)
    else:
        yield from _less(body, context)


def _ways(body: Body) -> Iterator[Finding]:
    """An officer reads a dimension with fewer than WAYS_MIN kinds without riding, walking far or lifting."""
    scheme = Scheme.from_document(body)
    for index, row in enumerate(body["dimensions"]):
        if len(scheme_changes.gentle_kinds(scheme, Dimension(row["dimension"]))) < WAYS_MIN:
            detail = f"fewer than {WAYS_MIN} ways to earn here for people who cannot ride, walk far or lift"
            values: Values = {"least": WAYS_MIN}
            yield Finding("ways_too_few", "R16", f"/dimensions/{index}/dimension", FLAGGED, detail, values)


def _less(body: Body, context: PublicationContext) -> Iterator[Finding]:
    """An officer reads a scheme under which a kind earns less than before: a way to earn could remain in name only."""
    if context.scheme_before is None:
        return
    less = scheme_changes.gives_less(Scheme.from_document(context.scheme_before), Scheme.from_document(body))
    if less:
        detail = f"deeds earn less than under the scheme before: {', '.join(less)}"
        yield Finding("scheme_gives_less", "R16", "/indicators", FLAGGED, detail)


def _validity(body: Body) -> Iterator[Finding]:
    for index, indicator in enumerate(body["indicators"]):
        if indicator["validity_months"] < VALIDITY_MONTHS_MIN:
            detail = f"points count for at least {VALIDITY_MONTHS_MIN} months"
            values: Values = {"least": VALIDITY_MONTHS_MIN}
            yield Finding("validity_too_short", "R16", f"/indicators/{index}/validity_months", REFUSED, detail, values)
