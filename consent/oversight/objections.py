"""Objections: opened by a person, decided by a privacy officer, with nothing lowered while they are open.

SQL text remains where an objection is read together with its record, link or person's key (joins).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from tortoise.queryset import QuerySet

from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.objections import ObjectionState, Reason, acknowledge_by, decide_by
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel import working_days
from consent.kernel.errors import Conflict, NotFound
from consent.models import StoredObjection, StoredRecord
from consent.persons import ActingPerson, Person
from consent.records import intake
from consent.records.intake import RecordCorrection

RETRACTIONS_MAX = 200
"""Retracted records of one person among which those of their objections are searched; more than anybody has."""
FOR_OFFICER = (
    "SELECT o.*, p.epoch, p.wrapped_key, r.kind AS record_kind, r.quantity, r.occurred_on, r.source_record_id"
    " FROM objection o JOIN person p ON p.person_id = o.person_id"
    " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
)
"""An objection with its record of today and the key that opens its texts; no identity."""


@dataclass(frozen=True, slots=True)
class ObjectionForPerson:
    """An objection as its person sees it: their own words, the record it is about, the decision in writing.

    `record` is (kind, quantity, civil day) as stored now, or as it was when it was retracted.
    """

    objection_id: str
    state: ObjectionState
    record_id: str | None
    source_id: str | None
    reason: Reason
    opened_at: datetime
    decide_by: date
    statement: str
    record: tuple[str, int, date] | None = None
    acknowledged_at: datetime | None = None
    decided_at: datetime | None = None
    decision: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectionForOfficer:
    """An objection as the deciding officer sees it: both sides' words, the record, the deadlines; no identity.

    `decision` is the reason given in writing.
    """

    objection_id: str
    state: ObjectionState
    source_id: str | None
    reason: Reason
    opened_on: date
    acknowledge_by: date
    decide_by: date
    acknowledged: bool
    record: dict[str, str | int] | None
    statement: str
    source_statement: str | None
    decided_on: date | None
    decision: str | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """An officer's decision on an objection, with its reason in writing.

    `correction` is for an upheld one: the record's new values; None deletes the record.
    """

    upheld: bool
    reason: str
    correction: RecordCorrection | None = None


async def open_about_record(actor: ActingPerson, record_id: str, reason: Reason, statement: str) -> ObjectionForPerson:
    """Object to one of the person's records; NotFound for any other.

    Runs in the caller's transaction with the person's row locked; writes `objection.opened` and a message.
    """
    record = await StoredRecord.get_or_none(person_id=actor.person.person_id, record_id=record_id)
    if record is None:
        raise NotFound("there is no such record")
    return await _open(actor, record_id, record.source_id, reason, statement)


async def open_about_missing(actor: ActingPerson, source_id: str, reason: Reason, statement: str) -> ObjectionForPerson:
    """Object to the absence of a record of this source; otherwise as `open_about_record`."""
    return await _open(actor, None, source_id, reason, statement)


async def _open(
    actor: ActingPerson, record_id: str | None, source_id: str, reason: Reason, statement: str
) -> ObjectionForPerson:
    person, at = actor.person, actor.at
    objection_id, deadline = new_id(), decide_by(actor.today, working_days.shipped())
    await StoredObjection.create(
        person_id=person.person_id,
        objection_id=objection_id,
        record_id=record_id,
        source_id=source_id,
        reason_code=reason,
        sealed_statement=person.seal("objection", "sealed_statement", objection_id, statement.encode()),
        state=ObjectionState.OPEN,
        opened_at=queries.to_micros(at),
        decide_by=queries.to_day_number(deadline),
    )
    facts = {"objection_id": objection_id, "record_id": record_id, "source_id": source_id, "reason_code": reason}
    await ledger.append(person, "objection.opened", facts, at)
    await messages.add(
        person, MessageKind.OBJECTION_OPENED, {"objection_id": objection_id, "decide_by": deadline.isoformat()}, at
    )
    return ObjectionForPerson(objection_id, ObjectionState.OPEN, record_id, source_id, reason, at, deadline, statement)


async def list_for(person: Person, before: Cursor | None, limit: int) -> list[ObjectionForPerson]:
    """Return the person's objections, newest first, after the cursor (opened at, objection id)."""
    at, objection_id = before or paging.NEWEST
    rows = await queries.fetch_all(
        "SELECT o.*, r.kind AS record_kind, r.quantity, r.occurred_on FROM objection o"
        " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
        " WHERE o.person_id = $1 AND (o.opened_at < $2 OR (o.opened_at = $2 AND o.objection_id < $3))"
        " ORDER BY o.opened_at DESC, o.objection_id DESC LIMIT $4",
        person.person_id,
        at,
        objection_id,
        limit,
    )
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
    return ObjectionForPerson(
        objection_id,
        ObjectionState(row["state"]),
        row["record_id"],
        row["source_id"],
        Reason(row["reason_code"]),
        queries.from_micros(row["opened_at"]),
        queries.from_day_number(row["decide_by"]),
        person.open("objection", "sealed_statement", objection_id, bytes(row["sealed_statement"])).decode(),
        record,
        None if row["acknowledged_at"] is None else queries.from_micros(row["acknowledged_at"]),
        None if row["decided_at"] is None else queries.from_micros(row["decided_at"]),
        None
        if decision is None
        else person.open("objection", "sealed_decision", objection_id, bytes(decision)).decode(),
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
            "state": objection.state,
            "opened_at": queries.from_micros(objection.opened_at).isoformat(),
            "decide_by": queries.from_day_number(objection.decide_by).isoformat(),
            **{
                column.removeprefix("sealed_"): person.open(
                    "objection", column, objection.objection_id, sealed
                ).decode()
                for column, sealed in (
                    ("sealed_statement", objection.sealed_statement),
                    ("sealed_source_statement", objection.sealed_source_statement),
                    ("sealed_decision", objection.sealed_decision),
                )
                if sealed is not None
            },
        }
        for objection in objections
    ]


