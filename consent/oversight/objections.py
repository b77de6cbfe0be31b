"""A person's objections, with nothing lowered while they are open; `objection_decisions` has the officers' part.

SQL text remains where an objection is read together with its record (a join).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from consent.crypto.blind_index import new_id
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.objections import NO_CLAIM, OPEN_MISSING_MAX, Claim, ObjectionState, Reason, decide_by, state_of
from consent.domain.records import RecordKind
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel import working_days
from consent.kernel.errors import NotFound, TooManyObjections
from consent.kernel.instants import rfc3339
from consent.models import StoredObjection, StoredRecord
from consent.persons import ActingPerson, Person
from consent.records import restoration

RETRACTIONS_MAX = 200
"""Retracted records of one person among which those of their objections are searched; more than anybody has."""
ASKED = "o.asked_at IS NOT NULL AND o.answered_at IS NULL"
"""SQL condition of a task: an objection whose source was asked for a record and has not answered."""
FOR_PERSON = (
    "SELECT o.*, r.kind AS record_kind, r.quantity, r.occurred_on FROM objection o"
    " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
)
"""An objection with its record, while that is there."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """The grounds of an objection: the kind of error, the person's own words, and the values they say are right."""

    reason: Reason
    statement: str
    claim: Claim = NO_CLAIM


@dataclass(frozen=True, slots=True)
class ObjectionForPerson:
    """An objection as its person sees it: their own words, the record it is about, the decision in writing.

    `record` is (kind, quantity, civil day) as stored now, or as it was when it was retracted. `answer_by` is the last
    day for the source that was asked for a missing record, `answer` its reason where it has none.
    """

    objection_id: str
    state: ObjectionState
    record_id: str | None
    source_id: str | None
    opened_at: datetime
    decide_by: date
    grounds: Grounds
    record: tuple[str, int, date] | None = None
    acknowledged_at: datetime | None = None
    decided_at: datetime | None = None
    decision: str | None = None
    answer_by: date | None = None
    answer: str | None = None


async def open_about_record(actor: ActingPerson, record_id: str, grounds: Grounds) -> ObjectionForPerson:
    """Object to one of the person's records, or to the retraction of it; NotFound for any other.

    Runs in the caller's transaction with the person's row locked; writes `objection.opened` and a message.
    """
    record = await StoredRecord.get_or_none(person_id=actor.person.person_id, record_id=record_id)
    replaced = None if record is not None else await restoration.latest_of(actor.person, record_id)
    source_id = record.source_id if record is not None else replaced.source_id if replaced is not None else None
    if source_id is None:
        raise NotFound("there is no such record")
    return await _open(actor, record_id, source_id, grounds)


async def open_about_missing(actor: ActingPerson, source_id: str, grounds: Grounds) -> ObjectionForPerson:
    """Object to the absence of a record of this source; otherwise as `open_about_record`.

    TooManyObjections while OPEN_MISSING_MAX such objections of the person wait for a decision.
    """
    waiting = StoredObjection.filter(
        person_id=actor.person.person_id, record_id__isnull=True, state=ObjectionState.OPEN
    )
    if await waiting.count() >= OPEN_MISSING_MAX:
        raise TooManyObjections("the person's other objections about missing records wait for a decision")
    return await _open(actor, None, source_id, grounds)


async def _open(actor: ActingPerson, record_id: str | None, source_id: str, grounds: Grounds) -> ObjectionForPerson:
    person, at = actor.person, actor.at
    objection_id, deadline = new_id(), decide_by(actor.today, working_days.shipped())
    await StoredObjection.create(
        person_id=person.person_id,
        objection_id=objection_id,
        record_id=record_id,
        source_id=source_id,
        reason_code=grounds.reason,
        sealed_statement=person.seal("objection", "sealed_statement", objection_id, grounds.statement.encode()),
        sealed_claim=_seal_claim(person, objection_id, grounds.claim),
        state=ObjectionState.OPEN,
        opened_at=queries.to_micros(at),
        decide_by=queries.to_day_number(deadline),
    )
    facts = {"objection_id": objection_id, "record_id": record_id, "source_id": source_id}
    await ledger.append(person, "objection.opened", {**facts, "reason_code": grounds.reason}, at)
    await messages.add(
        person, MessageKind.OBJECTION_OPENED, {"objection_id": objection_id, "decide_by": deadline.isoformat()}, at
    )
    return ObjectionForPerson(objection_id, ObjectionState.OPEN, record_id, source_id, at, deadline, grounds)


def _seal_claim(person: Person, objection_id: str, claim: Claim) -> bytes | None:
    if claim == NO_CLAIM:
        return None
    day = None if claim.occurred_on is None else claim.occurred_on.isoformat()
    values = {"kind": claim.kind, "quantity": claim.quantity, "occurred_on": day}
    return person.seal("objection", "sealed_claim", objection_id, json.dumps(values).encode())


