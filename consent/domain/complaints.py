"""Complaints of a resident about how a venue treated them: reasons, states and the deadline of the answer."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from consent.kernel.working_days import Calendar

ANSWER_WORKING_DAYS = 7
"""An officer answers in writing within seven working days, like an objection (R12)."""
OPEN_COMPLAINTS_MAX = 20
"""Complaints of one person that wait for an answer at the same time: three a working day until the first is due. A
program that sends more would fill the queue in which everybody else's complaints wait."""


COUNTED_PER_PERSON = 1
"""A provider's number of complaints counts each person once, at the provider of their latest complaint: noise that
hides three would leave nothing of the small numbers that complaints are."""
COUNTED_DAYS = 365
"""Complaints older than a year are not counted: a provider that has mended its ways reads so."""


class ComplaintReason(StrEnum):
    """The kinds of treatment that a resident may complain about; the statement, if there is one, has the details."""

    NOT_HONOURED = "not_honoured"
    WORSE_THAN_STANDARD = "worse_than_standard"
    ASKED_FOR_POINTS = "asked_for_points"
    ASKED_WHO_I_AM = "asked_who_i_am"
    OTHER = "other"


class ComplaintState(StrEnum):
    """States of a complaint."""

    OPEN = "open"
    ANSWERED = "answered"


def answer_deadline(opened_on: date, calendar: Calendar) -> date:
    """Return the last day for the answer."""
    return calendar.after(opened_on, ANSWER_WORKING_DAYS)
