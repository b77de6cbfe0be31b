"""Figures for the public, administrators and officers: released once a week with noise, then frozen (R8, R8a).

Frozen, because asking again or differently must give nothing new. Counts are in tens; small ones are suppressed, with a
second one where a small one could be computed from the others.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from tortoise.functions import Count

from benefits.models import Redemption, ReleasedFigures
from benefits.rules.vocabulary import Scene
from benefits.statistics import noise, releases
from benefits.statistics.privacy_budget import ALLOWANCES, REDEMPTIONS_PER_PERSON, ReleaseKind
from benefits.statistics.releases import Question
from benefits.statistics.weeks import Week
from consent.consents import live
from consent.database import queries
from consent.documents import lifecycle
from consent.domain import small_cells
from consent.domain.document_kinds import Body, DocumentKind
from consent.domain.exact_counts import ExactCounts
from consent.domain.purposes import Purpose
from consent.oversight import people_counts

FIGURES = (ReleaseKind.REDEMPTIONS, ReleaseKind.LIVE_CONSENTS, ReleaseKind.OBJECTIONS, ReleaseKind.COMPLAINTS)
"""The kinds of number in the figures of a week."""
REDEEMED, COMPLAINED = ALLOWANCES[ReleaseKind.REDEMPTIONS], ALLOWANCES[ReleaseKind.COMPLAINTS]
EVERYBODY = "everybody"
"""The group of people with any live consent; if it is too small, no figure is released."""


async def load_or_count(week: Week) -> dict[str, Any]:
    """Return the figures that are released in `week`, the present one, as they were at its first request.

    Redemptions are those of the finished week before: in all, by scene, by benefit and by the benefit's division. Live
    consents by purpose, objections by source, reason and state, and complaints by provider are as of the first request.
    The keys are those of `_composed`, and `too_few_people`: true where too few people have a consent, and then every
    count is None or left out. Needs the caller's transaction; the first request writes `released_figures` and spends
    the week's shares.
    """
    stored = await ReleasedFigures.get_or_none(week=week.number)
    if stored is None:
        counted = ReleasedFigures(week=week.number, figures=json.dumps(await _count(week)))
        # Of two first requests at once one inserts; the other must return the same figures, so both read them again.
        await ReleasedFigures.bulk_create([counted], ignore_conflicts=True)
        stored = await ReleasedFigures.get(week=week.number)
    figures: dict[str, Any] = json.loads(stored.figures)
    return figures


async def _count(week: Week) -> dict[str, Any]:
    benefits = await _benefits_in_force(week)
    source_ids = [version.document_id for version in await lifecycle.all_in_force(DocumentKind.SOURCES, week.at)]
    provider_ids = [version.document_id for version in await lifecycle.all_in_force(DocumentKind.PROVIDERS, week.at)]
    people = await releases.noisy_people_count(week, EVERYBODY, lambda: live.count_people(week.at))

    async def figures_of(kind: ReleaseKind, count: Callable[[], Awaitable[ExactCounts]]) -> dict[str, int]:
        return {} if people is None else await releases.noisy_counts(Question(week, kind, {}), count)

    return {
        "too_few_people": people is None,
        **_composed(
            week,
            benefits,
            {
                ReleaseKind.REDEMPTIONS: await figures_of(
                    ReleaseKind.REDEMPTIONS, lambda: count_redemptions(sorted(benefits), week)
                ),
                ReleaseKind.LIVE_CONSENTS: await figures_of(
                    ReleaseKind.LIVE_CONSENTS, lambda: live.count_by_purpose(week.at)
                ),
                ReleaseKind.OBJECTIONS: await figures_of(
                    ReleaseKind.OBJECTIONS, lambda: people_counts.count_objections(source_ids)
                ),
                ReleaseKind.COMPLAINTS: await figures_of(
                    ReleaseKind.COMPLAINTS, lambda: people_counts.count_complaints(provider_ids, week.at)
                ),
            },
        ),
    }


async def add_synthetic(week: Week, counted: Mapping[ReleaseKind, ExactCounts]) -> None:
    """Store invented figures of a week, with the noise of real ones and marked `synthetic`; released ones stay.

    Only the demonstration city calls this. It spends no epsilon, because nobody is counted. Needs `noise.load` before.
    """
    noisy = {kind: releases.noisy(exact, kind) for kind, exact in counted.items()}
    figures = {
        "too_few_people": False,
        "synthetic": True,
        **_composed(week, await _benefits_in_force(week), noisy),
    }
    row = ReleasedFigures(week=week.number, figures=json.dumps(figures))
    await ReleasedFigures.bulk_create([row], ignore_conflicts=True)


async def load_newest(week: Week, limit: int) -> list[dict[str, Any]]:
    """Return the figures of the newest `limit` weeks up to this one, oldest first, as they were released.

    Needs the caller's transaction, as `load_or_count`.
    """
    await load_or_count(week)
    rows = await ReleasedFigures.filter(week__lte=week.number).order_by("-week").limit(limit).values("figures")
    return [json.loads(row["figures"]) for row in reversed(rows)]


async def _benefits_in_force(week: Week) -> dict[str, Body]:
    benefits = await lifecycle.all_in_force(DocumentKind.BENEFITS, week.at)
    return {version.document_id: version.body for version in benefits}


def _composed(
    week: Week, benefits: Mapping[str, Body], noisy: Mapping[ReleaseKind, Mapping[str, int]]
) -> dict[str, Any]:
    """Return the figures that are made of noisy counts: rounded to tens, small ones suppressed with their complements.

    Everything here is computed from the noisy counts alone, so it costs no epsilon.
    """
    first, last = week.monday - timedelta(days=7), week.monday - timedelta(days=1)
    redeemed, consents, objections, complaints = (noisy.get(kind, {}) for kind in FIGURES)
    by_benefit: dict[str, dict[str, int]] = {str(scene): {} for scene in Scene}
    by_division: dict[str, list[int]] = {}
    for benefit_id, body in sorted(benefits.items()):
        by_benefit[body["scene"]][benefit_id] = count = redeemed.get(benefit_id, 0)
        by_division.setdefault(body["division"], []).append(count)
    # A scene, a division and the whole are sums of noisy counts of benefits.
    scenes = _suppressed({scene: sum(counted.values()) for scene, counted in by_benefit.items()})
    (total,) = small_cells.suppress([sum(redeemed.get(benefit_id, 0) for benefit_id in benefits)])
    rows = zip(objections, small_cells.suppress(list(objections.values())), strict=True)
    return {
        "first_day": first.isoformat(),
        "last_day": last.isoformat(),
        "give_or_take": {str(kind): ALLOWANCES[kind].give_or_take for kind in FIGURES},
        "redemptions": scenes,
        "redemptions_total": total,
        "redemptions_by_division": _suppressed({name: sum(counts) for name, counts in sorted(by_division.items())}),
        # A sum of several noisy counts is further from the truth than one of them.
        "give_or_take_of_sums": {
            "total": REDEEMED.give_or_take_of_sum(len(benefits)),
            "scenes": {scene: REDEEMED.give_or_take_of_sum(len(counted)) for scene, counted in by_benefit.items()},
            "divisions": {name: REDEEMED.give_or_take_of_sum(len(counts)) for name, counts in by_division.items()},
        },
        # An empty cell reaches the noise's floor too seldom to accuse a provider; a smaller number says nothing.
        "complaints": {
            name: small_cells.rounded(count) if count >= _complaint_floor(len(complaints)) else None
            for name, count in complaints.items()
        },
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


def _complaint_floor(cells: int) -> int:
    return max(small_cells.CELL_MIN, noise.noise_floor(cells, COMPLAINED.per_person, COMPLAINED.cost_milli))


def _suppressed(counted: dict[str, int]) -> dict[str, int | None]:
    return dict(zip(counted, small_cells.suppress(list(counted.values())), strict=True))
