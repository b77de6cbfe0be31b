"""Partitioned tables: same definition, one partition for each statement of a request, rotation of months."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from benefits.balances import batch
from consent import persons as people
from consent.database import queries
from consent.database.partition_plan import PERSON_KEY
from consent.events import ledger
from consent.rights import access_log
from consent.verification import logs
from service.demo import seed
from service.storage import database, partitioning
from tests.factories import live_a_residents_day
from tests.support import city, servers
from tests.support.city import City
from tests.support.processes import ROOT
from tests.support.seeding import seed_database

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

PIECES = 4
PIECE = re.compile(r"(\w+)_p(\d+)")
SPANNING = (
    "DELETE FROM linked_account WHERE person_id",
    "UPDATE ticket SET person_id=NULL WHERE person_id",
    "DELETE FROM stored_answer WHERE caller_index",
    "r.record_id AS delivered_id, r.received_at FROM objection o",
    "FROM consent WHERE state = 'given' AND consent_id = ANY",
    "FROM quota_use WHERE quota_key IN",
    "FROM record_index WHERE person_id",
)
"""Statements that may touch several partitions: at the end of a consent, which is also copied for its undo, rows are
distributed by their own ids; a person's counters of quotas are distributed by their own keys; after a
delivery, a source's few open tasks are read by an index of each partition; in the background, new tombstones of the log
folder name a consent alone."""
LIKE_LARGE = tuple(
    f"SET LOCAL enable_{plan_type} = off" for plan_type in ("seqscan", "hashjoin", "mergejoin", "material")
)
"""A planner that sees a dozen rows reads them all; of millions it goes by the key."""


@pytest.fixture(scope="module")
def cut_city(postgres: servers.Postgres, demo_folder: Path) -> str:
    import asyncio

    url = postgres.create()
    asyncio.run(seed_database(replace(seed.settings_of(demo_folder), database_url=url), PIECES))
    return servers.name_of(url)


@pytest.fixture
async def partitioned_city(
    postgres: servers.Postgres, cut_city: str, demo_folder: Path, tmp_path: Path
) -> AsyncIterator[City]:
    """A running, seeded city with partitioned tables."""
    settings = seed.settings_of(demo_folder)
    published = tmp_path / "published"
    published.mkdir()
    settings = replace(
        settings, database_url=postgres.create(cut_city), publisher=replace(settings.publisher, folder=published)
    )
    async with city.running_city(settings, demo_folder) as town:
        yield town
    postgres.drop(settings.database_url)


@pytest.fixture
async def whole(postgres: servers.Postgres) -> AsyncIterator[str]:
    """An empty database that is up to date."""
    url = postgres.create()
    await database.open_database(url)
    await database.migrate_all()
    yield url
    await database.close_database()
    postgres.drop(url)


async def described() -> dict[str, Any]:
    """Columns, indexes, checks and triggers of every table that is not a piece."""
    columns = await queries.fetch_all(
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, ordinal_position"
    )
    indexes = await queries.fetch_all(
        "SELECT tablename AS table_name, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"
    )
    rules = await queries.fetch_all(
        "SELECT conrelid::regclass::text AS table_name, pg_get_constraintdef(oid) AS said FROM pg_constraint"
        " WHERE contype IN ('c', 'p') AND conrelid <> 0 ORDER BY 1, 2"
    )
    triggers = await queries.fetch_all(
        "SELECT tgrelid::regclass::text AS table_name, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
    )
    description = {"columns": columns, "indexes": indexes, "rules": rules, "triggers": triggers}
    own = re.compile(r".*_(p\d+|rest|\d{4}_\d\d)")
    return {
        name: [
            json.dumps(row).replace(" ON ONLY ", " ON ").replace(" NOT VALID", "")
            for row in rows
            if not own.fullmatch(row["table_name"])
        ]
        for name, rows in description.items()
    }


async def test_partitioned_tables_have_the_same_definition(whole: str) -> None:
    before = await described()
    done = await database.partition_tables(PIECES)
    assert [step for step in done if step.startswith("cut")] == [
        f"cut {step}" for step in (*partitioning.DISTRIBUTION_KEYS, *partitioning.MONTHLY_TABLES)
    ]
    after = await described()
    for id_column, _ in partitioning.MONTHLY_TABLES.values():
        # The month is part of their key.
        after = json.loads(json.dumps(after).replace(f"({id_column}, at)", f"({id_column})"))
    assert after == before
    assert await database.partition_tables(None) == []
    assert await database.partition_tables(PIECES) == []
    with pytest.raises(ValueError, match="4 pieces already"):
        await database.partition_tables(8)


@pytest.mark.database_owner
async def test_partitioning_keeps_existing_rows(town: City) -> None:
    if queries.is_sqlite() or await partitioning.partition_count():
        pytest.skip("for whole tables on PostgreSQL")
    wu = town.resident("wu")
    await wu.volunteer(7_200, "v-wu")
    before = {
        table: (await queries.fetch_all(f"SELECT count(*) AS rows FROM {table}"))[0]["rows"]
        for table in (*partitioning.DISTRIBUTION_KEYS, *partitioning.MONTHLY_TABLES)
    }
    await database.partition_tables(PIECES)
    after = {
        table: (await queries.fetch_all(f"SELECT count(*) AS rows FROM {table}"))[0]["rows"]
        for table in (*partitioning.DISTRIBUTION_KEYS, *partitioning.MONTHLY_TABLES)
    }
    assert after == before
    assert await wu.total() == 63
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)


@contextmanager
def explained(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, set[str]]]]]:
    """Every statement that goes to the server, with the pieces of each table that it touches."""
    seen: list[tuple[str, dict[str, set[str]]]] = []

    def patched(name: str) -> None:
        original = getattr(asyncpg.Connection, name)

        async def recorded(self: Any, sql: str, *values: Any, **named: Any) -> Any:
            if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)", sql) and "pg_" not in sql:
                trial = self.transaction()
                await trial.start()
                for knob in LIKE_LARGE:
                    await plain(self, knob)
                plan = await fetch(self, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *values)
                await trial.rollback()
                seen.append((sql, touched(json.loads(plan[0][0]))))
            return await original(self, sql, *values, **named)

        monkeypatch.setattr(asyncpg.Connection, name, recorded)

    plain, fetch = asyncpg.Connection.execute, asyncpg.Connection.fetch
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        patched(name)
    yield seen
    monkeypatch.undo()


def touched(plan: Any) -> dict[str, set[str]]:
    """The pieces of each table that the plan's nodes have read or written."""
    pieces: dict[str, set[str]] = {}
    nodes = [plan]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += node
        elif isinstance(node, dict):
            piece = PIECE.fullmatch(str(node.get("Relation Name", "")))
            if piece and node.get("Actual Loops", 0) and node["Node Type"] != "ModifyTable":
                pieces.setdefault(piece[1], set()).add(piece[2])
            nodes += node.values()
    return pieces


