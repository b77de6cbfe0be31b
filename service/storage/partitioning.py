"""Partitioning on PostgreSQL, with SQL text because it is DDL: hash partitions by key, months for append-only tables.

Requests do not depend on it: each of their statements names the key, so that it touches one partition. `migrate`
converts whole tables and copies their rows; there is no way back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType

from benefits import partition_plan as benefits_plan
from consent import partition_plan as consent_plan
from consent.database import queries
from consent.database.partition_plan import PERSON_KEY, MonthlyTable, PartitionPlan
from consent.transparency import entries

PLANS = (consent_plan.PLAN, benefits_plan.PLAN, PartitionPlan(by_key={"stored_answer": "scope"}))
DISTRIBUTION_KEYS: Mapping[str, str] = MappingProxyType(
    {table: key for plan in PLANS for table, key in plan.by_key.items()}
)
"""Partition key by table; `person` first, because Citus colocates the others with it."""
TABLES_BY_OWN_KEY = tuple(table for table, key in DISTRIBUTION_KEYS.items() if key != PERSON_KEY)
"""Tables that requests select by another key than the person, and that are partitioned by it."""
REFERENCE_TABLES = tuple(table for plan in PLANS for table in plan.reference)
MONTHLY_TABLES: Mapping[str, MonthlyTable] = MappingProxyType(
    {table: month for plan in PLANS for table, month in plan.monthly.items()}
)
MONTHS_AHEAD = 13
"""Months created ahead. Rows beyond them go to the default partition until `migrate` creates their months."""
RETENTION_MONTHS = 37
"""Three years and the current month."""
PARTITIONS_MAX = 1024


@dataclass(frozen=True, slots=True)
class _Table:
    """Constraints, indexes and triggers of a table, as the server defines them."""

    primary_key: str
    indexes: tuple[tuple[str, str], ...]
    """Name and definition of each but the primary key's."""
    triggers: tuple[str, ...]


async def partition_count() -> int:
    """Return the number of hash partitions of each table; 0 while the tables are whole."""
    return await queries.partition_count()


async def partition_tables(count: int, today: date) -> list[str]:
    """Partition DISTRIBUTION_KEYS into `count` pieces and MONTHLY_TABLES by month; return the tables converted now.

    Runs in the caller's transaction. Partitioned tables stay unchanged: ValueError for another count than theirs.
    """
    there = await partition_count()
    if there not in (0, count):
        raise ValueError(f"the tables are cut into {there} pieces already")
    if not 1 <= count <= PARTITIONS_MAX:
        raise ValueError(f"tables are cut into 1 to {PARTITIONS_MAX} pieces")
    done = []
    for table, key in DISTRIBUTION_KEYS.items():
        if not await _is_cut(table):
            shares = [(f"{table}_p{number}", f"WITH (MODULUS {count}, REMAINDER {number})") for number in range(count)]
            await _cut(table, f"HASH ({key})", shares, None)
            done.append(table)
    for table, (key, _) in MONTHLY_TABLES.items():
        if not await _is_cut(table):
            first = await queries.fetch_one(f"SELECT min(at) AS at FROM {table}")
            begins = today if first is None or first["at"] is None else queries.from_micros(first["at"]).date()
            months = [_month(table, *month) for month in _months(begins, _later(today, MONTHS_AHEAD))]
            await _cut(table, "RANGE (at)", [*months, (f"{table}_rest", "DEFAULT")], f"PRIMARY KEY ({key}, at)")
            done.append(table)
    return done


async def rotate_months(today: date) -> tuple[list[str], list[str]]:
    """Create MONTHS_AHEAD partitions and drop those older than RETENTION_MONTHS; return the names of both.

    Runs in the caller's transaction. Rows of the default partition move to their month. Leaves of dropped rows stay in
    the log; `expired_leaf` lists them, so that `verify-log` does not miss their rows.
    """
    created, dropped = [], []
    for table, (_, kind) in MONTHLY_TABLES.items():
        if not await _is_cut(table):
            continue
        there = {
            row["name"]
            for row in await queries.fetch_all(
                "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
                " WHERE i.inhparent = to_regclass($1)",
                table,
            )
        }
        created += await _create_months(table, kind, there, today)
        oldest = _month(table, *_later(today, -RETENTION_MONTHS))[0]
        for name in sorted(there):
            if re.fullmatch(rf"{table}_\d{{4}}_\d\d", name) and name < oldest:
                await entries.record_expired_leaves(name, kind)
                await queries.execute_script(f"ALTER TABLE {table} DETACH PARTITION {name}")
                await queries.execute_script(f"DROP TABLE {name}")
                dropped.append(name)
    return created, dropped


async def _create_months(table: str, kind: str, there: set[str], today: date) -> list[str]:
    """Create the missing months from now on, and those of rows in the default partition; return their names.

    PostgreSQL refuses a partition whose rows are in the default one, and append-only rows cannot be deleted from it. So
    the default partition is detached, an empty one attached, and the old rows inserted again into the months.
    """
    rest, oldest = f"{table}_rest", _micros(_later(today, -RETENTION_MONTHS))
    late = await queries.fetch_one(
        f"SELECT min(at) AS at FROM {rest} WHERE at < $1", _micros(_later(today, MONTHS_AHEAD))
    )
    assert late is not None
    if late["at"] is None:
        return await _create(table, _months(today, _later(today, MONTHS_AHEAD)), there)
    await queries.execute_script(f"ALTER TABLE {table} DETACH PARTITION {rest}")
    aside = await _rename_aside(rest)
    await queries.execute_script(f"CREATE TABLE {rest} PARTITION OF {table} DEFAULT")
    await _copy_statement_triggers(table, rest)
    first = min(today, queries.from_micros(max(late["at"], oldest)).date())
    created = await _create(table, _months(first, _later(today, MONTHS_AHEAD)), there)
    await entries.record_expired_leaves(aside, kind, oldest)
    await queries.execute(f"INSERT INTO {table} SELECT * FROM {aside} WHERE at >= $1", oldest)
    await queries.execute_script(f"DROP TABLE {aside}")
    return created


