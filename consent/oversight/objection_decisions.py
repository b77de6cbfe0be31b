"""Officers' decisions on objections: the queue, both sides of one, the acknowledgement, the ruling, a restoration.

An upheld objection lowers nothing: it corrects upwards, removes a record whose person asked for that, brings back a
retracted one, or asks the source for a missing one. SQL text remains where an objection is read together with its
record and its person's key (joins).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from tortoise.queryset import QuerySet

from consent import persons
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.corrections import DecidedBy
from consent.domain.objections import REMOVAL_REASONS, ObjectionState, Reason, acknowledge_by, answer_by
from consent.domain.purposes import Purpose
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel import working_days
from consent.kernel.errors import Conflict, NotFound, WouldLowerPoints
from consent.models import StoredObjection, StoredRecord
from consent.oversight.objections import ASKED, Grounds, open_claim, state_in
from consent.persons import Person
from consent.records import gate, intake, restoration, source_ids
from consent.records.intake import RecordCorrection
from consent.records.restoration import Replaced

FOR_OFFICER = (
    "SELECT o.*, p.epoch, p.wrapped_key, r.kind AS record_kind, r.quantity, r.occurred_on, r.sealed_source_record_id"
    " FROM objection o JOIN person p ON p.person_id = o.person_id"
    " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
)
"""An objection with its record of today and the key that opens its texts; no identity."""


@dataclass(frozen=True, slots=True)
class ObjectionForOfficer:
    """An objection as the deciding officer sees it: both sides' words, the record, the deadlines; no identity.

    `record_id` is the service's own id of the record, which a restoration names. `record` has the values of today, or,
    with `"retracted": 1`, those before the retraction. `decision` is the reason given in writing.
    """

    objection_id: str
    state: ObjectionState
    source_id: str | None
    record_id: str | None
    grounds: Grounds
    opened_on: date
    acknowledge_by: date
    decide_by: date
    acknowledged: bool
    record: dict[str, str | int] | None
    source_statement: str | None
    decided_on: date | None
    decision: str | None
    answer_by: date | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Ruling:
    """An officer's decision on an objection, with its reason in writing.

    `correction` is for an upheld one: the record's new values. Without it a record is removed, where its person asked
    for that, a retracted record is restored, and a missing one is asked of its source.
    """

    upheld: bool
    reason: str
    correction: RecordCorrection | None = None


class LockedObjection(NamedTuple):
    """An objection, its person with their row locked, and its record, None where it is missing or retracted."""

    person: Person
    objection: StoredObjection
    record: StoredRecord | None
    grounds: Grounds


async def queue(
    keyring: Keyring, zone: tzinfo, state: ObjectionState, after: Cursor | None, limit: int
) -> list[ObjectionForOfficer]:
    """Return objections that are `open`, or `asked` of their source, the most urgent first.

    The cursor is (deadline `yyyymmdd`, objection id).
    """
    day, objection_id = after or paging.OLDEST
    waiting, deadline = ("o.state = 'open'", "decide_by") if state is ObjectionState.OPEN else (ASKED, "answer_by")
    rows = await queries.fetch_all(
        f"{FOR_OFFICER} WHERE {waiting} AND (o.{deadline} > $1 OR (o.{deadline} = $1 AND o.objection_id > $2))"
        f" ORDER BY o.{deadline}, o.objection_id LIMIT $3",
        day,
        objection_id,
        limit,
    )
    return [await _for_officer(keyring, row, zone) for row in rows]


async def get(keyring: Keyring, zone: tzinfo, objection_id: str) -> ObjectionForOfficer:
    """Return an objection for an officer, open or decided; NotFound where there is none."""
    row = await queries.fetch_one(f"{FOR_OFFICER} WHERE o.objection_id = $1", objection_id)
    if row is None:
        raise NotFound("there is no such objection")
    return await _for_officer(keyring, row, zone)


async def acknowledge(keyring: Keyring, objection_id: str, staff_id: str, at: datetime) -> None:
    """Tell the person that an officer works on the objection, once; NotFound for an unknown id.

    Runs in the caller's transaction; locks the person's row, writes `objection.acknowledged` and a message.
    """
    person, objection, *_ = await lock(keyring, objection_id)
    if objection.acknowledged_at is not None:
        return
    await _only(person, objection_id).update(acknowledged_at=queries.to_micros(at))
    await ledger.append(person, "objection.acknowledged", {"objection_id": objection_id, "staff_id": staff_id}, at)
    await messages.add(person, MessageKind.OBJECTION_ACKNOWLEDGED, {"objection_id": objection_id}, at)


async def lock(keyring: Keyring, objection_id: str) -> LockedObjection:
    """Lock the person of an objection and read it with its record under the lock; NotFound where there is none."""
    known = await StoredObjection.filter(objection_id=objection_id).first()
    if known is None:
        raise NotFound("there is no such objection")
    person = await persons.lock(keyring, known.person_id)
    objection = await _only(person, objection_id).first()
    if objection is None:
        raise NotFound("there is no such objection")
    record = None
    if objection.record_id is not None:
        record = await StoredRecord.get_or_none(person_id=person.person_id, record_id=objection.record_id)
    return LockedObjection(person, objection, record, _grounds(person, vars(objection)))


async def decide(
    keyring: Keyring, locked: LockedObjection, ruling: Ruling, staff_id: str, today: date, at: datetime
) -> ObjectionState:
    """Decide an objection; return its new state.

    Runs in the caller's transaction, in which the objection was locked; writes `objection.decided` and a message.

    Raises:
        Conflict: it is decided already, or the retracted record cannot be restored.
        WouldLowerPoints: the correction has a smaller quantity, or the record would be removed though its person did
            not ask for that.
        RecordRefused: the corrected record breaks the rules for deliveries.
    """
    person, objection, *_ = locked
    objection_id = objection.objection_id
    if objection.state != ObjectionState.OPEN:
        raise Conflict("the objection is decided")
    state = ObjectionState.REJECTED
    changes: dict[str, int] = {}
    if ruling.upheld:
        state, changes = await _uphold(keyring, locked, ruling.correction, staff_id, today, at)
    stored = state if state in (ObjectionState.REJECTED, ObjectionState.CORRECTED) else ObjectionState.UPHELD
    await _only(person, objection_id).update(
        state=stored,
        decided_at=queries.to_micros(at),
        decided_by=staff_id,
        sealed_decision=person.seal("objection", "sealed_decision", objection_id, ruling.reason.encode()),
        **changes,
    )
    facts = {"objection_id": objection_id, "state": state, "reason": ruling.reason, "staff_id": staff_id}
    await ledger.append(person, "objection.decided", facts, at)
    message: dict[str, str | int | None] = {"objection_id": objection_id, "state": state, "reason": ruling.reason}
    if "answer_by" in changes:
        message["source_id"] = objection.source_id
        message["answer_by"] = queries.from_day_number(changes["answer_by"]).isoformat()
    await messages.add(person, MessageKind.OBJECTION_DECIDED, message, at)
    return state


async def _uphold(
    keyring: Keyring,
    locked: LockedObjection,
    correction: RecordCorrection | None,
    staff_id: str,
    today: date,
    at: datetime,
) -> tuple[ObjectionState, dict[str, int]]:
    """Carry out an upheld objection; return its state and the columns that say what came of it."""
    person, objection, record, grounds = locked
    if record is not None:
        if correction is None and grounds.reason not in REMOVAL_REASONS:
            raise WouldLowerPoints("nobody asked for the removal of this record")
        if correction is not None and correction.quantity is not None and correction.quantity < record.quantity:
            raise WouldLowerPoints("the corrected quantity is smaller")
        await intake.apply_decision(keyring, person, record, correction, today, at)
        return (ObjectionState.UPHELD if correction is None else ObjectionState.CORRECTED), {}
    if not await gate.covered(person.person_id, Purpose.POINTS_COMPUTE, objection.source_id or "", at):
        # Somebody who no longer allows it has no records here, and their source may not be asked about them.
        return ObjectionState.UPHELD, {}
    if objection.record_id is not None:
        replaced = await restoration.latest_of(person, objection.record_id)
        if replaced is None or _removed_as_asked(replaced, objection):
            return ObjectionState.UPHELD, {}
        await restoration.restore(keyring, person, objection.record_id, staff_id, at)
        return ObjectionState.RESTORED, {"restored_at": queries.to_micros(at)}
    deadline = answer_by(today, working_days.shipped())
    return ObjectionState.ASKED, {"asked_at": queries.to_micros(at), "answer_by": queries.to_day_number(deadline)}


def _removed_as_asked(replaced: Replaced, objection: StoredObjection) -> bool:
    """Report whether an officer removed the record upon another objection, after this one was opened."""
    opened_at = queries.from_micros(objection.opened_at)
    return replaced.decided_by is DecidedBy.OFFICER and replaced.changed_at >= opened_at


async def source_of(objection_id: str) -> str:
    """Return the id of the source that an objection concerns, "" for one that names none; NotFound without it."""
    row = await StoredObjection.filter(objection_id=objection_id).first()
    if row is None:
        raise NotFound("there is no such objection")
    return row.source_id or ""


class UnderCase(NamedTuple):
    """An act of an officer: who acts, the case it belongs to, and a reason beyond the case's, where there is one."""

    staff_id: str
    case_id: str
    reason: str | None


