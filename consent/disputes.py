"""Objections: opened by the person, decided by a human, and lowering nothing while they are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from consent import database, ledger, messages
from consent.errors import NotFound
from consent.messages import MessageKind
from consent.objections import ObjectionState, Reason, decide_by
from consent.people import Person
from consent.pseudonyms import new_id


@dataclass(frozen=True, slots=True)
class Objection:
    """An objection as its person sees it."""

    objection_id: str
    state: ObjectionState
    record_id: str | None
    source_id: str | None
    reason: Reason
    opened_at: datetime
    decide_by: date


async def open_about_record(
    person: Person, record_id: str, reason: Reason, statement: str, today: date, at: datetime
) -> Objection:
    """Object to a record of one's own; NotFound for any other."""
    row = await database.row(
        "SELECT source_id FROM record WHERE person_id = $1 AND record_id = $2", person.person_id, record_id
    )
    if row is None:
        raise NotFound("there is no such record")
    return await _open(person, record_id, row["source_id"], reason, statement, today, at)


async def open_about_missing(
    person: Person, source_id: str, reason: Reason, statement: str, today: date, at: datetime
) -> Objection:
    """Say that a record is missing at a source."""
    return await _open(person, None, source_id, reason, statement, today, at)


async def of(person: Person, before: tuple[int, str] | None, limit: int) -> list[Objection]:
    """The person's objections, newest first."""
    at, objection_id = before or (2**62, "")
    found = await database.rows(
        "SELECT * FROM objection WHERE person_id = $1 AND (opened_at < $2 OR (opened_at = $2 AND objection_id < $3))"
        " ORDER BY opened_at DESC, objection_id DESC LIMIT $4",
        person.person_id,
        at,
        objection_id,
        limit,
    )
    return [
        Objection(
            row["objection_id"],
            ObjectionState(row["state"]),
            row["record_id"],
            row["source_id"],
            Reason(row["reason_code"]),
            database.from_micros(row["opened_at"]),
            database.from_day_number(row["decide_by"]),
        )
        for row in found
    ]


async def _open(
    person: Person,
    record_id: str | None,
    source_id: str,
    reason: Reason,
    statement: str,
    today: date,
    at: datetime,
) -> Objection:
    objection_id, deadline = new_id(), decide_by(today)
    await database.run(
        "INSERT INTO objection (person_id, objection_id, record_id, source_id, reason_code, sealed_statement, state,"
        " opened_at, decide_by) VALUES ($1, $2, $3, $4, $5, $6, 'open', $7, $8)",
        person.person_id,
        objection_id,
        record_id,
        source_id,
        reason,
        person.seal("objection", "sealed_statement", objection_id, statement.encode()),
        database.to_micros(at),
        database.to_day_number(deadline),
    )
    facts = {"objection_id": objection_id, "record_id": record_id, "source_id": source_id, "reason_code": reason}
    await ledger.append(person, "objection.opened", facts, at)
    await messages.tell(
        person, MessageKind.OBJECTION_OPENED, {"objection_id": objection_id, "decide_by": deadline.isoformat()}, at
    )
    return Objection(objection_id, ObjectionState.OPEN, record_id, source_id, reason, at, deadline)
