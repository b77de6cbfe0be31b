"""Figures for the public, administrators and officers: released once a week, then frozen (R8).

Frozen, because asking again or differently must give nothing new. Counts are in tens; small ones are suppressed, with a
second one where a small one could be computed from the others.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from tortoise.functions import Count

from benefits.models import Redemption, ReleasedFigures
from benefits.rules.vocabulary import Scene
from benefits.statistics.population import week_of
from consent.consents import live
from consent.database import queries
from consent.documents import lifecycle
from consent.domain import small_cells
from consent.domain.document_kinds import DocumentKind
from consent.oversight import officers


async def load_or_release(today: date, at: datetime) -> dict[str, Any]:
    """Return the figures of the last finished week, as they were at the first request of this week.

    Redemptions by scene and by benefit, live consents by purpose, objections by source, reason and state. Needs the
    caller's transaction; the first request writes `released_figures`.
    """
    week = week_of(today)
    released = await ReleasedFigures.get_or_none(week=week)
    if released is None:
        counted = ReleasedFigures(week=week, figures=json.dumps(await _count(today, at)))
        # Of two first requests at once one inserts; the other must return the same figures, so both read them again.
        await ReleasedFigures.bulk_create([counted], ignore_conflicts=True)
        released = await ReleasedFigures.get(week=week)
    figures: dict[str, Any] = json.loads(released.figures)
    return figures


async def _count(today: date, at: datetime) -> dict[str, Any]:
    monday = today - timedelta(days=today.weekday())
    first, last = monday - timedelta(days=7), monday - timedelta(days=1)
    scene_of = {
        version.document_id: version.body["scene"]
        for version in await lifecycle.all_in_force(DocumentKind.BENEFITS, at)
    }
    by_scene: Counter[str] = Counter()
    by_benefit: dict[str, dict[str, int]] = {str(scene): {} for scene in Scene}
    for benefit_id, scene in sorted(scene_of.items()):
        by_benefit[scene][benefit_id] = 0
    week = Redemption.filter(
        day__gte=queries.to_day_number(first), day__lte=queries.to_day_number(last), state="redeemed"
    )
    for row in await (
        week.annotate(redeemed=Count("redemption_id")).group_by("benefit_id").values("benefit_id", "redeemed")
    ):
        if row["benefit_id"] in scene_of:
            by_scene[scene_of[row["benefit_id"]]] += row["redeemed"]
            by_benefit[scene_of[row["benefit_id"]]][row["benefit_id"]] = row["redeemed"]
    consents = await live.count_by_purpose(at)
    scenes = _suppressed({str(scene): by_scene[scene] for scene in Scene})
    objections = await officers.objection_statistics()
    counts = small_cells.suppress([row["counted"] for row in objections])
    return {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "redemptions": scenes,
        "live_consents": _suppressed(dict(sorted(consents.items()))),
        # The benefits of a suppressed scene would reveal its count.
        "by_benefit": {
            scene: _suppressed(counted) if scenes[scene] is not None else dict.fromkeys(counted)
            for scene, counted in by_benefit.items()
        },
        "objections": [
            {
                "source_id": row["source_id"] or "",
                "reason_code": row["reason_code"],
                "state": row["state"],
                "count": count,
            }
            for row, count in zip(objections, counts, strict=True)
        ],
    }


def _suppressed(counted: dict[str, int]) -> dict[str, int | None]:
    return dict(zip(counted, small_cells.suppress(list(counted.values())), strict=True))
