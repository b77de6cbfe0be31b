"""An independent calculator, written from the contract's words alone: fractions, no code of the service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

Tiers = list[tuple[int | None, Fraction]]
RATES: dict[str, tuple[str, int, Tiers]] = {
    "bike_trip": ("green_living", 100, [(None, Fraction(1, 2))]),
    "transit_trip": ("green_living", 60, [(None, Fraction(1, 4))]),
    "volunteer_minutes": (
        "social_responsibility",
        200,
        [(1200, Fraction(1, 60)), (4800, Fraction(1, 120)), (12000, Fraction(1, 180)), (None, Fraction(1, 240))],
    ),
    "community_meeting": ("social_responsibility", 40, [(None, Fraction(2))]),
    "eco_course": ("ecological_culture", 40, [(None, Fraction(2))]),
    "tree_planted": ("ecological_protection", 50, [(None, Fraction(5))]),
    "green_shop_month": ("ecological_business", 60, [(None, Fraction(5))]),
    "nature_observation": ("ecological_protection", 40, [(None, Fraction(1))]),
    "battery_returned": ("ecological_protection", 40, [(None, Fraction(1, 2))]),
    "item_passed_on": ("green_living", 40, [(None, Fraction(1))]),
    "item_repaired": ("ecological_business", 40, [(None, Fraction(2))]),
    "reading_circle": ("ecological_culture", 40, [(None, Fraction(2))]),
}
Deed = tuple[str, str, int, date]
"""(id, kind, quantity, day)"""


def is_met(document: Mapping[str, Any], standing: Mapping[str, int]) -> bool:
    """Return True if the condition of a document holds for these points by measure."""
    if "all" in document:
        return all(is_met(part, standing) for part in document["all"])
    if "any" in document:
        return any(is_met(part, standing) for part in document["any"])
    return standing.get(document["measure"], 0) >= int(document["at_least"])


def worth(kind: str, total: int) -> int:
    """Points of a year's sum: each unit at its tier's rate, floored once, capped."""
    _, cap, tiers = RATES[kind]
    points, begun = Fraction(0), 0
    for end, rate in tiers:
        upper = total if end is None else min(total, end)
        points += max(0, upper - begun) * rate
        begun = end or begun
    return min(int(points), cap)


def recount(deeds: Iterable[Deed], on: date) -> dict[str, int]:
    """Points by dimension on a day."""
    by_year: dict[tuple[int, str], list[Deed]] = {}
    for deed in deeds:
        by_year.setdefault((deed[3].year, deed[1]), []).append(deed)
    sums = {dimension: 0 for dimension, _, _ in RATES.values()}
    for (year, kind), group in by_year.items():
        running = 0
        for _, _, quantity, day in sorted(group, key=lambda deed: (deed[3], deed[0])):
            gain = worth(kind, running + quantity) - worth(kind, running)
            running += quantity
            last = date(day.year + 2, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=day.year + 2)
            if year >= 2024 and day <= on < last:
                sums[RATES[kind][0]] += gain
    return {dimension: min(points, 200) for dimension, points in sums.items()}
