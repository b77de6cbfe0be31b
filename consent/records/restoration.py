"""Sealed copies of records before a correction or retraction, and the restoration of a record from its copy.

A copy stays for RETRACTION_OBJECTION_DAYS, and longer while an objection to the change is open; withdrawal and erasure
delete it with the person's records. SQL text: the count of changes is an upsert, and copies are deleted by their
objections.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.corrections import DecidedBy, RecordChange
from consent.domain.objections import RETRACTION_OBJECTION_DAYS
from consent.domain.purposes import Purpose
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import Conflict, RestoredByOfficer
from consent.kernel.instants import rfc3339
from consent.models import ReplacedRecord, StoredRecord
from consent.persons import Person, raise_epoch
from consent.records import gate, officer_corrections, source_ids
from consent.records.officer_corrections import SourceRecord

COPY_LIFE = timedelta(days=RETRACTION_OBJECTION_DAYS)
"""Time for which a copy stays after the change."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A record as it was before a change; `restored` is true once an officer has brought it back.

    `object_until` is the last civil day (UTC) on which the person can object to the change.
    """

    change_id: str
    record_id: str
    source_id: str
    change: RecordChange
    decided_by: DecidedBy
    changed_at: datetime
    object_until: date
    source_record_id: str
    kind: str
    quantity: int
    occurred_on: date
    received_at: datetime
    restored: bool


async def copy_before(
    person: Person, record: StoredRecord, change: RecordChange, decided_by: DecidedBy, at: datetime
) -> date:
    """Store a sealed copy of the record before a change of it; return its `object_until`.

    Adds the change to the counts of `source_change`, by source, UTC day, change and `decided_by`; they name no person.
    Runs in the transaction of the change, with the person's row locked.
    """
    change_id = new_id()
    values = {
        "source_record_id": source_ids.open_id(person, record.record_id, record.sealed_source_record_id),
        "kind": record.kind,
        "quantity": record.quantity,
        "occurred_on": queries.from_day_number(record.occurred_on).isoformat(),
        "received_at": record.received_at,
    }
    await ReplacedRecord.create(
        person_id=person.person_id,
        change_id=change_id,
        record_id=record.record_id,
        source_id=record.source_id,
        change=change,
        decided_by=decided_by,
        changed_at=queries.to_micros(at),
        sealed=person.seal("replaced_record", "sealed", change_id, json.dumps(values).encode()),
    )
    await queries.execute(
        "INSERT INTO source_change (source_id, day, change, decided_by, changes) VALUES ($1, $2, $3, $4, 1)"
        " ON CONFLICT (source_id, day, change, decided_by) DO UPDATE SET changes = source_change.changes + 1",
        record.source_id,
        queries.to_day_number(at.date()),
        change,
        decided_by,
    )
    return (at + COPY_LIFE).date()


async def require_not_restored(person: Person, record_id: str) -> None:
    """Raise RestoredByOfficer where an officer has restored the record: its source may not lower it again."""
    if await ReplacedRecord.exists(person_id=person.person_id, record_id=record_id, restored_at__isnull=False):
        raise RestoredByOfficer("an officer has restored this record")


async def latest_of(person: Person, record_id: str) -> Replaced | None:
    """Return the record as it was before the latest change of it that nobody has undone.

    If all are undone, before the latest change; None without a copy (any more). A source may have lowered a record in
    several steps: each restoration undoes one.
    """
    of_record = ReplacedRecord.filter(person_id=person.person_id, record_id=record_id)
    copies = of_record.order_by("-changed_at", "-change_id")
    row = await copies.filter(restored_at__isnull=True).first() or await copies.first()
    return None if row is None else _opened(person, row)


async def retracted_of(person: Person, before: Cursor | None, limit: int) -> list[Replaced]:
    """Return the person's retracted records that nobody has restored, newest first.

    The cursor is (changed at, change id).
    """
    rows = (
        await ReplacedRecord.filter(
            paging.older_than(before, "changed_at", "change_id"),
            person_id=person.person_id,
            change=RecordChange.RETRACTED,
            restored_at__isnull=True,
        )
        .order_by("-changed_at", "-change_id")
        .limit(limit)
    )
    return [_opened(person, row) for row in rows]


async def export(person: Person) -> list[dict[str, Any]]:
    """Return every copy of the person's records before a change, opened and ready for JSON."""
    rows = await ReplacedRecord.filter(person_id=person.person_id).order_by("changed_at", "change_id")
    return [exported(person, row) for row in rows]


