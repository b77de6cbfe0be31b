"""Objections to a record or about a missing one: states, reasons, claims and deadlines in working days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from consent.domain.records import RecordKind
from consent.kernel.working_days import Calendar

DECIDE_WORKING_DAYS = 7
"""R12: a human decides within seven working days."""
ACKNOWLEDGE_WORKING_DAYS = 2
"""R12: an officer acknowledges it within two working days."""
ANSWER_WORKING_DAYS = 10
"""R12a: a source that was asked for a missing record answers within ten working days, two weeks: it searches lists that
it may hold on paper."""
RETRACTION_OBJECTION_DAYS = 180
"""R12a: days in which a person can object to a retraction, and an officer can restore the record. Half a year, since
many people open the app a few times a year."""

OPEN_MISSING_MAX = 20
"""Objections of one person about missing records that wait for an officer at the same time: three a working day until
the first is due. The records themselves limit objections to them; a program could send these without an end."""

COUNTED_PER_PERSON = 3
"""Objections of one person that figures count, the first ones: more would need more noise for everybody."""


class ObjectionState(StrEnum):
    """States of an objection; while it is open, points stay unchanged.

    An upheld one about a missing record is `asked` until its source has answered: `delivered` or `no_record`.
    `restored` is an upheld one whose record an officer has brought back.
    """

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    CORRECTED = "corrected"
    ASKED = "asked"
    DELIVERED = "delivered"
    NO_RECORD = "no_record"
    RESTORED = "restored"


class Reason(StrEnum):
    """The kinds of error a person may claim; the free statement holds the details."""

    NOT_MINE = "not_mine"
    WRONG_QUANTITY = "wrong_quantity"
    WRONG_DAY = "wrong_day"
    COUNTED_TWICE = "counted_twice"
    MISSING = "missing"
    WRONGLY_RETRACTED = "wrongly_retracted"
    OTHER = "other"


REMOVAL_REASONS = frozenset({Reason.NOT_MINE, Reason.COUNTED_TWICE})
"""Reasons by which the person asks for the removal of the record. Upheld for any other reason, no record is deleted."""


class NoRecordReason(StrEnum):
    """The reasons for which a source that was asked for a record has none to deliver."""

    NO_SUCH_DEED = "no_such_deed"
    NOT_ELIGIBLE = "not_eligible"
    OTHER_ACCOUNT = "other_account"
    ALREADY_DELIVERED = "already_delivered"


CONSENT_ENDED = "consent_ended"
"""The answer of a task that ended with the person's consent: without it nothing may be asked or delivered."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The values that a record should have, as far as its person named them; None where they did not."""

    kind: RecordKind | None = None
    quantity: int | None = None
    occurred_on: date | None = None


NO_CLAIM = Claim()


def fits(claim: Claim, kind: str, occurred_on: date, opened_on: date) -> bool:
    """Report whether a delivered record is the missing one: of the day and kind that were named.

    Without a day, any record up to the day of the objection fits: a later deed cannot have been missing then.
    """
    if claim.kind is not None and kind != claim.kind:
        return False
    return occurred_on == claim.occurred_on if claim.occurred_on is not None else occurred_on <= opened_on


def is_enough(claim: Claim, quantity: int) -> bool:
    """Report whether records of this quantity together are what was missing; any are, where no quantity was named."""
    return claim.quantity is None or quantity >= claim.quantity


def state_of(
    decision: ObjectionState, *, asked: bool, answered: bool, answer: str | None, restored: bool
) -> ObjectionState:
    """Return the state of an objection from the officer's decision, the source's task and the restoration."""
    if restored:
        return ObjectionState.RESTORED
    if not asked:
        return decision
    if not answered:
        return ObjectionState.ASKED
    return ObjectionState.DELIVERED if answer is None else ObjectionState.NO_RECORD


def decide_by(opened_on: date, calendar: Calendar) -> date:
    """Return the last day for a decision."""
    return calendar.after(opened_on, DECIDE_WORKING_DAYS)


def acknowledge_by(opened_on: date, calendar: Calendar) -> date:
    """Return the last day for an acknowledgement."""
    return calendar.after(opened_on, ACKNOWLEDGE_WORKING_DAYS)


def answer_by(asked_on: date, calendar: Calendar) -> date:
    """Return the last day for a source's answer about a missing record."""
    return calendar.after(asked_on, ANSWER_WORKING_DAYS)
