"""Record ids that earlier versions stored in clear: sealed by `migrate`, also after an interruption, and then gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring, SealBroken, new_data_key
from consent.database import migrate, queries
from consent.records import seal_stored, source_ids
from service.storage import database, partitioning

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

SOURCE = "green-travel"
PIECES = 3
PEOPLE, RECORDS_EACH = 3, 3


@dataclass(frozen=True)
class Earlier:
    """A database of before with records in clear: person and the source's record id, by our record id."""

    keyring: Keyring
    records: dict[str, tuple[str, str]]
    retracted: str
    """A record id whose record its source has retracted; its key stays."""


def clear_ids(earlier: Earlier) -> list[str]:
    return [*(clear for _, clear in earlier.records.values()), earlier.retracted]


@pytest.fixture
async def earlier(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Earlier]:
    original = migrate.files

    def before(package: str, engine: str) -> Sequence[tuple[str, str]]:
        scripts = original(package, engine)
        return [(name, script) for name, script in scripts if package != "consent" or name < "0031_no_clear"]

    keyring = Keyring({1: os.urandom(32)}, 1, os.urandom(32))
    await database.open_database(empty_database_url)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "files", before)
            await database.migrate_all()
        yield await fill(keyring)
    finally:
        await database.close_database()


async def fill(keyring: Keyring) -> Earlier:
    records = {}
    for number in range(PEOPLE):
        person_id = new_id()
        await queries.execute(
            "INSERT INTO person (person_id, epoch, events, last_leaf, wrapped_key, sealed_subject, created_at)"
            " VALUES ($1, 0, 0, '', $2, $2, 0)",
            person_id,
            new_data_key(keyring, person_id),
        )
        for place in range(RECORDS_EACH):
            records[await add(person_id, f"card-90{number}.{place}")] = (person_id, f"card-90{number}.{place}")
    retracted = "card-900.retracted"
    await queries.execute(
        "INSERT INTO record_key (source_id, source_record_id, person_id, record_id) VALUES ($1, $2, $3, $4)",
        SOURCE,
        retracted,
        next(iter(records.values()))[0],
        new_id(),
    )
    await queries.execute(
        "INSERT INTO correction (correction_id, source_id, source_record_id, outcome, since)"
        " VALUES ('c-1', $1, $2, 'retracted', 0)",
        SOURCE,
        retracted,
    )
    return Earlier(keyring, records, retracted)


async def add(person_id: str, source_record_id: str) -> str:
    """Store a record as versions before 0.3.0 did."""
    record_id = new_id()
    await queries.execute(
        "INSERT INTO record (person_id, record_id, source_id, source_record_id, kind, quantity, occurred_on,"
        " received_at) VALUES ($1, $2, $3, $4, 'bike_trip', 1, 20250101, 0)",
        person_id,
        record_id,
        SOURCE,
        source_record_id,
    )
    await queries.execute(
        "INSERT INTO record_key (source_id, source_record_id, person_id, record_id) VALUES ($1, $2, $3, $4)",
        SOURCE,
        source_record_id,
        person_id,
        record_id,
    )
    return record_id


async def require_sealed(earlier: Earlier) -> None:
    """Check that every id opens in its row, is indexed, and is nowhere in clear."""
    assert await database.missing_migrations() == []
    index_of = source_ids.index_of(earlier.keyring, SOURCE)
    rows = await queries.fetch_all("SELECT * FROM record")
    assert {row["record_id"] for row in rows} == earlier.records.keys()
    for row in rows:
        person = await persons.read(earlier.keyring, row["person_id"])
        opened = source_ids.open_id(person, row["record_id"], row["sealed_source_record_id"])
        assert (row["person_id"], opened) == earlier.records[row["record_id"]]
    indexed = await queries.fetch_all("SELECT * FROM record_index")
    assert {row["source_record_index"] for row in indexed} == set(map(index_of, clear_ids(earlier)))
    (correction,) = await queries.fetch_all("SELECT * FROM correction")
    sealed = correction["sealed_source_record_id"]
    assert source_ids.open_from_feed(earlier.keyring, "c-1", sealed) == earlier.retracted
    for stored in (*rows, *indexed, correction):
        assert not [clear for clear in clear_ids(earlier) if contains(stored, clear)]


