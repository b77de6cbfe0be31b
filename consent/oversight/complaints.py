"""Complaints about a benefit at a venue: the resident opens one, an officer answers it in writing.

Neither changes points, records or consents, and no call gives a complaint with its person to a venue or a provider.
SQL text remains where a complaint is read together with its person's key (a join).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tortoise.expressions import Q

from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.complaints import OPEN_COMPLAINTS_MAX, ComplaintReason, ComplaintState, answer_deadline
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel import working_days
from consent.kernel.errors import Conflict, NotFound, TooManyComplaints
from consent.kernel.instants import rfc3339
from consent.models import StoredComplaint
from consent.persons import ActingPerson, Person

FOR_OFFICER = "SELECT c.*, p.epoch, p.wrapped_key FROM complaint c JOIN person p ON p.person_id = c.person_id"
"""A complaint with the key that opens its texts; no identity."""


@dataclass(frozen=True, slots=True)
class ComplaintTarget:
    """The benefit and the venue that a complaint is about, and the provider of both."""

    provider_id: str
    benefit_id: str
    venue_id: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint as its resident and the officer see it; `statement` is the resident's words, `answer` the officer's.

    `answer_deadline` is the last civil day for the answer.
    """

    complaint_id: str
    target: ComplaintTarget
    reason: ComplaintReason
    statement: str | None
    state: ComplaintState
    opened_at: datetime
    answer_deadline: date
    answered_at: datetime | None = None
    answer: str | None = None


async def open_about(
    actor: ActingPerson, target: ComplaintTarget, reason: ComplaintReason, statement: str | None
) -> Complaint:
    """Open a complaint; the caller has checked that the benefit was offered at the venue.

    Runs in the caller's transaction with the person's row locked; writes `complaint.opened` and a message.
    TooManyComplaints while OPEN_COMPLAINTS_MAX of the person's wait for an answer.
    """
    person, at = actor.person, actor.at
    waiting = await StoredComplaint.filter(person_id=person.person_id, state=ComplaintState.OPEN).count()
    if waiting >= OPEN_COMPLAINTS_MAX:
        raise TooManyComplaints("the person's other complaints wait for an answer")
    complaint_id, deadline = new_id(), answer_deadline(actor.today, working_days.shipped())
    await StoredComplaint.create(
        person_id=person.person_id,
        complaint_id=complaint_id,
        provider_id=target.provider_id,
        benefit_id=target.benefit_id,
        venue_id=target.venue_id,
        reason_code=reason,
        sealed_statement=None
        if statement is None
        else person.seal("complaint", "sealed_statement", complaint_id, statement.encode()),
        state=ComplaintState.OPEN,
        opened_at=queries.to_micros(at),
        answer_by=queries.to_day_number(deadline),
    )
    facts = {"complaint_id": complaint_id, "benefit_id": target.benefit_id, "venue_id": target.venue_id}
    await ledger.append(person, "complaint.opened", {**facts, "reason_code": reason}, at)
    await messages.add(
        person, MessageKind.COMPLAINT_OPENED, {"complaint_id": complaint_id, "reply_by": deadline.isoformat()}, at
    )
    return Complaint(complaint_id, target, reason, statement, ComplaintState.OPEN, at, deadline)


async def list_for(person: Person, before: Cursor | None, limit: int) -> list[Complaint]:
    """Return the person's complaints, newest first, after the cursor (opened at, complaint id)."""
    at, complaint_id = before or paging.NEWEST
    rows = (
        await StoredComplaint.filter(person_id=person.person_id)
        .filter(Q(opened_at__lt=at) | Q(opened_at=at, complaint_id__lt=complaint_id))
        .order_by("-opened_at", "-complaint_id")
        .limit(limit)
    )
    return [_complaint(person, vars(row)) for row in rows]


async def get_for(person: Person, complaint_id: str) -> Complaint:
    """Return one of the person's complaints; NotFound where they have none of this id."""
    row = await StoredComplaint.get_or_none(person_id=person.person_id, complaint_id=complaint_id)
    if row is None:
        raise NotFound("there is no such complaint")
    return _complaint(person, vars(row))


