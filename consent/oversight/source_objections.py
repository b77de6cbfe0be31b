"""The source's side of objections: open ones about its records, its statement, and the records it was asked for.

A source sees the account, the record and the values that the person says are right, never the person's words. SQL text:
objections are joined with links, records and keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from consent import persons
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.objections import Claim, NoRecordReason, ObjectionState, Reason, fits, is_enough
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import Conflict, NotFound
from consent.models import StoredObjection
from consent.oversight.objections import ASKED, open_claim, state_in
from consent.persons import Person
from consent.records import source_ids

OF_CONFIRMED_LINK = (
    " JOIN account_link a ON a.person_id = o.person_id AND a.source_id = o.source_id AND a.state = 'confirmed'"
)


@dataclass(frozen=True, slots=True)
class ObjectionForSource:
    """An objection as its source sees it: the record or account, the fault, none of the person's words.

    `answer_by` is the last day for the record that the source was asked for, None while an officer decides.
    """

    objection_id: str
    state: ObjectionState
    source_record_id: str | None
    account: str
    reason: Reason
    opened_at: datetime
    decide_by: date
    answer_by: date | None
    claim: Claim
    stated: bool


async def list_for_source(
    keyring: Keyring, source_id: str, after: Cursor | None, limit: int
) -> list[ObjectionForSource]:
    """Return objections about this source that are open or asked of it, oldest first, of persons with a confirmed link.

    The cursor is (opened at, objection id).
    """
    at, objection_id = after or paging.OLDEST
    rows = await queries.fetch_all(
        "SELECT o.*, r.sealed_source_record_id, a.link_id, a.sealed_account, p.epoch, p.wrapped_key FROM objection o"
        f" JOIN person p ON p.person_id = o.person_id{OF_CONFIRMED_LINK}"
        " LEFT JOIN record r ON r.person_id = o.person_id AND r.record_id = o.record_id"
        f" WHERE o.source_id = $1 AND (o.state = 'open' OR ({ASKED}))"
        " AND (o.opened_at > $2 OR (o.opened_at = $2 AND o.objection_id > $3))"
        " ORDER BY o.opened_at, o.objection_id LIMIT $4",
        source_id,
        at,
        objection_id,
        limit,
    )
    return [_for_source(persons.from_row(keyring, row), row) for row in rows]


def _for_source(person: Person, row: queries.Row) -> ObjectionForSource:
    sealed = row["sealed_source_record_id"]
    return ObjectionForSource(
        row["objection_id"],
        state_in(row),
        None if sealed is None else source_ids.open_id(person, row["record_id"], sealed),
        person.open("account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"])).decode(),
        Reason(row["reason_code"]),
        queries.from_micros(row["opened_at"]),
        queries.from_day_number(row["decide_by"]),
        None if row["answer_by"] is None else queries.from_day_number(row["answer_by"]),
        open_claim(person, row["objection_id"], row["sealed_claim"]),
        row["stated_at"] is not None,
    )


async def record_source_statement(
    keyring: Keyring, source_id: str, objection_id: str, statement: str, at: datetime
) -> None:
    """Store the source's side of an open objection; a second statement replaces the first.

    Runs in the caller's transaction; locks the person's row and writes `objection.stated`.

    Raises:
        NotFound: no objection of this id about this source by a person with a confirmed link.
        Conflict: the objection is decided.
    """
    person = await _lock_person(keyring, source_id, objection_id)
    if not await StoredObjection.filter(
        person_id=person.person_id, objection_id=objection_id, state=ObjectionState.OPEN
    ).update(
        sealed_source_statement=person.seal("objection", "sealed_source_statement", objection_id, statement.encode()),
        stated_at=queries.to_micros(at),
    ):
        raise Conflict("the objection is decided")
    await ledger.append(person, "objection.stated", {"objection_id": objection_id, "source_id": source_id}, at)


async def answer_without_record(
    keyring: Keyring, source_id: str, objection_id: str, reason: NoRecordReason, at: datetime
) -> None:
    """Record that the source, asked for a missing record, has none to deliver; the person reads its reason.

    Runs in the caller's transaction; locks the person's row and writes `objection.answered`.

    Raises:
        NotFound: as `record_source_statement`.
        Conflict: nothing is asked, or it was answered.
    """
    person = await _lock_person(keyring, source_id, objection_id)
    if not await _answer(person, objection_id, reason, at):
        raise Conflict("no record is asked for")
    facts = {"objection_id": objection_id, "source_id": source_id, "answer": reason}
    await ledger.append(person, "objection.answered", facts, at)
    await messages.add(person, MessageKind.RECORD_NOT_AVAILABLE, facts, at)


async def close_delivered(keyring: Keyring, source_id: str, day_of: Callable[[datetime], date], at: datetime) -> int:
    """Close the tasks of the source whose record was stored at `at`; return their number.

    `at` must be the instant that the delivery stored as `received_at`, equal to the microsecond: it identifies the
    batch. A task that names a quantity stays open until the records delivered since the objection reach it together.
    Appends `objection.answered` and a message for each closed task. `day_of` gives the city's civil day of an instant.
    Runs in the transaction of the delivery, which has locked the persons whose records it stored.
    """
    rows = await queries.fetch_all(
        "SELECT o.*, p.epoch, p.wrapped_key, r.kind AS record_kind, r.quantity, r.occurred_on,"
        " r.record_id AS delivered_id, r.received_at FROM objection o JOIN person p ON p.person_id = o.person_id"
        " JOIN record r ON r.person_id = o.person_id AND r.source_id = o.source_id AND r.received_at >= o.opened_at"
        " AND EXISTS (SELECT 1 FROM record n WHERE n.person_id = o.person_id AND n.source_id = o.source_id"
        f" AND n.received_at = $2) WHERE o.source_id = $1 AND {ASKED}"
        " ORDER BY o.asked_at, o.objection_id, r.received_at, r.occurred_on, r.record_id",
        source_id,
        queries.to_micros(at),
    )
    closed: set[str] = set()
    delivered: Counter[str] = Counter()
    for row in rows:
        objection_id, person = row["objection_id"], persons.from_row(keyring, row)
        day = queries.from_day_number(row["occurred_on"])
        opened_on = day_of(queries.from_micros(row["opened_at"]))
        claim = open_claim(person, objection_id, row["sealed_claim"])
        if objection_id in closed or not fits(claim, row["record_kind"], day, opened_on):
            continue
        delivered[objection_id] += row["quantity"]
        is_new = row["received_at"] == queries.to_micros(at)
        if is_new and is_enough(claim, delivered[objection_id]) and await _answer(person, objection_id, None, at):
            closed.add(objection_id)
            facts: dict[str, str | int | None] = {
                "objection_id": objection_id,
                "source_id": source_id,
                "record_id": row["delivered_id"],
                "kind": row["record_kind"],
                "quantity": row["quantity"],
                "occurred_on": day.isoformat(),
            }
            await ledger.append(person, "objection.answered", facts, at)
            await messages.add(person, MessageKind.RECORD_DELIVERED, facts, at)
    return len(closed)


async def _answer(person: Person, objection_id: str, code: NoRecordReason | None, at: datetime) -> bool:
    """Store the answer of a task; False where nothing is asked any more."""
    return bool(
        await StoredObjection.filter(
            person_id=person.person_id, objection_id=objection_id, asked_at__isnull=False, answered_at__isnull=True
        ).update(answered_at=queries.to_micros(at), answer_code=code)
    )


async def _lock_person(keyring: Keyring, source_id: str, objection_id: str) -> Person:
    row = await queries.fetch_one(
        f"SELECT o.person_id FROM objection o{OF_CONFIRMED_LINK} WHERE o.source_id = $1 AND o.objection_id = $2",
        source_id,
        objection_id,
    )
    if row is None:
        raise NotFound("there is no such objection")
    return await persons.lock(keyring, row["person_id"])
