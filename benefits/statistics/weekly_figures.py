"""Figures for the public, administrators and officers: released once a week with noise, then frozen (R8, R8a).

Frozen, because asking again or differently must give nothing new. Counts are in tens; small ones are suppressed, with a
second one where a small one could be computed from the others.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from tortoise.functions import Count

from benefits.models import Redemption, ReleasedFigures
from benefits.rules.vocabulary import Scene
from benefits.statistics import releases
from benefits.statistics.privacy_budget import ALLOWANCES, REDEMPTIONS_PER_PERSON, ReleaseKind
from benefits.statistics.releases import Question
from benefits.statistics.weeks import Week
from consent.consents import live
from consent.database import queries
from consent.documents import lifecycle
from consent.domain import small_cells
from consent.domain.document_kinds import DocumentKind
from consent.domain.exact_counts import ExactCounts
from consent.domain.purposes import Purpose
from consent.oversight import people_counts

FIGURES = (ReleaseKind.REDEMPTIONS, ReleaseKind.LIVE_CONSENTS, ReleaseKind.OBJECTIONS)
"""The kinds of number in the figures of a week."""
EVERYBODY = "everybody"
"""The group of people with any live consent; if it is too small, no figure is released."""


async def load_or_release(week: Week) -> dict[str, Any]:
    """Return the figures of the last finished week, as they were at the first request of this week.

    Redemptions by scene, by benefit and by the benefit's division, live consents by purpose, objections by source,
    reason and state. Needs the caller's transaction; the first request writes `released_figures` and spends the week's
    shares.
    """
    released = await ReleasedFigures.get_or_none(week=week.number)
    if released is None:
        counted = ReleasedFigures(week=week.number, figures=json.dumps(await _release(week)))
        # Of two first requests at once one inserts; the other must return the same figures, so both read them again.
        await ReleasedFigures.bulk_create([counted], ignore_conflicts=True)
        released = await ReleasedFigures.get(week=week.number)
    figures: dict[str, Any] = json.loads(released.figures)
    return figures


async def _release(week: Week) -> dict[str, Any]:
    first, last = week.monday - timedelta(days=7), week.monday - timedelta(days=1)
    benefits = {
        version.document_id: version.body for version in await lifecycle.all_in_force(DocumentKind.BENEFITS, week.at)
    }
    source_ids = [version.document_id for version in await lifecycle.all_in_force(DocumentKind.SOURCES, week.at)]
    people = await releases.count_people(week, EVERYBODY, lambda: live.count_people(week.at))

    async def release(kind: ReleaseKind, count: Callable[[], Awaitable[ExactCounts]]) -> dict[str, int]:
        return {} if people is None else await releases.release(Question(week, kind, {}), count)

    redeemed = await release(ReleaseKind.REDEMPTIONS, lambda: count_redemptions(sorted(benefits), week))
    consents = await release(ReleaseKind.LIVE_CONSENTS, lambda: live.count_by_purpose(week.at))
    objections = await release(ReleaseKind.OBJECTIONS, lambda: people_counts.count_objections(source_ids))
    by_benefit: dict[str, dict[str, int]] = {str(scene): {} for scene in Scene}
    by_division: dict[str, int] = {}
    for benefit_id, body in sorted(benefits.items()):
        by_benefit[body["scene"]][benefit_id] = count = redeemed.get(benefit_id, 0)
        by_division[body["division"]] = by_division.get(body["division"], 0) + count
    # A scene or division is the sum of its benefits' noisy counts, which costs nothing more.
    scenes = _suppressed({scene: sum(counted.values()) for scene, counted in by_benefit.items()})
    rows = zip(objections, small_cells.suppress(list(objections.values())), strict=True)
    return {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "too_few_people": people is None,
        "give_or_take": {str(kind): ALLOWANCES[kind].give_or_take for kind in FIGURES},
        "redemptions": scenes,
        "redemptions_by_division": _suppressed(dict(sorted(by_division.items()))),
        "live_consents": _suppressed({str(purpose): consents.get(purpose, 0) for purpose in Purpose}),
        # The benefits of a suppressed scene would reveal its count.
        "by_benefit": {
            scene: _suppressed(counted) if scenes[scene] is not None else dict.fromkeys(counted)
            for scene, counted in by_benefit.items()
        },
        # An empty cell is there too; the suppressed ones are left out, or the list would be all of them.
        "objections": [
            {**dict(zip(("source_id", "reason_code", "state"), cell.split("|"), strict=True)), "count": count}
            for cell, count in rows
            if count is not None
        ],
    }


async def count_redemptions(benefit_ids: list[str], week: Week) -> ExactCounts:
    """Count last week's redemptions by benefit. A redemption has no person: REDEMPTIONS_PER_PERSON is assumed."""
    rows = (
        await Redemption.filter(
            day__gte=queries.to_day_number(week.monday - timedelta(days=7)), day__lt=week.number, state="redeemed"
        )
        .annotate(redeemed=Count("redemption_id"))
        .group_by("benefit_id")
        .values("benefit_id", "redeemed")
    )
    counted = {row["benefit_id"]: row["redeemed"] for row in rows}
    return ExactCounts({name: counted.get(name, 0) for name in benefit_ids}, REDEMPTIONS_PER_PERSON)


def _suppressed(counted: dict[str, int]) -> dict[str, int | None]:
    return dict(zip(counted, small_cells.suppress(list(counted.values())), strict=True))