async def test_every_statement_of_a_request_touches_one_partition(
    partitioned_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    with explained(monkeypatch) as seen:
        await live_a_residents_day(partitioned_city)
    tables = {table for _, pieces in seen for table in pieces}
    assert {"person", "subject", "consent", "event", "snapshot", "record", "ticket", "linked_account"} <= tables
    wide = {
        re.sub(r"\s+", " ", sql)[:160]: {
            table: sorted(numbers) for table, numbers in pieces.items() if len(numbers) > 1
        }
        for sql, pieces in seen
        if any(len(piece) > 1 for piece in pieces.values())
        and not any(known in sql.replace('"', "") for known in SPANNING)
    }
    assert wide == {}, json.dumps(wide, indent=1)


async def test_a_statement_over_several_partitions_is_detected(
    partitioned_city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    with explained(monkeypatch) as seen:
        await queries.fetch_all("SELECT person_id FROM person WHERE epoch >= $1", 0)
    # The city's own background may have asked something meanwhile.
    asked = next(pieces for sql, pieces in seen if "epoch >= $1" in sql)
    assert len(asked["person"]) == PIECES


async def test_append_only_tables_stay_append_only_in_every_partition(partitioned_city: City) -> None:
    wu = partitioned_city.resident("wu")
    await wu.volunteer(7_200, "v-wu")
    assert (await partitioned_city.venue().get("/v1/me/points")).status_code == 403  # leaves a refused attempt
    pieces = [f"event_p{number}" for number in range(PIECES)]
    month = (await queries.now()).strftime("refused_attempt_%Y_%m")
    for table in ("event", *pieces, "refused_attempt", month):
        for statement in (f"UPDATE {table} SET at = 0", f"TRUNCATE {table}"):
            with pytest.raises(IntegrityError, match="append only"):
                await queries.execute(statement)
    with pytest.raises(IntegrityError, match="append only"):
        await queries.execute("DELETE FROM event")
    with pytest.raises(IntegrityError, match="append only"):
        await queries.execute(f"DELETE FROM {month}")


async def test_months_are_rotated_and_leave_their_leaf_hashes(partitioned_city: City) -> None:
    assert (await partitioned_city.venue().get("/v1/me/points")).status_code == 403
    attempts = await queries.fetch_all("SELECT leaf_hash FROM refused_attempt")
    assert attempts
    today = (await queries.now()).date()
    years_later = date(today.year + 4, today.month, 1)
    async with queries.transaction():
        created, gone = await partitioning.rotate_months(years_later)
    assert f"refused_attempt_{today.year + 4}_{today.month:02d}" in created
    assert f"refused_attempt_{today.year}_{today.month:02d}" in gone
    assert await queries.fetch_all("SELECT 1 FROM refused_attempt") == []
    erased = {row["leaf_hash"] for row in await queries.fetch_all("SELECT leaf_hash FROM expired_leaf")}
    assert {row["leaf_hash"] for row in attempts} <= erased
    reports = await logs.check_all(
        partitioned_city.app_context.keyring, partitioned_city.app_context.settings.publisher
    )
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)
    async with queries.transaction():
        assert await partitioning.rotate_months(years_later) == ([], [])


async def test_rows_without_a_month_partition_are_not_lost(partitioned_city: City) -> None:
    far = queries.to_micros(await queries.now()) + 10 * 366 * 86_400 * 1_000_000
    await queries.execute(
        "INSERT INTO refused_attempt (attempt_id, at, door, actor, code, what) VALUES ('later', $1, 'd', '', 'c', 'w')",
        far,
    )
    assert (await queries.fetch_all("SELECT attempt_id FROM refused_attempt_rest"))[0]["attempt_id"] == "later"


async def test_rows_without_a_month_partition_move_to_it_when_it_is_created(partitioned_city: City) -> None:
    now = await queries.now()

    async def attempt(days: int) -> str:
        at = now + timedelta(days=days)
        async with queries.transaction():
            await ledger.record_refused_attempt("public", "x", "wrong_role", "door", at)
        row = await queries.fetch_one("SELECT leaf_hash FROM refused_attempt WHERE at = $1", queries.to_micros(at))
        assert row is not None
        return str(row["leaf_hash"])

    async def lie() -> list[tuple[str, str]]:
        rows = await queries.fetch_all("SELECT leaf_hash, tableoid::regclass::text AS name FROM refused_attempt")
        return sorted((row["leaf_hash"], row["name"]) for row in rows)

    def month(days: int) -> str:
        return (now + timedelta(days=days)).strftime("refused_attempt_%Y_%m")

    # Fifteen and seventeen months without `migrate`, and a clock that was once far ahead.
    soon, later, far = [await attempt(days) for days in (15 * 31, 17 * 31, 40 * 366)]
    assert await lie() == sorted((leaf_hash, "refused_attempt_rest") for leaf_hash in (soon, later, far))
    async with queries.transaction():
        created, gone = await partitioning.rotate_months((now + timedelta(days=17 * 31)).date())
    assert {month(15 * 31), month(17 * 31)} <= set(created)
    assert gone == []
    where = sorted([(soon, month(15 * 31)), (later, month(17 * 31)), (far, "refused_attempt_rest")])
    assert await lie() == where
    for table in (month(15 * 31), "refused_attempt_rest"):
        with pytest.raises(IntegrityError, match="append only"):
            await queries.execute(f"DELETE FROM {table}")
    async with queries.transaction():
        assert await partitioning.rotate_months((now + timedelta(days=17 * 31)).date()) == ([], [])
    assert await lie() == where

    # Rows that waited in the default partition for more than three years are deleted as a month is.
    async with queries.transaction():
        await partitioning.rotate_months((now + timedelta(days=36 * 366)).date())
        old = await attempt(31 * 366)
        await partitioning.rotate_months((now + timedelta(days=36 * 366)).date())
    assert await lie() == [(far, "refused_attempt_rest")]
    remaining = {row["leaf_hash"] for row in await queries.fetch_all("SELECT leaf_hash FROM expired_leaf")}
    assert {soon, later, old} <= remaining
    reports = await logs.check_all(
        partitioned_city.app_context.keyring, partitioned_city.app_context.settings.publisher
    )
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)


