"""The real catalogue of both engines against what the models promise, and migrations that run once."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.models import Model

from consent.database import migrate, queries
from consent.database.composite_key import CompositeKeyModel
from consent.database.fields import BigInteger, Integer, Text
from service.storage import database
from tests.support.schema_drift import drift

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "postgres": "SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public'"
    " AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'",
}


CHANGED = {"log_entry": "position"}


def engine() -> str:
    return "sqlite" if queries.is_sqlite() else "postgres"


async def test_every_model_agrees_with_its_table(opened: str) -> None:
    for app in Tortoise.apps.values():
        for model in app.values():
            assert await drift(model) == []


class HeadTable(Model.Meta):
    table = "log_head"


class TrueHead(Model):
    log = Text(primary_key=True)
    size = BigInteger()
    checkpoint = Text(null=True)
    checked_at = BigInteger()
    frozen = Text(null=True)
    withheld = Integer(db_default=0)
    Meta = HeadTable


class WrongType(TrueHead):
    size = Integer()
    Meta = HeadTable


class WrongName(TrueHead):
    size = BigInteger(source_field="length")
    Meta = HeadTable


class WrongNull(TrueHead):
    checkpoint = Text()
    Meta = HeadTable


class WrongDefault(TrueHead):
    withheld = Integer(db_default=1)
    Meta = HeadTable


class NoDefault(TrueHead):
    withheld = Integer()
    Meta = HeadTable


class MoreColumns(TrueHead):
    reason = Text(null=True)
    Meta = HeadTable


class InventedUnique(TrueHead):
    frozen = Text(null=True, unique=True)
    Meta = HeadTable


class WrongKey(Model):
    log = Text(primary_key=True)
    position = BigInteger()
    leaf_hash = Text()
    leaf = Text()

    class Meta:
        table = "log_entry"
        unique_together = (("log", "leaf_hash"),)


class WrongOrder(CompositeKeyModel):
    KEY = ("position", "log")
    log = Text()
    position = BigInteger()
    leaf_hash = Text()
    leaf = Text()

    class Meta:
        table = "log_entry"


@pytest.mark.parametrize(
    ("model", "lines"),
    [
        (TrueHead, []),
        (WrongType, ["log_head: size: type is 'BIGINT', in the model 'INTEGER'"]),
        (WrongName, ["log_head: length is missing in the table", "log_head: size is missing in the model"]),
        (WrongNull, ["log_head: checkpoint: nullable is True, in the model False"]),
        (WrongDefault, ["log_head: withheld: default is '0', in the model '1'"]),
        (NoDefault, ["log_head: withheld: default is '0', in the model None"]),
        (MoreColumns, ["log_head: reason is missing in the table"]),
        (InventedUnique, ["log_head: unique are [], in the model [(('frozen',), None)]"]),
        (WrongKey, ["log_entry: primary key is ('log', 'position'), in the model ('log',)"]),
        (
            WrongOrder,
            [
                "log_entry: primary key is ('log', 'position'), in the model ('position', 'log')",
                "log_entry: unique are [(('log', 'leaf_hash'), None)], in the model []",
            ],
        ),
    ],
)
async def test_each_kind_of_drift_is_reported(opened: str, model: type[Model], lines: list[str]) -> None:
    assert await drift(model) == lines


async def test_every_table_has_its_model(opened: str) -> None:
    listing = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if queries.is_sqlite()
        else "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    real = {row["name"] for row in await queries.fetch_all(listing)} - {"schema_migration"}
    models = {model._meta.db_table for app in Tortoise.apps.values() for model in app.values()}
    assert not (missing := real - models), f"no model in the owner's models: {missing}"
    assert not (missing := models - real), f"no migration makes the table: {missing}"


def written_indexes(dialect: str) -> dict[str, str]:
    """Return the table of each index that an engine has after all of its migration files, by the index's name."""
    written: dict[str, str] = {}
    for package in database.PACKAGES:
        for _, script in migrate.files(package, dialect):
            for line in script.splitlines():
                if line.startswith("CREATE") and " INDEX " in line:
                    name, _, table = line.split(" INDEX ")[1].split()[:3]
                    written[name] = table
                elif line.startswith("DROP INDEX "):
                    del written[line.split()[2].rstrip(";")]
                elif line.startswith("DROP TABLE "):
                    table = line.split()[2].rstrip(";")
                    written = {name: indexed for name, indexed in written.items() if indexed != table}
    return written


async def test_every_index_of_the_files_is_really_there(opened: str) -> None:
    written = written_indexes(engine())
    assert {row["name"] for row in await queries.fetch_all(INDEXES[engine()])} == written.keys()
    assert "consent_one_live" in written


def test_both_engines_have_the_same_indexes() -> None:
    """A table that SQLite makes again for a wider CHECK has lost its indexes."""
    lost = written_indexes("postgres").items() ^ written_indexes("sqlite").items()
    assert not lost, f"CREATE INDEX is missing in the migrations of one engine, with its table: {sorted(lost)}"


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
        "document_step": "INSERT INTO document_step VALUES ('k', 'd', 1, 1, 'a', 's', 'h', 1, NULL)",
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
        "INSERT INTO record VALUES ('p', 'r', 's', 'bike_trip', 0, 20250101, 1, 'x')",
        "INSERT INTO record VALUES ('p', 'r', 's', 'bike_trip', -5, 20250101, 1, 'x')",
        "INSERT INTO record VALUES ('p', 'r', 's', 'traffic_violation', 1, 20250101, 1, 'x')",
        "INSERT INTO snapshot VALUES ('p', 1, 'v', 't', -1, '[]', 20250101, NULL, NULL, NULL)",
        "INSERT INTO quota_use VALUES ('q', -1, 20250101)",
        "INSERT INTO consent VALUES ('p', 'c', 'punishment', 's', 'n', 1, 'h', 'given', 1, 2, NULL, NULL, 1, NULL,"
        " NULL)",
    ],
)
async def test_what_must_never_be_stored_is_refused_by_the_database_itself(opened: str, statement: str) -> None:
    with pytest.raises(Exception, match=r"(?i)check"):
        await queries.execute(statement)


async def test_one_live_consent_for_person_purpose_and_counterpart(opened: str) -> None:
    given = (
        "INSERT INTO consent VALUES ('p', $1, 'points.compute', 's', 'n', 1, 'h', $2, 1, 2, NULL, NULL, 1, NULL, NULL)"
    )
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
        monkeypatch.setattr(migrate, "files", lambda package, engine: [*original(package, engine), later][-1:])
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
        assert await queries.fetch_all("SELECT * FROM objection") == []  # readers do not wait behind the migration
        await using.rollback()
        assert await waiting == ["consent/9999_later.sql"]
        await user.close()
    finally:
        await database.close_database()