def open_claim(person: Person, objection_id: str, sealed: bytes | None) -> Claim:
    """Decrypt the values that the person says are right; NO_CLAIM where they named none."""
    if sealed is None:
        return NO_CLAIM
    values = json.loads(person.open("objection", "sealed_claim", objection_id, bytes(sealed)))
    kind, day = values["kind"], values["occurred_on"]
    return Claim(
        None if kind is None else RecordKind(kind),
        values["quantity"],
        None if day is None else date.fromisoformat(day),
    )


def state_in(row: Mapping[str, Any]) -> ObjectionState:
    """Return the state of an objection's row: the decision, then what came of it."""
    return state_of(
        ObjectionState(row["state"]),
        asked=row["asked_at"] is not None,
        answered=row["answered_at"] is not None,
        answer=row["answer_code"],
        restored=row["restored_at"] is not None,
    )


async def list_for(person: Person, before: Cursor | None, limit: int) -> list[ObjectionForPerson]:
    """Return the person's objections, newest first, after the cursor (opened at, objection id)."""
    at, objection_id = before or paging.NEWEST
    rows = await queries.fetch_all(
        f"{FOR_PERSON} WHERE o.person_id = $1 AND (o.opened_at < $2 OR (o.opened_at = $2 AND o.objection_id < $3))"
        " ORDER BY o.opened_at DESC, o.objection_id DESC LIMIT $4",
        person.person_id,
        at,
        objection_id,
        limit,
    )
    return await _with_records(person, rows)


async def get_for(person: Person, objection_id: str) -> ObjectionForPerson:
    """Return one of the person's objections; NotFound where they have none of this id."""
    rows = await queries.fetch_all(
        f"{FOR_PERSON} WHERE o.person_id = $1 AND o.objection_id = $2", person.person_id, objection_id
    )
    if not rows:
        raise NotFound("there is no such objection")
    return (await _with_records(person, rows))[0]


async def _with_records(person: Person, rows: list[queries.Row]) -> list[ObjectionForPerson]:
    """Return objections of rows of FOR_PERSON, each with its record, also where that was retracted."""
    any_deleted = any(row["record_id"] and row["record_kind"] is None for row in rows)
    retracted = await _retracted_records(person) if any_deleted else {}
    return [_for_person(person, row, retracted) for row in rows]


async def _retracted_records(person: Person) -> dict[str, tuple[str, int, date]]:
    """Return kind, quantity and civil day of the person's retracted records by id, from the events of retraction."""
    events = await ledger.events_of(person, ("record.retracted",), paging.NEWEST[0], RETRACTIONS_MAX)
    return {
        event.facts["record_id"]: (
            event.facts["kind"],
            event.facts["quantity"],
            date.fromisoformat(event.facts["occurred_on"]),
        )
        for event in events
    }


def _for_person(person: Person, row: queries.Row, retracted: Mapping[str, tuple[str, int, date]]) -> ObjectionForPerson:
    objection_id, decision = row["objection_id"], row["sealed_decision"]
    record = retracted.get(row["record_id"] or "")
    if row["record_kind"] is not None:
        record = (row["record_kind"], row["quantity"], queries.from_day_number(row["occurred_on"]))
    grounds = Grounds(
        Reason(row["reason_code"]),
        person.open("objection", "sealed_statement", objection_id, bytes(row["sealed_statement"])).decode(),
        open_claim(person, objection_id, row["sealed_claim"]),
    )
    return ObjectionForPerson(
        objection_id,
        state_in(row),
        row["record_id"],
        row["source_id"],
        queries.from_micros(row["opened_at"]),
        queries.from_day_number(row["decide_by"]),
        grounds,
        record,
        None if row["acknowledged_at"] is None else queries.from_micros(row["acknowledged_at"]),
        None if row["decided_at"] is None else queries.from_micros(row["decided_at"]),
        None
        if decision is None
        else person.open("objection", "sealed_decision", objection_id, bytes(decision)).decode(),
        None if row["answer_by"] is None else queries.from_day_number(row["answer_by"]),
        row["answer_code"],
    )


async def export(person: Person) -> list[dict[str, Any]]:
    """Return every objection of the person with the words of both sides, opened and ready for JSON."""
    objections = await StoredObjection.filter(person_id=person.person_id).order_by("opened_at", "objection_id")
    return [
        {
            "objection_id": objection.objection_id,
            "record_id": objection.record_id,
            "source_id": objection.source_id,
            "reason_code": objection.reason_code,
            "state": state_in(vars(objection)),
            "opened_at": rfc3339(queries.from_micros(objection.opened_at)),
            "decide_by": queries.from_day_number(objection.decide_by).isoformat(),
            **{
                column.removeprefix("sealed_"): person.open(
                    "objection", column, objection.objection_id, sealed
                ).decode()
                for column, sealed in (
                    ("sealed_statement", objection.sealed_statement),
                    ("sealed_claim", objection.sealed_claim),
                    ("sealed_source_statement", objection.sealed_source_statement),
                    ("sealed_decision", objection.sealed_decision),
                )
                if sealed is not None
            },
        }
        for objection in objections
    ]