async def test_a_batch_by_partitions_logs_the_use_for_each_person(partitioned_city: City) -> None:
    names = [f"reader-{number}" for number in range(12)]
    for name in names:
        await partitioned_city.resident(name).volunteer(7_200, f"v-{name}")
    await queries.execute("DELETE FROM snapshot")
    plan = await batch.list_parts()
    assert [(part.number, part.count, part.cut) for part in plan] == [
        (number, PIECES, True) for number in range(PIECES)
    ]
    reported: list[int] = []
    app_context = partitioned_city.app_context
    # Stopped after one part, and resumed with two in parallel.
    first = await batch.run(
        plan[:1], 0, 1, app_context.clock, app_context.day_of, lambda ready, _, __: reported.append(ready)
    )
    rest = await batch.run(
        plan, 1, 2, app_context.clock, app_context.day_of, lambda ready, _, __: reported.append(ready)
    )
    assert (reported[0], reported[-1]) == (1, PIECES)
    everybody = (await queries.fetch_all("SELECT count(*) AS rows FROM person"))[0]["rows"]
    assert first.persons + rest.persons == everybody
    computed = {
        row["person_id"]: row["total"] for row in await queries.fetch_all("SELECT person_id, total FROM snapshot")
    }
    assert len(computed) == first.computed + rest.computed
    for name in names:
        assert await partitioned_city.resident(name).total() == 63
        # One piece of four was theirs; the others' uses are not.
        person = await people.find(app_context.keyring, name)
        assert person is not None
        seen = await access_log.openings_for_all(person)
        assert [message.event["pieces"] for message in seen] == [PIECES]
    reports = await logs.check_all(app_context.keyring, app_context.settings.publisher)
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)
    with pytest.raises(ValueError, match="4 pieces"):
        await batch.list_parts(3)


def test_the_page_of_large_cities_says_where_every_table_lies() -> None:
    page = (ROOT / "docs" / "large-cities.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| (.*?) \| .* \|$", page[page.index("## Beyond one machine") :], re.M)
    documented = {table: where for tables, where in rows for table in re.findall(r"`(\w+)`", tables)}
    tables = {model._meta.db_table for name in database.MODELS for model in _models(name)}
    differing = set(documented) ^ (tables | {"schema_migration"})
    assert not differing, f"add to the table of docs/large-cities.md, or remove from it: {differing}"
    assert {table for table, where in documented.items() if where.startswith("by `person_id`")} == {
        table for table, key in partitioning.DISTRIBUTION_KEYS.items() if key == PERSON_KEY
    }
    for table in partitioning.TABLES_BY_OWN_KEY:
        assert documented[table] == f"by `{partitioning.DISTRIBUTION_KEYS[table]}`"
    assert {table for table, where in documented.items() if where.startswith("a copy")} == set(
        partitioning.REFERENCE_TABLES
    )


def _models(package: str) -> list[type[Model]]:
    module = importlib.import_module(database.MODELS[package][0])
    return [
        model
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, Model) and not model._meta.abstract
    ]
