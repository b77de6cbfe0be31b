"""The civil week that numbers about people are released in: from Monday until the next Monday, in the city's zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from consent.kernel.instants import to_day_number


@dataclass(frozen=True, slots=True)
class Week:
    """The week of the instant `at`: that civil day, its Monday, and the instant at which the next week begins."""

    at: datetime
    today: date
    monday: date
    ends_at: datetime

    @property
    def number(self) -> int:
        """The Monday as `yyyymmdd`, which keys the tables of a week."""
        return to_day_number(self.monday)

    @property
    def retry_after_seconds(self) -> int:
        """Seconds until the next week, which has a budget of its own."""
        return max(1, math.ceil((self.ends_at - self.at).total_seconds()))


def week_at(at: datetime, zone: tzinfo) -> Week:
    """Return the civil week of an instant in a city's zone."""
    today = at.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    return Week(at, today, monday, datetime.combine(monday + timedelta(days=7), time(), zone))
