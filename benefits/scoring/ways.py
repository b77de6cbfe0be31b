"""Ways to reach more points: for each kind of record, the least further quantity of this year that is enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from benefits.rules.conditions import TOTAL
from benefits.scoring.points import Points
from benefits.scoring.scheme import Indicator, Timeline
from consent.domain.records import Dimension, RecordKind, Released

QUANTITY_MAX = 1_000_000
"""The largest quantity of one record; a way that needs more is none."""


@dataclass(frozen=True, slots=True)
class Way:
    """A quantity of one kind of record, done this year, that gives the points asked for."""

    kind: RecordKind
    dimension: Dimension
    quantity: int


def ways_to(points: int, measure: str, released: Released, computed: Points, timeline: Timeline) -> list[Way]:
    """Return the ways to `points` more of a measure, one a kind; kinds that the person has already done come first.

    A kind whose yearly cap or whose dimension's cap leaves no place for so many points is left out. `computed` are the
    points of the released records on its day `as_of`.
    """
    on = computed.as_of
    scheme = timeline.version_for(on.year)
    done = _sums_of_year(released, on)
    spare = {row.dimension: row.cap - row.points for row in computed.dimensions}
    ways = []
    for kind, indicator in scheme.indicators.items():
        if measure not in (TOTAL, indicator.dimension) or spare[indicator.dimension] < points:
            continue
        quantity = _least_quantity(indicator, done[kind], points)
        if quantity is not None:
            ways.append(Way(kind, indicator.dimension, quantity))
    known = {record.kind for record in released.records}
    return sorted(ways, key=lambda way: (way.kind not in known, way.quantity, way.kind))


def _sums_of_year(released: Released, on: date) -> Counter[RecordKind]:
    sums = Counter[RecordKind]()
    for record in released.records:
        if record.occurred_on.year == on.year and record.occurred_on <= on:
            sums[record.kind] += record.quantity
    return sums


def _least_quantity(indicator: Indicator, done: int, points: int) -> int | None:
    """Return the least quantity that gives `points` more than the year's sum `done`; None when none does.

    A binary search is enough: the points of an indicator never fall as its sum rises.
    """
    target = indicator.points_of(done) + points
    if indicator.points_of(done + QUANTITY_MAX) < target:
        return None
    low, high = 0, QUANTITY_MAX
    while high - low > 1:
        middle = (low + high) // 2
        if indicator.points_of(done + middle) >= target:
            high = middle
        else:
            low = middle
    return high
