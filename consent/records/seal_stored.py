"""Seal the source record ids that versions before 0.3.0 stored in clear; the work of `migrate` before 0031 drops them.

SQL text: the clear columns are in no model any more; records are updated by `execute_many`, because their persons are
locked meanwhile. Each batch is a transaction of its own, or joins the running one; a row is sealed once, so that a run
that was interrupted is continued by the next. Persons are locked first, as by every change of their records: the
service of before may be running.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.database.migrate import Preparation
from consent.models import StoredCorrection
from consent.records import source_ids

FILE = "consent/0031_no_clear_record_ids"
BATCH = 1_000
"""Rows of one transaction: persons are locked for some tens of milliseconds."""
CLEAR_TABLES = ("record", "record_key", "correction")

Key = tuple[str, str]


def preparation(keyring: Keyring | None) -> dict[str, Preparation]:
    """Return the preparation of the file that drops the clear columns, by the names of the file on both engines.

    Without a keyring it fits a database without records alone, and raises ValueError in any other.
    """

    async def run() -> int:
        if keyring is not None:
            return await seal_stored(keyring)
        if await _any_clear():
            raise ValueError("records are stored in clear; only with the keyring can they be sealed")
        return 0

    prepared = Preparation(CLEAR_TABLES, _any_clear, run)
    return {f"{FILE}.{engine}.sql": prepared for engine in ("sqlite", "postgres")}


async def _any_clear() -> bool:
    rows = await queries.fetch_one(
        "SELECT EXISTS (SELECT 1 FROM record) OR EXISTS (SELECT 1 FROM record_key)"
        " OR EXISTS (SELECT 1 FROM correction) AS any_row"
    )
    assert rows is not None
    return bool(rows["any_row"])


async def seal_stored(keyring: Keyring) -> int:
    """Seal every source record id that is not sealed yet; return the number of rows changed.

    Raises:
        SealBroken: a person's data key does not open with this keyring; nothing of that batch is changed.
    """
    return (
        await _by_batches(lambda after: _seal_records(keyring, after))
        + await _by_batches(lambda after: _index_keys(keyring, after))
        + await _by_batches(lambda after: _seal_corrections(keyring, after))
    )


async def _by_batches(batch: Callable[[Key], Awaitable[tuple[Key | None, int]]]) -> int:
    """Run `batch` from key to key until it returns None as the last key; return the number of rows changed."""
    changed, after = 0, ("", "")
    while True:
        async with queries.transaction():
            last, count = await batch(after)
        changed += count
        if last is None:
            return changed
        after = last


async def _seal_records(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows = await queries.fetch_all(
        "SELECT r.person_id, r.record_id, r.source_record_id, p.epoch, p.wrapped_key FROM record r"
        " JOIN person p ON p.person_id = r.person_id WHERE (r.person_id, r.record_id) > ($1, $2)"
        " AND length(r.sealed_source_record_id) = 0 ORDER BY r.person_id, r.record_id LIMIT $3",
        *after,
        BATCH,
    )
    people = {row["person_id"]: persons.from_row(keyring, row) for row in rows}
    await persons.lock_many(people)
    await queries.execute_many(
        "UPDATE record SET sealed_source_record_id = $3 WHERE person_id = $1 AND record_id = $2",
        [
            (
                row["person_id"],
                row["record_id"],
                source_ids.seal_id(people[row["person_id"]], row["record_id"], row["source_record_id"]),
            )
            for row in rows
        ],
    )
    return _last(rows, "person_id", "record_id"), len(rows)


async def _index_keys(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows = await queries.fetch_all(
        "SELECT source_id, source_record_id, person_id FROM record_key WHERE (source_id, source_record_id) > ($1, $2)"
        " AND source_record_index = '' ORDER BY source_id, source_record_id LIMIT $3",
        *after,
        BATCH,
    )
    await persons.lock_many({row["person_id"] for row in rows})
    index_of = {source_id: source_ids.index_of(keyring, source_id) for source_id in {row["source_id"] for row in rows}}
    await queries.execute_many(
        "UPDATE record_key SET source_record_index = $3 WHERE source_id = $1 AND source_record_id = $2",
        [
            (row["source_id"], row["source_record_id"], index_of[row["source_id"]](row["source_record_id"]))
            for row in rows
        ],
    )
    return _last(rows, "source_id", "source_record_id"), len(rows)


async def _seal_corrections(keyring: Keyring, after: Key) -> tuple[Key | None, int]:
    rows = await queries.fetch_all(
        "SELECT correction_id, source_record_id FROM correction WHERE correction_id > $1"
        " AND length(sealed_source_record_id) = 0 ORDER BY correction_id LIMIT $2",
        after[0],
        BATCH,
    )
    for row in rows:
        sealed = source_ids.seal_for_feed(keyring, row["correction_id"], row["source_record_id"])
        await StoredCorrection.filter(correction_id=row["correction_id"]).update(sealed_source_record_id=sealed)
    return _last(rows, "correction_id", "correction_id"), len(rows)


def _last(rows: list[queries.Row], *key: str) -> Key | None:
    """Return the key of the last row, or None where the batch was not full: nothing comes after it."""
    return (rows[-1][key[0]], rows[-1][key[1]]) if len(rows) == BATCH else None
