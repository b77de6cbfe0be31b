"""The officer's board: what is due, in lanes by working day, the oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from consent.kernel.working_days import Calendar

DAY_LANES = 3
"""Lanes of single days after today's; later ones share a lane."""
STRIP_DAYS = 7
"""Working days of a decision, and segments of the strip that shows them."""


@dataclass(frozen=True, slots=True)
class Due:
    """A task with its deadline. `days_left` are working days, negative when it has passed."""

    kind: str
    """`acknowledge` or `decide` for an objection, `complaint`, else `ended_link`, `correction` or `asked_record` of a
    source."""
    row: Mapping[str, Any]
    due_on: date
    days_left: int

    @property
    def used(self) -> int:
        """Segments of the strip that are over."""
        return min(STRIP_DAYS, max(0, STRIP_DAYS - self.days_left))


@dataclass(slots=True)
class Lane:
    """Tasks of one day; `day` is None for the lane of later ones. `is_first` is today's, with everything overdue."""

    day: date | None
    is_first: bool = False
    tasks: list[Due] = field(default_factory=list)


def lanes(
    today: date,
    calendar: Calendar,
    objections: Iterable[Mapping[str, Any]],
    propagations: Iterable[Mapping[str, Any]],
    complaints: Iterable[Mapping[str, Any]] = (),
) -> list[Lane]:
    """Return the lanes: today and overdue, the next days on which something is due, and later."""
    tasks = [_objection(row, today, calendar) for row in objections]
    tasks += [_due(row["kind"], row, row["due_on"], today, calendar) for row in propagations]
    tasks += [_due("complaint", row, row["answer_by"], today, calendar) for row in complaints]
    tasks.sort(key=lambda task: (task.due_on, task.kind))
    days = sorted({task.due_on for task in tasks if task.due_on > today})[:DAY_LANES]
    lanes = [Lane(today, is_first=True), *(Lane(day) for day in days), Lane(None)]
    for task in tasks:
        lane = lanes[0] if task.due_on <= today else next((day for day in lanes if day.day == task.due_on), lanes[-1])
        lane.tasks.append(task)
    return lanes if lanes[-1].tasks else lanes[:-1]


def _objection(row: Mapping[str, Any], today: date, calendar: Calendar) -> Due:
    if row["acknowledged"]:
        return _due("decide", row, row["decide_by"], today, calendar)
    return _due("acknowledge", row, row["acknowledge_by"], today, calendar)


def _due(kind: str, row: Mapping[str, Any], day: str, today: date, calendar: Calendar) -> Due:
    due_on = date.fromisoformat(day)
    return Due(kind, row, due_on, _days_between(today, due_on, calendar))


def _days_between(first: date, last: date, calendar: Calendar) -> int:
    """Return the working days after `first` up to `last`, negative if it is before."""
    if last < first:
        return -_days_between(last, first, calendar)
    days: Sequence[date] = [first + timedelta(days=number + 1) for number in range((last - first).days)]
    return sum(calendar.is_working(day) for day in days)
