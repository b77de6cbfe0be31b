"""Objections: opened by the person, decided by a human, and lowering nothing while they are open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any

from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.objections import ObjectionState, Reason, acknowledge_by, decide_by
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel import working_days
from consent.kernel.errors import Conflict, NotFound
from consent.persons import Person
from consent.records import intake

NEWEST = 2**62
TAKEN_BACK_MAX = 200
"""Records taken back that are looked through for what an objection was about; more than anybody has."""
FOR_OFFICER = (
    "SELECT o.*, p.epoch, p.wrapped_key, r.kind AS record_kind, r.quantity, r.occurred_on, r.source_record_id"
    " FROM objection o JOIN person p ON p.person_id = o.person_id"
    " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
)
"""What an officer is shown of objections: the record as it is now, and no identity."""


@dataclass(frozen=True, slots=True)
class ObjectionForPerson:
    """An objection as its person sees it: their own words, what it is about, and the decision in writing.

    `record` is (kind, quantity, civil day) as it is now, or as it was when it was taken back.
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
    """An objection as the officer who decides sees it: both sides' words, the record, the deadlines; no identity."""

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
    """The reason that was given in writing."""


@dataclass(frozen=True, slots=True)
class ObjectionForSource:
    """An objection as its source sees it: which record or account, what fault, none of the person's words."""

    objection_id: str
    source_record_id: str | None
    account: str
    reason: Reason
    opened_at: datetime
    decide_by: date
    stated: bool


async def open_about_record(
    person: Person, record_id: str, reason: Reason, statement: str, today: date, at: datetime
) -> ObjectionForPerson:
    """Object to a record of one's own; NotFound for any other."""
    row = await queries.fetch_one(
        "SELECT source_id FROM record WHERE person_id = $1 AND record_id = $2", person.person_id, record_id
    )
    if row is None:
        raise NotFound("there is no such record")
    return await _open(person, record_id, row["source_id"], reason, statement, today, at)


async def open_about_missing(
    person: Person, source_id: str, reason: Reason, statement: str, today: date, at: datetime
) -> ObjectionForPerson:
    """Say that a record is missing at a source."""
    return await _open(person, None, source_id, reason, statement, today, at)


async def list_for(person: Person, before: tuple[int, str] | None, limit: int) -> list[ObjectionForPerson]:
    """The person's objections, newest first."""
    at, objection_id = before or (2**62, "")
    found = await queries.fetch_all(
        "SELECT o.*, r.kind AS record_kind, r.quantity, r.occurred_on FROM objection o"
        " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
        " WHERE o.person_id = $1 AND (o.opened_at < $2 OR (o.opened_at = $2 AND o.objection_id < $3))"
        " ORDER BY o.opened_at DESC, o.objection_id DESC LIMIT $4",
        person.person_id,
        at,
        objection_id,
        limit,
    )
    gone = any(row["record_id"] and row["record_kind"] is None for row in found)
    taken_back = await _taken_back(person) if gone else {}
    return [_own(person, row, taken_back) for row in found]


async def _taken_back(person: Person) -> dict[str, tuple[str, int, date]]:
    """What records said that were taken back, by id: the person's own history knows."""
    return {
        one.facts["record_id"]: (
            one.facts["kind"],
            one.facts["quantity"],
            date.fromisoformat(one.facts["occurred_on"]),
        )
        for one in await ledger.events_of(person, ("record.retracted",), NEWEST, TAKEN_BACK_MAX)
    }


def _own(person: Person, row: queries.Row, taken_back: Mapping[str, tuple[str, int, date]]) -> ObjectionForPerson:
    objection_id, decision = row["objection_id"], row["sealed_decision"]
    record = taken_back.get(row["record_id"] or "")
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
    """Every objection with what both sides said, opened: JSON-ready."""
    found = await queries.fetch_all(
        "SELECT * FROM objection WHERE person_id = $1 ORDER BY opened_at, objection_id", person.person_id
    )
    return [
        {
            "objection_id": row["objection_id"],
            "record_id": row["record_id"],
            "source_id": row["source_id"],
            "reason_code": row["reason_code"],
            "state": row["state"],
            "opened_at": queries.from_micros(row["opened_at"]).isoformat(),
            "decide_by": queries.from_day_number(row["decide_by"]).isoformat(),
            **{
                column.removeprefix("sealed_"): person.open(
                    "objection", column, row["objection_id"], bytes(row[column])
                ).decode()
                for column in ("sealed_statement", "sealed_source_statement", "sealed_decision")
                if row[column] is not None
            },
        }
        for row in found
    ]


