"""Objections to a record and about a missing one: their states and the days within which somebody decides."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

DECIDE_WORKING_DAYS = 7
"""R12: a human decides within seven working days."""
SATURDAY = 5


class ObjectionState(StrEnum):
    """An open objection lowers nothing."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    CORRECTED = "corrected"


class Reason(StrEnum):
    """What a person may say is wrong; the statement says the rest."""

    NOT_MINE = "not_mine"
    WRONG_QUANTITY = "wrong_quantity"
    WRONG_DAY = "wrong_day"
    COUNTED_TWICE = "counted_twice"
    MISSING = "missing"
    OTHER = "other"


def decide_by(opened_on: date, working_days: int = DECIDE_WORKING_DAYS) -> date:
    """The last day for a decision: weekdays after the opening, Monday to Friday."""
    day, left = opened_on, working_days
    while left:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY:
            left -= 1
    return day