async def _create(table: str, months: list[tuple[int, int]], there: set[str]) -> list[str]:
    created = []
    for month in months:
        name, bounds = _month(table, *month)
        if name not in there:
            await queries.execute_script(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES {bounds}")
            await _copy_statement_triggers(table, name)
            created.append(name)
    return created


async def distribute_tables() -> list[str]:
    """Distribute DISTRIBUTION_KEYS over a Citus cluster, copy the catalogue to each server; return those done.

    Runs outside of transactions: a failed run is continued by the next. RuntimeError without the extension.
    """
    if await queries.fetch_one("SELECT 1 AS there FROM pg_extension WHERE extname = 'citus'") is None:
        raise RuntimeError("this database has no citus; CREATE EXTENSION and citus_add_node come first")
    there = {row["name"] for row in await queries.fetch_all("SELECT table_name::text AS name FROM citus_tables")}
    done = []
    for table in REFERENCE_TABLES:
        if table not in there:
            await queries.fetch_all(f"SELECT create_reference_table('{table}')")
            done.append(f"{table}: a copy on every server")
    for table, key in DISTRIBUTION_KEYS.items():
        if table in there:
            continue
        for row in await queries.fetch_all(
            "SELECT tgname AS name FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal", table
        ):
            # Citus refuses triggers on distributed tables; privileges and the event chain protect the rows there.
            await queries.execute_script(f"DROP TRIGGER {row['name']} ON {table}")
        colocated = "none" if table in ("person", *TABLES_BY_OWN_KEY) else "person"
        await queries.fetch_all(f"SELECT create_distributed_table('{table}', '{key}', colocate_with => '{colocated}')")
        done.append(f"{table}: by {key}")
    return done


async def _is_cut(table: str) -> bool:
    return (
        await queries.fetch_one("SELECT 1 AS cut FROM pg_partitioned_table WHERE partrelid = to_regclass($1)", table)
        is not None
    )


async def _cut(table: str, by: str, pieces: list[tuple[str, str]], primary_key: str | None) -> None:
    """Replace a table by a partitioned one with the same checks, indexes and triggers, and copy its rows."""
    was, old = await _described(table), await _rename_aside(table)
    like = f"LIKE {old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE"
    await queries.execute_script(f"CREATE TABLE {table} ({like}) PARTITION BY {by}")
    for name, bounds in pieces:
        values = bounds if bounds == "DEFAULT" else f"FOR VALUES {bounds}"
        await queries.execute_script(f"CREATE TABLE {name} PARTITION OF {table} {values}")
    await queries.execute_script(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey {primary_key or was.primary_key}")
    for _, definition in was.indexes:
        await queries.execute_script(definition)
    await queries.execute(f"INSERT INTO {table} SELECT * FROM {old}")
    await queries.execute_script(f"DROP TABLE {old}")
    for definition in was.triggers:
        await queries.execute_script(definition)
    for name, _ in pieces:
        await _copy_statement_triggers(table, name)


async def _rename_aside(table: str) -> str:
    """Rename a table and its indexes, so that a new table can have their names; return the table's new name."""
    old = f"{table}_whole"
    await queries.execute_script(f"ALTER TABLE {table} RENAME TO {old}")
    for row in await queries.fetch_all("SELECT indexname AS name FROM pg_indexes WHERE tablename = $1", old):
        await queries.execute_script(f"ALTER INDEX {row['name']} RENAME TO {row['name']}_whole")
    return old


async def _copy_statement_triggers(table: str, piece: str) -> None:
    """Copy a table's statement triggers to a partition; they fire only for the table that a statement names."""
    for row in await queries.fetch_all(
        "SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE tgrelid = to_regclass($1)"
        " AND NOT tgisinternal AND tgtype & 1 = 0",
        table,
    ):
        await queries.execute_script(re.sub(rf" ON (public\.)?{table} ", f" ON {piece} ", row["definition"], count=1))


async def _described(table: str) -> _Table:
    keys = await queries.fetch_all(
        "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conrelid = to_regclass($1)"
        " AND contype = 'p'",
        table,
    )
    indexes = await queries.fetch_all(
        "SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1) AND NOT i.indisprimary",
        table,
    )
    triggers = await queries.fetch_all(
        "SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE tgrelid = to_regclass($1)"
        " AND NOT tgisinternal ORDER BY tgname",
        table,
    )
    return _Table(
        keys[0]["definition"],
        tuple((row["name"], row["definition"]) for row in indexes),
        tuple(row["definition"] for row in triggers),
    )


def _months(first: date, beyond: tuple[int, int]) -> list[tuple[int, int]]:
    """Return (year, month) of each month from that of `first` to before `beyond`."""
    months, (year, month) = [], (first.year, first.month)
    while (year, month) < beyond:
        months.append((year, month))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return months


def _later(day: date, months: int) -> tuple[int, int]:
    number = day.year * 12 + day.month - 1 + months
    return number // 12, number % 12 + 1


def _month(table: str, year: int, month: int) -> tuple[str, str]:
    """Return the name and the bounds of a month's partition."""
    bounds = f"FROM ({_micros((year, month))}) TO ({_micros(_later(date(year, month, 1), 1))})"
    return f"{table}_{year}_{month:02d}", bounds


def _micros(month: tuple[int, int]) -> int:
    """Return the beginning of a month in microseconds, in UTC as the column `at`."""
    return queries.to_micros(datetime(*month, 1, tzinfo=UTC))
