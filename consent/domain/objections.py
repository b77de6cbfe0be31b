"""Objections to a record or about a missing one: states, reasons and deadlines in working days."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from consent.kernel.working_days import Calendar

DECIDE_WORKING_DAYS = 7
"""R12: a human decides within seven working days."""
ACKNOWLEDGE_WORKING_DAYS = 2
"""R12: an officer acknowledges it within two working days."""


class ObjectionState(StrEnum):
    """States of an objection; while it is open, points stay unchanged."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    CORRECTED = "corrected"


class Reason(StrEnum):
    """The kinds of error a person may claim; the free statement holds the details."""

    NOT_MINE = "not_mine"
    WRONG_QUANTITY = "wrong_quantity"
    WRONG_DAY = "wrong_day"
    COUNTED_TWICE = "counted_twice"
    MISSING = "missing"
    OTHER = "other"


def decide_by(opened_on: date, calendar: Calendar) -> date:
    """Return the last day for a decision."""
    return calendar.after(opened_on, DECIDE_WORKING_DAYS)


def acknowledge_by(opened_on: date, calendar: Calendar) -> date:
    """Return the last day for an acknowledgement."""
    return calendar.after(opened_on, ACKNOWLEDGE_WORKING_DAYS)
