"""Working days: Monday to Friday, less holidays, plus weekend days worked instead, from the files in `calendars/`.

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
    """The days that differ from the plain week."""

    holidays: frozenset[date]
    worked: frozenset[date]

    def is_working(self, day: date) -> bool:
        """Return True if offices work on this day."""
        return day in self.worked or (day.weekday() < SATURDAY and day not in self.holidays)

    def after(self, day: date, working_days: int) -> date:
        """Return the day that is `working_days` working days after `day`, not counting `day` itself."""
        while working_days:
            day += timedelta(days=1)
            working_days -= self.is_working(day)
        return day


@lru_cache(maxsize=1)
def shipped() -> Calendar:
    """Return the calendar of the files that come with the package, read once a process."""
    holidays: set[date] = set()
    worked: set[date] = set()
    for entry in (resources.files("consent") / "calendars").iterdir():
        if entry.name.endswith(".toml"):
            document = tomllib.loads(entry.read_text(encoding="utf-8"))
            holidays |= {date.fromisoformat(day) for day in document["holidays"]}
            worked |= {date.fromisoformat(day) for day in document["worked"]}
    return Calendar(frozenset(holidays), frozenset(worked))