def exported(person: Person, row: ReplacedRecord) -> dict[str, Any]:
    """Return a copy of a record before a change, opened and ready for JSON."""
    copy = _opened(person, row)
    return {
        "record_id": copy.record_id,
        "source_id": copy.source_id,
        "source_record_id": copy.source_record_id,
        "change": copy.change,
        "decided_by": copy.decided_by,
        "changed_at": rfc3339(copy.changed_at),
        "kind": copy.kind,
        "quantity": copy.quantity,
        "occurred_on": copy.occurred_on.isoformat(),
        "restored": copy.restored,
    }


async def owner_of(record_id: str) -> str | None:
    """Return the id of the person of whose record a copy is there, or None."""
    row = await ReplacedRecord.filter(record_id=record_id).first()
    return None if row is None else row.person_id


async def source_of(record_id: str) -> str | None:
    """Return the id of the source of a record of which a copy is there, or None."""
    row = await ReplacedRecord.filter(record_id=record_id).first()
    return None if row is None else row.source_id


async def restore(keyring: Keyring, person: Person, record_id: str, staff_id: str, at: datetime) -> bool:
    """Bring the record back as it was before the latest change of it that nobody undid; tell its person and its source.

    Runs in the caller's transaction with the person's row locked; raises their epoch and writes `record.restored`.
    Returns False where every change was undone before.

    Raises:
        Conflict: no copy is there, no live consent covers the record, or the record has more now than it had then.
    """
    copy = await latest_of(person, record_id)
    if copy is None:
        raise Conflict("no copy of this record is there")
    if copy.restored:
        return False
    if not await gate.covered(person.person_id, Purpose.POINTS_COMPUTE, copy.source_id, at):
        raise Conflict("no live consent covers the record")
    day = queries.to_day_number(copy.occurred_on)
    current = await StoredRecord.get_or_none(person_id=person.person_id, record_id=record_id)
    if current is None:
        await StoredRecord.create(
            person_id=person.person_id,
            record_id=record_id,
            source_id=copy.source_id,
            sealed_source_record_id=source_ids.seal_id(person, record_id, copy.source_record_id),
            kind=copy.kind,
            quantity=copy.quantity,
            occurred_on=day,
            received_at=queries.to_micros(copy.received_at),
        )
    elif current.quantity > copy.quantity:
        raise Conflict("the record has more now than it had before the change")
    else:
        await StoredRecord.filter(person_id=person.person_id, record_id=record_id).update(
            quantity=copy.quantity, occurred_on=day
        )
    await ReplacedRecord.filter(person_id=person.person_id, change_id=copy.change_id).update(
        restored_at=queries.to_micros(at)
    )
    facts: dict[str, str | int | None] = {
        "source_id": copy.source_id,
        "record_id": record_id,
        "kind": copy.kind,
        "quantity": copy.quantity,
        "occurred_on": copy.occurred_on.isoformat(),
        "decided_by": DecidedBy.OFFICER,
    }
    await raise_epoch(person.person_id)
    await ledger.append(person, "record.restored", {**facts, "staff_id": staff_id}, at)
    await messages.add(person, MessageKind.RECORD_RESTORED, facts, at)
    await officer_corrections.add_restored(
        keyring, SourceRecord(copy.source_id, copy.source_record_id), copy.quantity, day, at
    )
    return True


async def delete_old(at: datetime) -> int:
    """Delete copies older than RETRACTION_OBJECTION_DAYS to whose record no objection is open; return their number."""
    return await queries.execute(
        "DELETE FROM replaced_record WHERE changed_at < $1 AND NOT EXISTS (SELECT 1 FROM objection o"
        " WHERE o.person_id = replaced_record.person_id AND o.record_id = replaced_record.record_id"
        " AND o.state = 'open')",
        queries.to_micros(at - COPY_LIFE),
    )


def _opened(person: Person, row: ReplacedRecord) -> Replaced:
    values = json.loads(person.open("replaced_record", "sealed", row.change_id, row.sealed))
    changed_at = queries.from_micros(row.changed_at)
    return Replaced(
        row.change_id,
        row.record_id,
        row.source_id,
        RecordChange(row.change),
        DecidedBy(row.decided_by),
        changed_at,
        (changed_at + COPY_LIFE).date(),
        values["source_record_id"],
        values["kind"],
        values["quantity"],
        date.fromisoformat(values["occurred_on"]),
        queries.from_micros(values["received_at"]),
        row.restored_at is not None,
    )
