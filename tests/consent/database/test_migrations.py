"""The real catalogue of both engines against what the models promise, and migrations that run once."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tortoise import Tortoise

from consent.database import migrate, queries
from service.storage import database

pytestmark = pytest.mark.anyio

COLUMNS = {
    "sqlite": 'SELECT name, "notnull" AS required FROM pragma_table_info($1)',
    "postgres": "SELECT column_name AS name, CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END AS required"
    " FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1",
}
INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgres": "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public'"
    " AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'",
}


CHANGED = {"log_entry": "position"}


def engine() -> str:
    return "sqlite" if queries.is_sqlite() else "postgres"


async def test_every_model_has_its_table_with_exactly_its_columns(opened: str) -> None:
    for app in Tortoise.apps.values():
        for model in app.values():
            table = model._meta.db_table
            real = {row["name"]: bool(row["required"]) for row in await queries.fetch_all(COLUMNS[engine()], table)}
            promised = {field.source_field or name: not field.null for name, field in model._meta.fields_map.items()}
            assert real == promised, table


async def test_every_table_has_its_model(opened: str) -> None:
    listing = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if queries.is_sqlite()
        else "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    real = {row["name"] for row in await queries.fetch_all(listing)} - {"schema_migration"}
    assert real == {model._meta.db_table for app in Tortoise.apps.values() for model in app.values()}


async def test_every_index_of_the_files_is_really_there(opened: str) -> None:
    written = {
        line.split(" INDEX ")[1].split()[0]
        for room in database.PACKAGES
        for _, script in migrate.files(room, engine())
        for line in script.splitlines()
        if line.startswith("CREATE") and " INDEX " in line
    }
    assert {row["name"] for row in await queries.fetch_all(INDEXES[engine()])} == written
    assert "consent_one_live" in written


async def test_migrations_run_once_even_when_several_start_at_once(empty_database_url: str) -> None:
    await database.open_database(empty_database_url)
    try:
        applied = await asyncio.gather(*(database.migrate_all() for _ in range(4)))
        assert sorted(map(len, applied)) == [0, 0, 0, len(max(applied, key=len))]
        assert await database.missing_migrations() == []
        await queries.execute("UPDATE schema_migration SET sha256 = 'edited' WHERE room = 'consent'")
        with pytest.raises(migrate.MigrationChanged):
            await database.missing_migrations()
    finally:
        await database.close_database()


@pytest.mark.parametrize(
    "table", ["event", "document_step", "refused_attempt", "log_entry", "oversight", "use_for_all"]
)
async def test_appended_tables_refuse_change(opened: str, table: str) -> None:
    rows = {
        "event": "INSERT INTO event VALUES ('p', 1, 'l', 'k', 1, 'x')",
        "document_step": "INSERT INTO document_step VALUES ('k', 'd', 1, 1, 'a', 's', 'h', 1)",
        "refused_attempt": "INSERT INTO refused_attempt VALUES ('a', 1, 'd', 'a', 'c', 'w', 'h', 's')",
        "oversight": "INSERT INTO oversight VALUES ('o', 1, 's', NULL, 'w', 'h', 's')",
        "use_for_all": "INSERT INTO use_for_all VALUES ('u', 1, 'points.computed', 'o', 'p', 'w', 'o', '', 'g',"
        " 'h', 's', NULL, NULL)",
        "log_entry": "INSERT INTO log_entry VALUES ('consent', 0, 'h', 'l')",
    }
    await queries.execute(rows[table])
    for change in (f"DELETE FROM {table}", f"UPDATE {table} SET {CHANGED.get(table, 'at')} = 2"):
        with pytest.raises(Exception, match="append only"):
            await queries.execute(change)
    assert len(await queries.fetch_all(f"SELECT * FROM {table}")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO record VALUES ('p', 'r', 's', 'x', 'bike_trip', 0, 20250101, 1)",
        "INSERT INTO record VALUES ('p', 'r', 's', 'x', 'bike_trip', -5, 20250101, 1)",
        "INSERT INTO record VALUES ('p', 'r', 's', 'x', 'traffic_violation', 1, 20250101, 1)",
        "INSERT INTO snapshot VALUES ('p', 1, 'v', 't', -1, '[]', 20250101, NULL, NULL)",
        "INSERT INTO quota_use VALUES ('q', -1, 20250101)",
        "INSERT INTO consent VALUES ('p', 'c', 'punishment', 's', 'n', 1, 'h', 'given', 1, 2, NULL, NULL, 1, NULL)",
    ],
)
async def test_what_must_never_be_stored_is_refused_by_the_database_itself(opened: str, statement: str) -> None:
    with pytest.raises(Exception, match=r"(?i)check"):
        await queries.execute(statement)


async def test_one_live_consent_for_person_purpose_and_counterpart(opened: str) -> None:
    given = "INSERT INTO consent VALUES ('p', $1, 'points.compute', 's', 'n', 1, 'h', $2, 1, 2, NULL, NULL, 1, NULL)"
    await queries.execute(given, "c1", "given")
    await queries.execute(given, "c2", "withdrawn")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await queries.execute(given, "c3", "given")


async def test_a_table_in_use_is_waited_for_a_little_at_a_time(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if empty_database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer")
    monkeypatch.setattr(migrate, "LOCK_WAIT", "50ms")
    monkeypatch.setattr(migrate, "BETWEEN_SECONDS", 0.01)
    await database.open_database(empty_database_url)
    try:
        await database.migrate_all()
        original = migrate.files
        later = ("9999_later.sql", "ALTER TABLE objection ADD COLUMN later INTEGER;\n")
        monkeypatch.setattr(migrate, "files", lambda room, engine: [*original(room, engine), later][-1:])
        user = await asyncpg.connect(empty_database_url.replace("postgres://", "postgresql://", 1))
        using = user.transaction()
        await using.start()
        await user.fetch("SELECT * FROM objection")
        monkeypatch.setattr(migrate, "ATTEMPTS_MAX", 2)
        with pytest.raises(asyncpg.LockNotAvailableError):
            await migrate.apply(["consent"])
        monkeypatch.setattr(migrate, "ATTEMPTS_MAX", 100)
        waiting = asyncio.create_task(migrate.apply(["consent"]))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert await queries.fetch_all("SELECT * FROM objection") == []  # whoever reads does not wait behind it
        await using.rollback()
        assert await waiting == ["consent/9999_later.sql"]
        await user.close()
    finally:
        await database.close_database()
