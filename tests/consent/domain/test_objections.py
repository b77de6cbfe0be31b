"""Objections and corrections as values: states, deadlines, fitting records, reasons of sources."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.domain import objections
from consent.domain.corrections import OBJECTION_UPHELD, RESERVED_WORDS, SourceReason, source_reason
from consent.domain.objections import NO_CLAIM, Claim, ObjectionState, state_of
from consent.domain.records import RecordKind
from consent.kernel import working_days

OPENED = date(2026, 11, 23)


def test_deadlines_and_periods() -> None:
    assert (objections.ANSWER_WORKING_DAYS, objections.RETRACTION_OBJECTION_DAYS) == (10, 180)
    assert objections.answer_by(date(2026, 11, 23), working_days.shipped()) == date(2026, 12, 7)


@pytest.mark.parametrize(
    ("claim", "day", "expected"),
    [
        (NO_CLAIM, OPENED, True),
        (NO_CLAIM, date(2026, 11, 24), False),
        (Claim(kind=RecordKind.TREE_PLANTED), OPENED, False),
        (Claim(occurred_on=OPENED), OPENED, True),
        (Claim(occurred_on=date(2026, 11, 22)), OPENED, False),
    ],
)
def test_a_delivered_record_fits_a_claim(claim: Claim, day: date, expected: bool) -> None:
    assert objections.fits(claim, RecordKind.BIKE_TRIP, day, OPENED) is expected


@pytest.mark.parametrize(
    ("claimed", "delivered", "expected"), [(None, 1, True), (10, 9, False), (10, 10, True), (10, 11, True)]
)
def test_less_than_was_claimed_is_not_enough(claimed: int | None, delivered: int, expected: bool) -> None:
    assert objections.is_enough(Claim(quantity=claimed), delivered) is expected


@pytest.mark.parametrize(
    ("asked", "answered", "answer", "restored", "state"),
    [
        (False, False, None, False, ObjectionState.UPHELD),
        (True, False, None, False, ObjectionState.ASKED),
        (True, True, None, False, ObjectionState.DELIVERED),
        (True, True, "no_such_deed", False, ObjectionState.NO_RECORD),
        (False, False, None, True, ObjectionState.RESTORED),
    ],
)
def test_the_state_follows_from_what_came_of_it(
    asked: bool, answered: bool, answer: str | None, restored: bool, state: ObjectionState
) -> None:
    decided = ObjectionState.UPHELD
    assert state_of(decided, asked=asked, answered=answered, answer=answer, restored=restored) is state


@given(st.from_regex(r"[a-z][a-z0-9_]{0,63}", fullmatch=True))
def test_every_code_is_reserved_or_one_of_the_list(code: str) -> None:
    if RESERVED_WORDS.isdisjoint(code.split("_")):
        assert source_reason(code) in set(SourceReason)
    else:
        with pytest.raises(ValueError, match="not a source's"):
            source_reason(code)


def test_no_reason_of_the_list_is_reserved_and_an_officers_is() -> None:
    assert [source_reason(code) for code in SourceReason] == list(SourceReason)
    with pytest.raises(ValueError, match="not a source's"):
        source_reason(OBJECTION_UPHELD)