async def queue(keyring: Keyring, after: Cursor | None, limit: int) -> list[Complaint]:
    """Return the open complaints, the earliest deadline first; the cursor is (deadline `yyyymmdd`, complaint id)."""
    day, complaint_id = after or paging.OLDEST
    rows = await queries.fetch_all(
        f"{FOR_OFFICER} WHERE c.state = 'open' AND (c.answer_by > $1 OR (c.answer_by = $1 AND c.complaint_id > $2))"
        " ORDER BY c.answer_by, c.complaint_id LIMIT $3",
        day,
        complaint_id,
        limit,
    )
    return [_complaint(persons.from_row(keyring, row), row) for row in rows]


async def get(keyring: Keyring, complaint_id: str) -> Complaint:
    """Return a complaint for an officer, open or answered; NotFound where there is none."""
    row = await queries.fetch_one(f"{FOR_OFFICER} WHERE c.complaint_id = $1", complaint_id)
    if row is None:
        raise NotFound("there is no such complaint")
    return _complaint(persons.from_row(keyring, row), row)


async def answer(keyring: Keyring, complaint_id: str, text: str, staff_id: str, at: datetime) -> None:
    """Answer a complaint in writing, once.

    Runs in the caller's transaction; locks the person's row, writes `complaint.answered` and a message.

    Raises:
        NotFound: there is no such complaint.
        Conflict: it is answered already.
    """
    known = await StoredComplaint.filter(complaint_id=complaint_id).first()
    if known is None:
        raise NotFound("there is no such complaint")
    person = await persons.lock(keyring, known.person_id)
    answered = await StoredComplaint.filter(
        person_id=person.person_id, complaint_id=complaint_id, state=ComplaintState.OPEN
    ).update(
        state=ComplaintState.ANSWERED,
        answered_at=queries.to_micros(at),
        answering_staff_id=staff_id,
        sealed_answer=person.seal("complaint", "sealed_answer", complaint_id, text.encode()),
    )
    if not answered:
        raise Conflict("the complaint is answered")
    await ledger.append(person, "complaint.answered", {"complaint_id": complaint_id, "staff_id": staff_id}, at)
    await messages.add(person, MessageKind.COMPLAINT_ANSWERED, {"complaint_id": complaint_id, "reason": text}, at)


async def export(person: Person) -> list[dict[str, Any]]:
    """Return every complaint of the person with the words of both sides, ready for JSON."""
    rows = await StoredComplaint.filter(person_id=person.person_id).order_by("opened_at", "complaint_id")
    return [
        {
            "complaint_id": complaint.complaint_id,
            "benefit_id": complaint.target.benefit_id,
            "venue_id": complaint.target.venue_id,
            "reason_code": complaint.reason,
            "state": complaint.state,
            "opened_at": rfc3339(complaint.opened_at),
            "answer_by": complaint.answer_deadline.isoformat(),
            **({} if complaint.statement is None else {"statement": complaint.statement}),
            **({} if complaint.answer is None else {"answer": complaint.answer}),
        }
        for complaint in (_complaint(person, vars(row)) for row in rows)
    ]


def _complaint(person: Person, row: queries.Row | dict[str, Any]) -> Complaint:
    complaint_id = row["complaint_id"]

    def unsealed(column: str) -> str | None:
        sealed = row[column]
        return None if sealed is None else person.open("complaint", column, complaint_id, bytes(sealed)).decode()

    return Complaint(
        complaint_id,
        ComplaintTarget(row["provider_id"], row["benefit_id"], row["venue_id"]),
        ComplaintReason(row["reason_code"]),
        unsealed("sealed_statement"),
        ComplaintState(row["state"]),
        queries.from_micros(row["opened_at"]),
        queries.from_day_number(row["answer_by"]),
        None if row["answered_at"] is None else queries.from_micros(row["answered_at"]),
        unsealed("sealed_answer"),
    )