def contains(row: queries.Row, clear: str) -> bool:
    return any(
        clear.encode() in (bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode())
        for value in row.values()
    )


async def test_ids_in_clear_are_sealed_and_indexed(earlier: Earlier) -> None:
    applied = await database.migrate_all(earlier.keyring)
    assert applied[0].startswith("consent/0031_no_clear_record_ids")
    await require_sealed(earlier)
    assert await database.migrate_all(earlier.keyring) == []


async def test_an_interrupted_run_is_continued(earlier: Earlier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_stored, "BATCH", 2)
    original, batches = queries.execute_many, 0

    async def interrupted(sql: str, values: Sequence[Sequence[object]]) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise ConnectionResetError
        await original(sql, values)

    with monkeypatch.context() as patched:
        patched.setattr(queries, "execute_many", interrupted)
        with pytest.raises(ConnectionResetError):
            await database.migrate_all(earlier.keyring)
    counted = await queries.fetch_one("SELECT count(*) AS n FROM record WHERE length(sealed_source_record_id) > 0")
    assert counted == {"n": 4}
    await database.migrate_all(earlier.keyring)
    await require_sealed(earlier)


async def test_rows_of_a_version_that_still_runs_are_sealed_last(earlier: Earlier) -> None:
    assert await seal_stored.seal_stored(earlier.keyring) == 2 * len(earlier.records) + 2
    person_id = next(iter(earlier.records.values()))[0]
    earlier.records[await add(person_id, "card-900.late")] = (person_id, "card-900.late")
    # Withdrawn meanwhile: its key must not come back with the new table.
    gone, (owner, clear) = next(iter(earlier.records.items()))
    del earlier.records[gone]
    await queries.execute("DELETE FROM record WHERE person_id = $1 AND record_id = $2", owner, gone)
    await queries.execute("DELETE FROM record_key WHERE source_id = $1 AND source_record_id = $2", SOURCE, clear)
    await database.migrate_all(earlier.keyring)
    await require_sealed(earlier)


async def test_several_processes_migrate_at_once(earlier: Earlier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_stored, "BATCH", 2)
    applied = await asyncio.gather(*(database.migrate_all(earlier.keyring) for _ in range(3)))
    assert sorted(map(bool, applied)) == [False, False, True]
    await require_sealed(earlier)


async def test_partitioned_tables(earlier: Earlier) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite has no partitions")
    keys = {"person": "person_id", "record": "person_id", "record_key": "source_record_id"}
    async with queries.transaction():
        for table, key in keys.items():
            pieces = [(f"{table}_p{n}", f"WITH (MODULUS {PIECES}, REMAINDER {n})") for n in range(PIECES)]
            await partitioning._cut(table, f"HASH ({key})", pieces, None)
    await database.migrate_all(earlier.keyring)
    assert "cut record_index" in await database.partition_tables(None)
    await require_sealed(earlier)


async def test_without_the_keyring_nothing_is_dropped(earlier: Earlier) -> None:
    with pytest.raises(ValueError, match="keyring"):
        await database.migrate_all()
    with pytest.raises(SealBroken):
        await database.migrate_all(Keyring({1: os.urandom(32)}, 1, os.urandom(32)))
    assert len(await queries.fetch_all("SELECT source_record_id FROM record_key")) == len(earlier.records) + 1
    await database.migrate_all(earlier.keyring)
    await require_sealed(earlier)


async def test_sqlite_leaves_no_text_in_free_pages(earlier: Earlier, empty_database_url: str) -> None:
    if not queries.is_sqlite():
        pytest.skip("PostgreSQL: docs/operations.md")
    path = empty_database_url.removeprefix("sqlite://")
    assert await asyncio.to_thread(files_contain, path, earlier.retracted)
    await database.migrate_all(earlier.keyring)
    assert not [clear for clear in clear_ids(earlier) if await asyncio.to_thread(files_contain, path, clear)]


def files_contain(path: str, text: str) -> bool:
    """Report whether the database's file or its write-ahead log has the text anywhere."""
    for file in (path, f"{path}-wal"):
        if os.path.exists(file):  # noqa: PTH110
            with open(file, "rb") as opened:  # noqa: PTH123
                if text.encode() in opened.read():
                    return True
    return False
