"""The re-index of a rotation: rows under the next index key, in batches while the service runs, resumable after a kill.

SQL text: pages of several tables by row comparison over their keys, reads by a thousand ids (`queries.any_of`), and the
update of links by `execute_many`, because their persons are locked meanwhile. Each batch is one transaction, with its
persons locked as by every change of their rows, and saves its position.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import NamedTuple

from tortoise.models import Model

from consent import index_versions, persons
from consent.consents import ended_links_of_erased
from consent.crypto.blind_index import IndexUse, blind_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.database.composite_key import key_columns
from consent.database.queries import Row
from consent.models import LinkedAccount, RecordKey, ReindexPosition, StoredCorrection, Subject
from consent.persons import Person
from consent.records import source_ids

BATCH = 1_000
"""Rows of one transaction: persons are locked for some tens of milliseconds."""
DONE = "done"

Key = list[str]
Batch = Callable[[Keyring, Key], Awaitable[tuple[Key | None, int]]]
"""One batch after a key of a table: returns its last key, None at the end of the table, and the rows it counts."""


class Written(NamedTuple):
    """Rows that a run of `write_new` has written, and record ids that have no row under the new key.

    Those are of records that were retracted before their ids were stored with the row.
    """

    rows: int
    unknown: int


async def write_new(keyring: Keyring, at: datetime) -> Written:
    """Write a row under the keyring's newest index key for every value, and note that none is missing.

    From its begin, processes without that key may not write any more (`IndexKeyMissing`), and all others write under
    both keys: what a batch has passed is complete for good.
    """
    newest = max(keyring.index_keys)
    async with queries.transaction():
        await index_versions.require_written(newest, at)
    written = await _run(keyring.under(newest), WRITE)
    async with queries.transaction():
        await index_versions.mark_complete(newest, await queries.now())
    # Every act writes or deletes both rows of a value at once, so the difference is of those that have one.
    async with queries.snapshot():
        older = await RecordKey.filter(index_version__lt=newest).count()
        newer = await RecordKey.filter(index_version__gte=newest).count()
    return Written(sum(written.values()), older - newer)


async def remove_old(keyring: Keyring, at: datetime) -> None:
    """Rewrite what has one row alone, and delete the rows under older index keys than the keyring's current one.

    From its begin no process writes under an older key. `keyring` has the older key too, to open what it has sealed.
    """
    async with queries.transaction():
        await index_versions.retire_before(keyring.index_version, at)
    if not await is_old_removed(keyring.index_version):
        await _run(keyring, REMOVE)
        await _save_position(keyring.index_version, DONE, [])


async def is_old_removed(version: int) -> bool:
    """Report whether `remove_old` has come to its end for this version."""
    return await ReindexPosition.exists(version=version, step=DONE)


async def _save_position(version: int, name: str, after: Key) -> None:
    row = ReindexPosition(version=version, step=name, after_key=json.dumps(after))
    await ReindexPosition.bulk_create([row], on_conflict=["version"], update_fields=["step", "after_key"])


async def _run(keyring: Keyring, steps: Mapping[str, Batch]) -> dict[str, int]:
    """Run the steps in their order, from the saved position on; return the sum of the counts of each."""
    counts = dict.fromkeys(steps, 0)
    saved = await ReindexPosition.get_or_none(version=keyring.index_version)
    names, after = list(steps), list[str]()
    if saved is not None and saved.step in steps:
        names, after = names[names.index(saved.step) :], json.loads(saved.after_key)
    for name in names:
        last: Key | None = after
        while last is not None:
            async with queries.transaction():
                last, count = await steps[name](keyring, last)
                if last is not None:
                    await _save_position(keyring.index_version, name, last)
            counts[name] += count
        after = []
    return counts


async def _page(table: str, key: Sequence[str], after: Key, condition: str = "TRUE") -> tuple[list[Row], Key | None]:
    """Return the keys, and the persons, of the next rows of a table, and the last key, None where no row follows."""
    columns = ", ".join(key)
    since, values = "TRUE", list[object]()
    if after:
        since = f"({columns}) > ({', '.join(f'${number}' for number in range(1, len(key) + 1))})"
        values = list(after)
    rows = await queries.fetch_all(
        f"SELECT * FROM {table} WHERE {since} AND {condition} ORDER BY {columns} LIMIT {BATCH}", *values
    )
    return rows, [rows[-1][column] for column in key] if len(rows) == BATCH else None


async def _locked(keyring: Keyring, rows: Sequence[Row]) -> dict[str, Person]:
    """Lock the persons of rows and return them by id, without those that were erased meanwhile."""
    person_ids = {row["person_id"] for row in rows}
    await persons.lock_many(person_ids)
    if not person_ids:
        return {}
    stored = await queries.fetch_all(
        f"SELECT person_id, epoch, wrapped_key FROM person WHERE {queries.any_of('person_id', 1)}",
        queries.array_param(person_ids),
    )
    return {row["person_id"]: persons.from_row(keyring, row) for row in stored}


async def _again(table: str, row_id: str, rows: Sequence[Row]) -> list[Row]:
    """Read rows of persons again, after the lock: some may have been deleted or changed meanwhile."""
    if not rows or queries.is_sqlite():  # it has one writer, so that nothing changed
        return list(rows)
    return await queries.fetch_all(
        f"SELECT * FROM {table} WHERE {queries.any_of('person_id', 1)} AND {queries.any_of(row_id, 2)}",
        queries.array_param({row["person_id"] for row in rows}),
        queries.array_param(row[row_id] for row in rows),
    )


async def _write_subjects(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page("person", ("person_id",), after)
    people = await _locked(keyring, rows)
    current = await _again("person", "person_id", rows)
    subjects = []
    for row in current:
        index = persons.subject_index(keyring, persons.subject_in(people[row["person_id"]], row["sealed_subject"]))
        subjects.append(Subject(subject_index=index, person_id=row["person_id"], index_version=keyring.index_version))
    await Subject.bulk_create(subjects, ignore_conflicts=True)
    return last, len(subjects)


async def _write_accounts(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page("account_link", ("person_id", "link_id"), after)
    people = await _locked(keyring, rows)
    accounts = [
        LinkedAccount(
            source_id=row["source_id"],
            account_index=_account_index(keyring, people[row["person_id"]], row),
            person_id=row["person_id"],
            link_id=row["link_id"],
            index_version=keyring.index_version,
        )
        for row in await _again("account_link", "link_id", rows)
        if row["state"] == "confirmed"
    ]
    await LinkedAccount.bulk_create(accounts, ignore_conflicts=True)
    return last, len(accounts)


async def _rewrite_links(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page("account_link", ("person_id", "link_id"), after)
    people = await _locked(keyring, rows)
    values = [
        (row["person_id"], row["link_id"], _account_index(keyring, people[row["person_id"]], row))
        for row in await _again("account_link", "link_id", rows)
    ]
    await queries.execute_many(
        "UPDATE account_link SET account_index = $3 WHERE person_id = $1 AND link_id = $2", values
    )
    return last, len(values)


def _account_index(keyring: Keyring, person: Person, row: Row) -> str:
    account = person.open("account_link", "sealed_account", row["link_id"], bytes(row["sealed_account"])).decode()
    return blind_index(keyring, IndexUse.ACCOUNT, row["source_id"], account)


async def _write_records(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page("record", ("person_id", "record_id"), after)
    people = await _locked(keyring, rows)
    named = [
        (row, source_ids.open_id(people[row["person_id"]], row["record_id"], row["sealed_source_record_id"]))
        for row in await _again("record", "record_id", rows)
    ]
    return last, await _insert_records(keyring, [(row, record_id, None) for row, record_id in named])


async def _write_retracted(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page(
        "record_index", ("source_id", "source_record_index"), after, "sealed_source_record_id IS NOT NULL"
    )
    people = await _locked(keyring, rows)
    named = [
        (row, source_ids.open_retracted(people[row["person_id"]], row["record_id"], row["sealed_source_record_id"]))
        for row in await _again("record_index", "record_id", rows)
        if row["sealed_source_record_id"] is not None
    ]
    return last, await _insert_records(
        keyring, [(row, record_id, row["sealed_source_record_id"]) for row, record_id in named]
    )


async def _insert_records(keyring: Keyring, named: Sequence[tuple[Row, str, bytes | None]]) -> int:
    """Insert rows of records under the keyring's key: row with source, person and id, the source's id, and its seal."""
    index_of = {source: source_ids.index_of(keyring, source) for source in {row["source_id"] for row, _, _ in named}}
    keys = [
        RecordKey(
            source_id=row["source_id"],
            source_record_index=index_of[row["source_id"]](record_id),
            person_id=row["person_id"],
            record_id=row["record_id"],
            index_version=keyring.index_version,
            sealed_source_record_id=sealed_id,
        )
        for row, record_id, sealed_id in named
    ]
    await RecordKey.bulk_create(keys, ignore_conflicts=True)
    return len(named)


async def _seal_endings(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page("farewell", ("link_id",), after)
    for row in rows:
        await ended_links_of_erased.seal_again(keyring, row["link_id"], bytes(row["sealed_account"]))
    return last, len(rows)


async def _seal_corrections(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows, last = await _page("correction", ("correction_id",), after)
    for row in rows:
        correction_id = row["correction_id"]
        record_id = source_ids.open_from_feed(keyring, correction_id, row["sealed_source_record_id"])
        sealed = source_ids.seal_for_feed(keyring, correction_id, record_id)
        await StoredCorrection.filter(correction_id=correction_id).update(sealed_source_record_id=sealed)
    return last, len(rows)


def _delete_rows(model: type[Model]) -> Batch:
    """Return the step that deletes the rows of a model under older index keys: one statement a batch and source."""
    *source, index = key_columns(model)

    def of_one_source(row: Row) -> dict[str, str]:
        return {column: row[column] for column in source}

    async def delete_batch(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
        older = f"index_version < {keyring.index_version:d}"
        rows, last = await _page(model._meta.db_table, (*source, index), after, older)
        for same, group in groupby(rows, of_one_source):
            await model.filter(**same, **{f"{index}__in": [row[index] for row in group]}).delete()
        return last, len(rows)

    return delete_batch


WRITE: Mapping[str, Batch] = MappingProxyType(
    {
        "subjects": _write_subjects,
        "accounts": _write_accounts,
        "records": _write_records,
        "retracted records": _write_retracted,
    }
)
"""The steps of `write_new`."""
REMOVE: Mapping[str, Batch] = MappingProxyType(
    {
        "links": _rewrite_links,
        "endings": _seal_endings,
        "corrections": _seal_corrections,
        "old subjects": _delete_rows(Subject),
        "old accounts": _delete_rows(LinkedAccount),
        "old records": _delete_rows(RecordKey),
    }
)
"""The steps of `remove_old`."""
