"""The source's side of objections: open ones about its records, and its statement on each.

A source sees the account and the record, never the person's words. SQL text: objections are joined with links and keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from consent import persons
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.domain.objections import ObjectionState, Reason
from consent.events import ledger
from consent.kernel.errors import Conflict, NotFound
from consent.models import StoredObjection


@dataclass(frozen=True, slots=True)
class ObjectionForSource:
    """An objection as its source sees it: the record or account, the fault, none of the person's words."""

    objection_id: str
    source_record_id: str | None
    account: str
    reason: Reason
    opened_at: datetime
    decide_by: date
    stated: bool


async def list_for_source(
    keyring: Keyring, source_id: str, after: Cursor | None, limit: int
) -> list[ObjectionForSource]:
    """Return open objections about this source, oldest first, of persons whose link with it is confirmed.

    The cursor is (opened at, objection id).
    """
    at, objection_id = after or paging.OLDEST
    rows = await queries.fetch_all(
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
        for row in rows
    ]


async def record_source_statement(
    keyring: Keyring, source_id: str, objection_id: str, statement: str, at: datetime
) -> None:
    """Store the source's side of an open objection; a second statement replaces the first.

    Runs in the caller's transaction; locks the person's row and writes `objection.stated`.

    Raises:
        NotFound: no objection of this id about this source by a person with a confirmed link.
        Conflict: the objection is decided.
    """
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
    if not await StoredObjection.filter(
        person_id=person.person_id, objection_id=objection_id, state=ObjectionState.OPEN
    ).update(
        sealed_source_statement=person.seal("objection", "sealed_source_statement", objection_id, statement.encode()),
        stated_at=queries.to_micros(at),
    ):
        raise Conflict("the objection is decided")
    await ledger.append(person, "objection.stated", {"objection_id": objection_id, "source_id": source_id}, at)
