"""Figures for the public, administrators and officers: released once a week, then frozen, so that asking again or
differently gives nothing new (R8).

Counts are in tens; what is small is left out, with a second one where it could be had from the others.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from benefits.rules.vocabulary import Scene
from benefits.statistics.population import week_of
from consent.database import queries
from consent.documents import lifecycle
from consent.domain import small_cells
from consent.domain.document_kinds import DocumentKind
from consent.oversight import officers


async def load_or_release(today: date, at: datetime) -> dict[str, Any]:
    """The figures of the last finished week for every audience, as they were when anybody first asked.

    Redemptions by scene and by benefit, live consents by purpose, objections by source, reason and state. In a
    transaction.
    """
    week = week_of(today)
    found = await queries.fetch_one("SELECT figures FROM released_figures WHERE week = $1", week)
    if found is None:
        await queries.execute(
            "INSERT INTO released_figures (week, figures) VALUES ($1, $2) ON CONFLICT (week) DO NOTHING",
            week,
            json.dumps(await _count(today, at)),
        )
        found = await queries.fetch_one("SELECT figures FROM released_figures WHERE week = $1", week)
        assert found is not None
    figures: dict[str, Any] = json.loads(found["figures"])
    return figures


async def _count(today: date, at: datetime) -> dict[str, Any]:
    monday = today - timedelta(days=today.weekday())
    first, last = monday - timedelta(days=7), monday - timedelta(days=1)
    scene_of = {one.document_id: one.body["scene"] for one in await lifecycle.all_in_force(DocumentKind.BENEFITS, at)}
    by_scene: Counter[str] = Counter()
    by_benefit: dict[str, dict[str, int]] = {str(scene): {} for scene in Scene}
    for benefit_id, scene in sorted(scene_of.items()):
        by_benefit[scene][benefit_id] = 0
    for row in await queries.fetch_all(
        "SELECT benefit_id, count(*) AS redeemed FROM redemption WHERE day >= $1 AND day <= $2 AND state = 'redeemed'"
        " GROUP BY benefit_id",
        queries.to_day_number(first),
        queries.to_day_number(last),
    ):
        if row["benefit_id"] in scene_of:
            by_scene[scene_of[row["benefit_id"]]] += row["redeemed"]
            by_benefit[scene_of[row["benefit_id"]]][row["benefit_id"]] = row["redeemed"]
    consents: Counter[str] = Counter()
    for row in await queries.fetch_all(
        "SELECT purpose, count(*) AS counted FROM consent WHERE state = 'given' AND given_at < $1 AND expires_at > $1"
        " GROUP BY purpose",
        queries.to_micros(at),
    ):
        consents[row["purpose"]] += row["counted"]
    scenes = _suppressed({str(scene): by_scene[scene] for scene in Scene})
    objections = await officers.objection_statistics()
    counts = small_cells.suppress([row["counted"] for row in objections])
    return {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "redemptions": scenes,
        "live_consents": _suppressed(dict(sorted(consents.items()))),
        # Where a scene is left out, its benefits would give it away.
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
