"""Objections to a record and about a missing one: their states and the days within which somebody decides."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from consent.kernel.working_days import Calendar

DECIDE_WORKING_DAYS = 7
"""R12: a human decides within seven working days."""
ACKNOWLEDGE_WORKING_DAYS = 2
"""R12: and acknowledges it within two."""


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


def decide_by(opened_on: date, calendar: Calendar) -> date:
    """The last day for a decision."""
    return calendar.after(opened_on, DECIDE_WORKING_DAYS)


def acknowledge_by(opened_on: date, calendar: Calendar) -> date:
    """The last day for an acknowledgement."""
    return calendar.after(opened_on, ACKNOWLEDGE_WORKING_DAYS)
