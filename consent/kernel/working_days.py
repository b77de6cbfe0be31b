"""Working days: Monday to Friday, less holidays, plus weekend days that are worked instead, from dated files.

A year whose holidays are not announced yet counts plain weekdays: a deadline is then a little early, never late.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources

SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days that differ from the plain week."""

    holidays: frozenset[date]
    worked: frozenset[date]

    def is_working(self, day: date) -> bool:
        """Whether offices work on this day."""
        return day in self.worked or (day.weekday() < SATURDAY and day not in self.holidays)

    def after(self, day: date, working_days: int) -> date:
        """The day so many working days after `day`, which itself does not count."""
        while working_days:
            day += timedelta(days=1)
            working_days -= self.is_working(day)
        return day


@lru_cache(maxsize=1)
def shipped() -> Calendar:
    """The calendar of the files that come with the package."""
    holidays: set[date] = set()
    worked: set[date] = set()
    for entry in (resources.files("consent") / "calendars").iterdir():
        if entry.name.endswith(".toml"):
            document = tomllib.loads(entry.read_text(encoding="utf-8"))
            holidays |= {date.fromisoformat(one) for one in document["holidays"]}
            worked |= {date.fromisoformat(one) for one in document["worked"]}
    return Calendar(frozenset(holidays), frozenset(worked))
