"""The administrator's report on the use of benefits, made of the weekly figures that were released (R8a).

It counts nothing itself: each number is the one that the public figures and the other reports have, so that no two
noisy answers for one number can be averaged, and no epsilon is spent beyond the week's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benefits.statistics import weekly_figures
from benefits.statistics.privacy_budget import ReleaseKind
from consent.documents import lifecycle, versions
from consent.domain.document_kinds import DocumentKind
from service.api.admin import usage_schemas
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

WEEKS_MAX = 26
"""Weeks of the report by week: half a year, as many columns as a plot can label."""
GROUPS = ("week", "benefit", "division")
Figures = Mapping[str, Any]


async def report_usage(context: RequestContext, _: None) -> Answer:
    """Return redemptions by week, benefit or division, as `?by=` says, for the week that begins on `?week=`.

    Problem bad_query for another group, or for a week that is not among the last WEEKS_MAX that were released.
    Writes the last week's figures at the first call of a week, as every other reader of them does.
    """
    by = context.request.query_params.get("by", GROUPS[0])
    if by not in GROUPS:
        raise Problem("bad_query")
    rows: Sequence[usage_schemas.UsageRow]
    first_day = context.request.query_params.get("week")
    weeks = await weekly_figures.load_newest(context.week, WEEKS_MAX if by == "week" or first_day is not None else 1)
    if first_day is not None:
        weeks = [figures for figures in weeks if figures["first_day"] == first_day]
        if not weeks:
            raise Problem("bad_query")
    last = weeks[-1]
    if by == "week":
        rows = [_week_row(figures) for figures in weeks]
    elif by == "benefit":
        rows = await _benefit_rows(context, last)
    else:
        rows = _division_rows(last)
    return Answer(
        usage_schemas.UsageReport(
            by=by,
            first_day=weeks[0]["first_day"],
            last_day=last["last_day"],
            synthetic=any(figures.get("synthetic", False) for figures in weeks),
            data=list(rows),
        )
    )


def _week_row(figures: Figures) -> usage_schemas.UsageRow:
    """Return the row of a week. Figures that were released before a member existed lack it."""
    return usage_schemas.UsageRow(
        key=figures["first_day"],
        count=figures.get("redemptions_total"),
        give_or_take=figures.get("give_or_take_of_sums", {}).get("total"),
        too_few_people=figures.get("too_few_people", False),
    )


async def _benefit_rows(context: RequestContext, figures: Figures) -> Sequence[usage_schemas.UsageRow]:
    benefits = await lifecycle.all_in_force(DocumentKind.BENEFITS, context.at)
    names = {version.document_id: versions.name_of(version.kind, version.body) for version in benefits}
    counts = {name: count for scene in figures.get("by_benefit", {}).values() for name, count in scene.items()}
    # A benefit that was redeemed in that week may be suspended or ended by now: it keeps the name that it had.
    for benefit_id in counts.keys() - names.keys():
        names[benefit_id] = await versions.last_name_of(DocumentKind.BENEFITS, benefit_id) or {}
    return [
        usage_schemas.UsageRow(
            key=name,
            name=names.get(name) or None,
            count=count,
            give_or_take=figures.get("give_or_take", {}).get(ReleaseKind.REDEMPTIONS),
            too_few_people=figures.get("too_few_people", False),
        )
        for name, count in sorted(counts.items())
    ]


def _division_rows(figures: Figures) -> Sequence[usage_schemas.UsageRow]:
    distances = figures.get("give_or_take_of_sums", {}).get("divisions", {})
    return [
        usage_schemas.UsageRow(
            key=division,
            count=count,
            give_or_take=distances.get(division),
            too_few_people=figures.get("too_few_people", False),
        )
        for division, count in figures.get("redemptions_by_division", {}).items()
    ]
