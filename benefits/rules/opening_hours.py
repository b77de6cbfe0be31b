"""Opening hours of a venue, in a closed part of OpenStreetMap's `opening_hours`. Pure.

`Mo-Fr 09:00-12:00,13:00-17:00; Sa 09:00-16:00`: rules with days and times, apart by `; `. A day is named at most once;
one that is not named is closed. Nothing else can be written, so that hours carry no free text.
Source: https://wiki.openstreetmap.org/wiki/Key:opening_hours
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
HOURS_MAX = 200
"""Characters of a venue's hours: a rule for each day, with two times a day."""
_DAY = rf"(?:{'|'.join(DAYS)})"
_DAYS = re.compile(rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*")
_TIME = r"(?:[01][0-9]|2[0-4]):[0-5][0-9]"
_TIMES = re.compile(rf"{_TIME}-{_TIME}(?:,{_TIME}-{_TIME})*")
MIDNIGHT = "24:00"


class HoursInvalid(ValueError):
    """Hours that do not follow the grammar; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class OpenDays:
    """Days with equal hours.

    `days` are ranges of (first, last), indexes into DAYS, the two equal for a single day. `times` are (from, until) of
    one day, as HH:MM, earliest first.
    """

    days: tuple[tuple[int, int], ...]
    times: tuple[tuple[str, str], ...]


def parse(text: str) -> tuple[OpenDays, ...]:
    """Parse opening hours.

    Raises:
        HoursInvalid: the text does not follow the grammar, names a day twice, or has times that overlap.
    """
    rules = tuple(_rule(rule) for rule in text.split("; "))
    named = [day for rule in rules for first, last in rule.days for day in range(first, last + 1)]
    if len(named) != len(set(named)):
        raise HoursInvalid("a day is named once")
    return rules


def _rule(rule: str) -> OpenDays:
    days, _, times = rule.partition(" ")
    if not _DAYS.fullmatch(days) or not _TIMES.fullmatch(times):
        raise HoursInvalid("hours are written like Mo-Fr 09:00-17:00; Sa 09:00-12:00")
    ranges = tuple(_range(part) for part in days.split(","))
    spans = tuple(_span(part) for part in times.split(","))
    if any(earlier[1] > later[0] for earlier, later in pairwise(spans)):
        raise HoursInvalid("times of a day follow each other")
    return OpenDays(ranges, spans)


def _range(part: str) -> tuple[int, int]:
    first, _, last = part.partition("-")
    start = DAYS.index(first)
    if not last:
        return start, start
    end = DAYS.index(last)
    if end <= start:
        raise HoursInvalid("days follow each other from Mo to Su")
    return start, end


def _span(part: str) -> tuple[str, str]:
    start, _, end = part.partition("-")
    if not start < end <= MIDNIGHT:
        raise HoursInvalid("times are from 00:00 to 24:00, the earlier one first")
    return start, end
