"""A privacy officer's cases: opened with a reason, noted, closed with a conclusion.

An officer reads consents under an open case of their own alone. Every act leaves a leaf in the consent log. All
functions that write need a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent.crypto.blind_index import new_id
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.events import ledger
from consent.kernel.errors import Conflict, NotFound
from consent.models import OfficerCase, OfficerCaseNote

NOTES_MAX = 200
"""Notes of one case: an investigation of a month with ten a working day."""


@dataclass(frozen=True, slots=True)
class Case:
    """The reason for which an officer reads single consents; the last two are None while it is open."""

    case_id: str
    reason_code: str
    text: str
    opened_at: datetime
    closed_at: datetime | None
    conclusion: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """A note of the officer on their case."""

    number: int
    text: str
    at: datetime


async def open_case(staff_id: str, reason_code: str, text: str, at: datetime) -> str:
    """Open a case and record it in the consent log; return its id, which later accesses name."""
    case_id = new_id()
    await OfficerCase.create(
        case_id=case_id, staff_id=staff_id, reason_code=reason_code, text=text, opened_at=queries.to_micros(at)
    )
    await ledger.record_officer_read(staff_id, case_id, "case.opened", at)
    return case_id


async def require_case(case_id: str, staff_id: str) -> Case:
    """Return the officer's own case of this id, open or closed, or raise NotFound."""
    row = await OfficerCase.get_or_none(case_id=case_id, staff_id=staff_id)
    if row is None:
        raise NotFound("there is no case of yours of this id")
    return _case(row)


async def require_open_case(case_id: str, staff_id: str) -> Case:
    """Return the officer's own open case of this id; NotFound for another's, Conflict for a closed one."""
    case = await require_case(case_id, staff_id)
    if case.closed_at is not None:
        raise Conflict("the case is closed; open another one")
    return case


async def cases_of(staff_id: str, state: str | None, before: Cursor | None, limit: int) -> list[Case]:
    """Return the officer's own cases, newest first, after the cursor (opened at, case id); `state` open or closed."""
    chosen = {} if state is None else {"closed_at__isnull": state == "open"}
    rows = (
        await OfficerCase.filter(paging.older_than(before, "opened_at", "case_id"), staff_id=staff_id, **chosen)
        .order_by("-opened_at", "-case_id")
        .limit(limit)
    )
    return [_case(row) for row in rows]


async def notes_of(case_id: str) -> list[Note]:
    """Return the notes of a case, oldest first."""
    rows = await OfficerCaseNote.filter(case_id=case_id).order_by("number")
    return [Note(row.number, row.text, queries.from_micros(row.at)) for row in rows]


async def add_note(case_id: str, staff_id: str, text: str, at: datetime) -> Note:
    """Add a note to the officer's own open case; return it.

    Raises:
        NotFound: the case is not the officer's.
        Conflict: it is closed, or has NOTES_MAX notes.
    """
    await require_open_case(case_id, staff_id)
    number = await OfficerCaseNote.filter(case_id=case_id).count() + 1
    if number > NOTES_MAX:
        raise Conflict("the case has as many notes as it can have; open another one")
    # Of two notes at once one violates the key; its request is tried again and takes the next number.
    await OfficerCaseNote.create(case_id=case_id, number=number, text=text, at=queries.to_micros(at))
    await ledger.record_officer_read(staff_id, case_id, "case.noted", at)
    return Note(number, text, at)


async def close_case(case_id: str, staff_id: str, conclusion: str, at: datetime) -> None:
    """Close the officer's own case for good; nothing more is read or noted under it.

    Raises:
        NotFound: the case is not the officer's.
        Conflict: it is closed already.
    """
    await require_open_case(case_id, staff_id)
    still_open = OfficerCase.filter(case_id=case_id, staff_id=staff_id, closed_at__isnull=True)
    if not await still_open.update(closed_at=queries.to_micros(at), conclusion=conclusion):
        raise Conflict("the case is closed")
    await ledger.record_officer_read(staff_id, case_id, "case.closed", at)


async def delete_opened_before(limit: int) -> int:
    """Delete the cases that were opened before an instant in microseconds, with their notes; return their number."""
    old = [row["case_id"] for row in await OfficerCase.filter(opened_at__lt=limit).values("case_id")]
    for case_id in old:
        await OfficerCaseNote.filter(case_id=case_id).delete()
    return await OfficerCase.filter(opened_at__lt=limit).delete()


def _case(row: OfficerCase) -> Case:
    closed_at = None if row.closed_at is None else queries.from_micros(row.closed_at)
    return Case(row.case_id, row.reason_code, row.text, queries.from_micros(row.opened_at), closed_at, row.conclusion)