async def queue(keyring: Keyring, zone: tzinfo, after: Cursor | None, limit: int) -> list[ObjectionForOfficer]:
    """Return open objections, the most urgent first, after the cursor (deadline `yyyymmdd`, objection id)."""
    day, objection_id = after or paging.OLDEST
    rows = await queries.fetch_all(
        f"{FOR_OFFICER} WHERE o.state = 'open' AND (o.decide_by > $1 OR (o.decide_by = $1 AND o.objection_id > $2))"
        " ORDER BY o.decide_by, o.objection_id LIMIT $3",
        day,
        objection_id,
        limit,
    )
    return [_for_officer(keyring, row, zone) for row in rows]


async def get(keyring: Keyring, zone: tzinfo, objection_id: str) -> ObjectionForOfficer:
    """Return an objection for an officer, open or decided; NotFound where there is none."""
    row = await queries.fetch_one(f"{FOR_OFFICER} WHERE o.objection_id = $1", objection_id)
    if row is None:
        raise NotFound("there is no such objection")
    return _for_officer(keyring, row, zone)


async def acknowledge(keyring: Keyring, objection_id: str, staff_id: str, at: datetime) -> None:
    """Tell the person that an officer works on the objection, once; NotFound for an unknown id.

    Runs in the caller's transaction; locks the person's row, writes `objection.acknowledged` and a message.
    """
    person, objection = await _lock_person_of(keyring, objection_id)
    if objection.acknowledged_at is not None:
        return
    await _only(person, objection_id).update(acknowledged_at=queries.to_micros(at))
    await ledger.append(person, "objection.acknowledged", {"objection_id": objection_id, "staff_id": staff_id}, at)
    await messages.add(person, MessageKind.OBJECTION_ACKNOWLEDGED, {"objection_id": objection_id}, at)


async def decide(
    keyring: Keyring, objection_id: str, ruling: Ruling, staff_id: str, today: date, at: datetime
) -> ObjectionState:
    """Decide an objection; return its new state. An upheld one corrects or deletes its record.

    Runs in the caller's transaction; locks the person's row, writes `objection.decided` and a message.

    Raises:
        NotFound: no such objection.
        Conflict: it is decided already.
        RecordRefused: the corrected record breaks the rules for deliveries.
    """
    person, objection = await _lock_person_of(keyring, objection_id)
    if objection.state != ObjectionState.OPEN:
        raise Conflict("the objection is decided")
    state = ObjectionState.REJECTED
    if ruling.upheld:
        state = ObjectionState.CORRECTED if ruling.correction else ObjectionState.UPHELD
        if objection.record_id is not None:
            await intake.apply_decision(person, objection.record_id, ruling.correction, today, at)
    await _only(person, objection_id).update(
        state=state,
        decided_at=queries.to_micros(at),
        decided_by=staff_id,
        sealed_decision=person.seal("objection", "sealed_decision", objection_id, ruling.reason.encode()),
    )
    facts = {"objection_id": objection_id, "state": state, "reason": ruling.reason, "staff_id": staff_id}
    await ledger.append(person, "objection.decided", facts, at)
    message: dict[str, str | int | None] = {"objection_id": objection_id, "state": state, "reason": ruling.reason}
    await messages.add(person, MessageKind.OBJECTION_DECIDED, message, at)
    return state


def _only(person: Person, objection_id: str) -> QuerySet[StoredObjection]:
    return StoredObjection.filter(person_id=person.person_id, objection_id=objection_id)


async def _lock_person_of(keyring: Keyring, objection_id: str) -> tuple[Person, StoredObjection]:
    """Lock the person of an objection and read it under the lock."""
    known = await StoredObjection.filter(objection_id=objection_id).first()
    if known is None:
        raise NotFound("there is no such objection")
    person = await persons.lock(keyring, known.person_id)
    objection = await _only(person, objection_id).first()
    if objection is None:
        raise NotFound("there is no such objection")
    return person, objection


def _for_officer(keyring: Keyring, row: queries.Row, zone: tzinfo) -> ObjectionForOfficer:
    person, objection_id = persons.from_row(keyring, row), row["objection_id"]

    def opened(column: str) -> str | None:
        sealed = row[column]
        return None if sealed is None else person.open("objection", column, objection_id, bytes(sealed)).decode()

    def day(column: str) -> date | None:
        return None if row[column] is None else queries.from_micros(row[column]).astimezone(zone).date()

    opened_on, statement = day("opened_at"), opened("sealed_statement")
    assert opened_on is not None
    assert statement is not None
    record: dict[str, str | int] | None = None
    if row["record_kind"] is not None:
        record = {
            "record_id": row["source_record_id"],
            "kind": row["record_kind"],
            "quantity": row["quantity"],
            "occurred_on": queries.from_day_number(row["occurred_on"]).isoformat(),
        }
    return ObjectionForOfficer(
        objection_id,
        ObjectionState(row["state"]),
        row["source_id"],
        Reason(row["reason_code"]),
        opened_on,
        acknowledge_by(opened_on, working_days.shipped()),
        queries.from_day_number(row["decide_by"]),
        row["acknowledged_at"] is not None,
        record,
        statement,
        opened("sealed_source_statement"),
        day("decided_at"),
        opened("sealed_decision"),
    )