async def list_for_source(
    keyring: Keyring, source_id: str, after: tuple[int, str] | None, limit: int
) -> list[ObjectionForSource]:
    """Open objections about this source, oldest first; only of persons whose link with it stands."""
    at, objection_id = after or (-1, "")
    found = await queries.fetch_all(
        "SELECT o.person_id, o.objection_id, o.reason_code, o.opened_at, o.decide_by, o.stated_at,"
        " r.source_record_id, a.link_id, a.sealed_account, p.epoch, p.wrapped_key FROM objection o"
        " JOIN person p ON p.person_id = o.person_id"
        " JOIN account_link a ON a.person_id = o.person_id AND a.source_id = o.source_id AND a.state = 'confirmed'"
        " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
        " WHERE o.source_id = $1 AND o.state = 'open'"
        " AND (o.opened_at > $2 OR (o.opened_at = $2 AND o.objection_id > $3))"
        " ORDER BY o.opened_at, o.objection_id LIMIT $4",
        source_id,
        at,
        objection_id,
        limit,
    )
    return [
        ObjectionForSource(
            row["objection_id"],
            row["source_record_id"],
            persons.from_row(keyring, row)
            .open("account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"]))
            .decode(),
            Reason(row["reason_code"]),
            queries.from_micros(row["opened_at"]),
            queries.from_day_number(row["decide_by"]),
            row["stated_at"] is not None,
        )
        for row in found
    ]


async def record_source_statement(
    keyring: Keyring, source_id: str, objection_id: str, statement: str, at: datetime
) -> None:
    """The source's side, for whoever decides; said again it replaces what was said. Conflict once it is decided."""
    row = await queries.fetch_one(
        "SELECT o.person_id, o.state FROM objection o"
        " JOIN account_link a ON a.person_id = o.person_id AND a.source_id = o.source_id AND a.state = 'confirmed'"
        " WHERE o.source_id = $1 AND o.objection_id = $2",
        source_id,
        objection_id,
    )
    if row is None:
        raise NotFound("there is no such objection")
    person = await persons.lock(keyring, row["person_id"])
    changed = await queries.execute(
        "UPDATE objection SET sealed_source_statement = $3, stated_at = $4"
        " WHERE person_id = $1 AND objection_id = $2 AND state = 'open'",
        person.person_id,
        objection_id,
        person.seal("objection", "sealed_source_statement", objection_id, statement.encode()),
        queries.to_micros(at),
    )
    if not changed:
        raise Conflict("the objection is decided")
    await ledger.append(person, "objection.stated", {"objection_id": objection_id, "source_id": source_id}, at)


async def queue(keyring: Keyring, zone: tzinfo, after: tuple[int, str] | None, limit: int) -> list[ObjectionForOfficer]:
    """Open objections, the most urgent first; `after` is (decide_by, id) of the last one seen."""
    day, objection_id = after or (0, "")
    found = await queries.fetch_all(
        f"{FOR_OFFICER} WHERE o.state = 'open' AND (o.decide_by > $1 OR (o.decide_by = $1 AND o.objection_id > $2))"
        " ORDER BY o.decide_by, o.objection_id LIMIT $3",
        day,
        objection_id,
        limit,
    )
    return [_for_officer(keyring, row, zone) for row in found]


async def get(keyring: Keyring, zone: tzinfo, objection_id: str) -> ObjectionForOfficer:
    """One objection by its id, open or decided; NotFound where there is none."""
    row = await queries.fetch_one(f"{FOR_OFFICER} WHERE o.objection_id = $1", objection_id)
    if row is None:
        raise NotFound("there is no such objection")
    return _for_officer(keyring, row, zone)


