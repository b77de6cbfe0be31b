"""Quota limits of a benefit: how many redemptions a civil day, week, month or year admits, per resident and in total.

Pure. `quotas` counts against these limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple


class QuotaLimit(NamedTuple):
    """One limit in one period: whether it counts one resident or everybody, how many it admits, its days."""

    per_resident: bool
    period: str
    most: int
    ends_on: date
    begins_on: date

    def admits(self, taken: int) -> bool:
        """Report whether one more redemption fits where `taken` were counted in the period."""
        return taken < self.most


def admit_one_more(limits: Sequence[QuotaLimit], taken: Sequence[int]) -> bool:
    """Report whether each limit admits one more redemption; `taken` are the redemptions counted, in their order."""
    return all(limit.admits(count) for limit, count in zip(limits, taken, strict=True))


def period_of(period: str, day: date) -> tuple[str, date, date]:
    """Return the name of the period a civil day is in, its first and its last day. Weeks begin on Monday.

    Raises:
        ValueError: the period is not day, week, month or year.
    """
    if period == "day":
        return day.isoformat(), day, day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return f"week-{monday.isoformat()}", monday, monday + timedelta(days=6)
    if period == "month":
        first = day.replace(day=1)
        following = (first + timedelta(days=31)).replace(day=1)
        return f"{day.year}-{day.month:02d}", first, following - timedelta(days=1)
    if period == "year":
        return str(day.year), date(day.year, 1, 1), date(day.year, 12, 31)
    raise ValueError("a period is day, week, month or year")


LIMITS_MAX = 3
"""Limits of a benefit at most: for one resident, for the month's money, for everybody together."""


def limits_of(body: Mapping[str, Any], day: date) -> tuple[QuotaLimit, ...]:
    """Return the limits of a benefit's document on `day`: its `quota`, and its `budget` as redemptions of the month.

    Those of everybody come last, since all redemptions wait there.
    """
    quota, budget, limits = body.get("quota") or {}, body.get("budget"), []
    for member, per_resident in (("per_resident", True), ("total", False)):
        if limit := quota.get(member):
            limits.append(QuotaLimit(per_resident, *_counted(limit, day)))
    if budget:
        name, begins_on, ends_on = period_of("month", day)
        most = budget["monthly_fen"] // budget["unit_cost_fen"]
        limits.append(QuotaLimit(False, f"budget-{name}", most, ends_on, begins_on))
    return tuple(limits)


def _counted(limit: dict[str, object], day: date) -> tuple[str, int, date, date]:
    name, begins_on, ends_on = period_of(str(limit["period"]), day)
    count = limit["count"]
    assert isinstance(count, int)
    return name, count, ends_on, begins_on
