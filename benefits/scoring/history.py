"""Points over time, under the records of today: the totals on the last day of each month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from benefits.scoring import points
from benefits.scoring.points import DimensionPoints
from benefits.scoring.scheme import Timeline
from consent.domain.records import Released

MONTHS_IN_YEAR = 12


@dataclass(frozen=True, slots=True)
class MonthPoints:
    """Points on the last day of a month, or on the present day of the running month."""

    month: str
    """Year and month, `2026-11`."""
    on: date
    total: int
    dimensions: tuple[DimensionPoints, ...]


def by_month(released: Released, timeline: Timeline, today: date, months: int) -> list[MonthPoints]:
    """Return the points of the last `months` months, oldest first; the last one is that of `today`.

    Months before the first scheme are left out: nothing could be earned then.
    """
    rows = []
    for on in _last_days(today, months):
        try:
            computed = points.compute(released, timeline, on)
        except LookupError:
            continue
        rows.append(MonthPoints(f"{on:%Y-%m}", on, computed.total, computed.dimensions))
    return rows


def _last_days(today: date, months: int) -> Iterator[date]:
    first = today.year * MONTHS_IN_YEAR + today.month - months
    for index in range(first, first + months):
        year, month = index // MONTHS_IN_YEAR, index % MONTHS_IN_YEAR + 1
        yield min(today, date(year, month, monthrange(year, month)[1]))