async def acknowledge(keyring: Keyring, objection_id: str, staff_id: str, at: datetime) -> None:
    """Tell the person that somebody has taken the objection up. Again: the same."""
    person, row = await _of_anybody(keyring, objection_id)
    if row["acknowledged_at"] is not None:
        return
    await queries.execute(
        "UPDATE objection SET acknowledged_at = $3 WHERE person_id = $1 AND objection_id = $2",
        person.person_id,
        objection_id,
        queries.to_micros(at),
    )
    await ledger.append(person, "objection.acknowledged", {"objection_id": objection_id, "staff_id": staff_id}, at)
    await messages.add(person, MessageKind.OBJECTION_ACKNOWLEDGED, {"objection_id": objection_id}, at)


async def decide(
    keyring: Keyring,
    objection_id: str,
    staff_id: str,
    upheld: bool,
    reason: str,
    correction: tuple[int | None, str | None] | None,
    today: date,
    at: datetime,
) -> ObjectionState:
    """A human decides, with reasons in writing. Upheld: the record is corrected, or taken back, in this transaction.

    `correction` is (quantity, civil day), each None for as it is. Conflict when it is decided already.
    """
    person, row = await _of_anybody(keyring, objection_id)
    if row["state"] != ObjectionState.OPEN:
        raise Conflict("the objection is decided")
    state = ObjectionState.REJECTED
    if upheld:
        state = ObjectionState.CORRECTED if correction else ObjectionState.UPHELD
        if row["record_id"] is not None:
            await intake.apply_decision(person, row["record_id"], correction, today, at)
    await queries.execute(
        "UPDATE objection SET state = $3, decided_at = $4, decided_by = $5, sealed_decision = $6"
        " WHERE person_id = $1 AND objection_id = $2",
        person.person_id,
        objection_id,
        state,
        queries.to_micros(at),
        staff_id,
        person.seal("objection", "sealed_decision", objection_id, reason.encode()),
    )
    facts = {"objection_id": objection_id, "state": state, "reason": reason, "staff_id": staff_id}
    await ledger.append(person, "objection.decided", facts, at)
    told: dict[str, str | int | None] = {"objection_id": objection_id, "state": state, "reason": reason}
    await messages.add(person, MessageKind.OBJECTION_DECIDED, told, at)
    return state


async def _of_anybody(keyring: Keyring, objection_id: str) -> tuple[Person, queries.Row]:
    found = await queries.fetch_one("SELECT person_id FROM objection WHERE objection_id = $1", objection_id)
    if found is None:
        raise NotFound("there is no such objection")
    person = await persons.lock(keyring, found["person_id"])
    row = await queries.fetch_one(
        "SELECT * FROM objection WHERE person_id = $1 AND objection_id = $2", person.person_id, objection_id
    )
    if row is None:
        raise NotFound("there is no such objection")
    return person, row


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


async def _open(
    person: Person,
    record_id: str | None,
    source_id: str,
    reason: Reason,
    statement: str,
    today: date,
    at: datetime,
) -> ObjectionForPerson:
    objection_id, deadline = new_id(), decide_by(today, working_days.shipped())
    await queries.execute(
        "INSERT INTO objection (person_id, objection_id, record_id, source_id, reason_code, sealed_statement, state,"
        " opened_at, decide_by) VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8)",
        person.person_id,
        objection_id,
        record_id,
        source_id,
        reason,
        person.seal("objection", "sealed_statement", objection_id, statement.encode()),
        queries.to_micros(at),
        queries.to_day_number(deadline),
    )
    facts = {"objection_id": objection_id, "record_id": record_id, "source_id": source_id, "reason_code": reason}
    await ledger.append(person, "objection.opened", facts, at)
    await messages.add(
        person, MessageKind.OBJECTION_OPENED, {"objection_id": objection_id, "decide_by": deadline.isoformat()}, at
    )
    return ObjectionForPerson(objection_id, ObjectionState.OPEN, record_id, source_id, reason, at, deadline, statement)