async def restore_record(keyring: Keyring, record_id: str, act: UnderCase, at: datetime) -> None:
    """Bring back a record that was retracted or corrected downwards, under a case that was checked before.

    Repeating it changes nothing. Objections to it that were upheld become `restored`. Runs in the caller's transaction;
    writes the act into the consent log.

    Raises:
        NotFound: no copy of such a record is there.
        Conflict: as `restoration.restore`.
    """
    person_id = await restoration.owner_of(record_id)
    if person_id is None:
        raise NotFound("there is no such record")
    person = await persons.lock(keyring, person_id)
    if await restoration.restore(keyring, person, record_id, act.staff_id, at):
        await StoredObjection.filter(
            person_id=person_id, record_id=record_id, state__in=[ObjectionState.UPHELD, ObjectionState.CORRECTED]
        ).update(restored_at=queries.to_micros(at))
    reason = "" if act.reason is None else f": {act.reason}"
    await ledger.record_officer_read(act.staff_id, act.case_id, f"record.restored {record_id}{reason}", at)


def _only(person: Person, objection_id: str) -> QuerySet[StoredObjection]:
    return StoredObjection.filter(person_id=person.person_id, objection_id=objection_id)


def _grounds(person: Person, row: queries.Row) -> Grounds:
    objection_id = row["objection_id"]
    return Grounds(
        Reason(row["reason_code"]),
        person.open("objection", "sealed_statement", objection_id, bytes(row["sealed_statement"])).decode(),
        open_claim(person, objection_id, row["sealed_claim"]),
    )


async def _for_officer(keyring: Keyring, row: queries.Row, zone: tzinfo) -> ObjectionForOfficer:
    person, objection_id = persons.from_row(keyring, row), row["objection_id"]

    def opened(column: str) -> str | None:
        sealed = row[column]
        return None if sealed is None else person.open("objection", column, objection_id, bytes(sealed)).decode()

    def day(column: str) -> date | None:
        return None if row[column] is None else queries.from_micros(row[column]).astimezone(zone).date()

    opened_on = day("opened_at")
    assert opened_on is not None
    return ObjectionForOfficer(
        objection_id,
        state_in(row),
        row["source_id"],
        row["record_id"],
        _grounds(person, row),
        opened_on,
        acknowledge_by(opened_on, working_days.shipped()),
        queries.from_day_number(row["decide_by"]),
        row["acknowledged_at"] is not None,
        await _record_of(person, row),
        opened("sealed_source_statement"),
        day("decided_at"),
        opened("sealed_decision"),
        None if row["answer_by"] is None else queries.from_day_number(row["answer_by"]),
        row["answer_code"],
    )


async def _record_of(person: Person, row: queries.Row) -> dict[str, str | int] | None:
    if row["record_kind"] is not None:
        return {
            "record_id": source_ids.open_id(person, row["record_id"], row["sealed_source_record_id"]),
            "kind": row["record_kind"],
            "quantity": row["quantity"],
            "occurred_on": queries.from_day_number(row["occurred_on"]).isoformat(),
        }
    replaced = None if row["record_id"] is None else await restoration.latest_of(person, row["record_id"])
    if replaced is None:
        return None
    return {
        "record_id": replaced.source_record_id,
        "kind": replaced.kind,
        "quantity": replaced.quantity,
        "occurred_on": replaced.occurred_on.isoformat(),
        "retracted": 1,
    }
