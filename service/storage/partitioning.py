"""How tables lie on PostgreSQL: whole, or cut by the key they are found by, and what is only appended by month.

Nothing else of the service knows: every statement of a request names that key, so it touches one piece. Tables are cut
when the database is brought up to date, whole again never; what was there is copied.
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
"""Every table that is cut by a key, with the key; `person` first."""
TABLES_BY_OWN_KEY = tuple(table for table, key in DISTRIBUTION_KEYS.items() if key != PERSON_KEY)
"""Tables that requests reach by another key than the person, and that are cut by it."""
REFERENCE_TABLES = tuple(table for plan in PLANS for table in plan.reference)
MONTHLY_TABLES: Mapping[str, MonthlyTable] = MappingProxyType(
    {table: month for plan in PLANS for table, month in plan.monthly.items()}
)
MONTHS_AHEAD = 13
"""Months made ahead; `migrate` makes the next ones, and what it was late for waits in a table for the rest."""
MONTHS_KEPT = 37
"""Three years and the month that has begun."""
PARTITIONS_MAX = 1024


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as it was, in the server's own words."""

    primary_key: str
    indexes: tuple[tuple[str, str], ...]
    """Name and definition of each but the primary key's."""
    triggers: tuple[str, ...]


async def partition_count() -> int:
    """Into how many pieces the tables are cut; 0 when they are whole."""
    return await queries.partition_count()


async def partition_tables(count: int, today: date) -> list[str]:
    """Cut DISTRIBUTION_KEYS into `count` pieces and MONTHLY_TABLES into months; return the tables cut now.

    In the running transaction. Tables that are cut already stay as they are: ValueError for another count.
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
            months = [_month(table, *one) for one in _months(begins, _later(today, MONTHS_AHEAD))]
            await _cut(table, "RANGE (at)", [*months, (f"{table}_rest", "DEFAULT")], f"PRIMARY KEY ({key}, at)")
            done.append(table)
    return done


async def rotate_months(today: date) -> tuple[list[str], list[str]]:
    """Make the months to come and take away those that have served their time; the names of both.

    In the running transaction. What waits in a table for the rest moves to its month. The leaves of what goes stay in
    the log, and behind each an entry that says so.
    """
    made, gone = [], []
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
        made += await _make_months(table, kind, there, today)
        oldest = _month(table, *_later(today, -MONTHS_KEPT))[0]
        for name in sorted(there):
            if re.fullmatch(rf"{table}_\d{{4}}_\d\d", name) and name < oldest:
                await entries.record_expired_leaves(name, kind)
                await queries.execute_script(f"ALTER TABLE {table} DETACH PARTITION {name}")
                await queries.execute_script(f"DROP TABLE {name}")
                gone.append(name)
    return made, gone


async def _make_months(table: str, kind: str, there: set[str], today: date) -> list[str]:
    """The months from now on that are not there, and those of what waits in the table for the rest; their names.

    A month cannot begin while rows of it lie in the rest, and rows that are only appended cannot be taken out of it: so
    the rest is put aside, begun anew, and written again to where it belongs.
    """
    rest, kept = f"{table}_rest", _micros(_later(today, -MONTHS_KEPT))
    late = await queries.fetch_one(
        f"SELECT min(at) AS at FROM {rest} WHERE at < $1", _micros(_later(today, MONTHS_AHEAD))
    )
    assert late is not None
    if late["at"] is None:
        return await _make(table, _months(today, _later(today, MONTHS_AHEAD)), there)
    await queries.execute_script(f"ALTER TABLE {table} DETACH PARTITION {rest}")
    aside = await _put_aside(rest)
    await queries.execute_script(f"CREATE TABLE {rest} PARTITION OF {table} DEFAULT")
    await _guard(table, rest)
    first = min(today, queries.from_micros(max(late["at"], kept)).date())
    made = await _make(table, _months(first, _later(today, MONTHS_AHEAD)), there)
    await entries.record_expired_leaves(aside, kind, kept)
    await queries.execute(f"INSERT INTO {table} SELECT * FROM {aside} WHERE at >= $1", kept)
    await queries.execute_script(f"DROP TABLE {aside}")
    return made


async def _make(table: str, months: list[tuple[int, int]], there: set[str]) -> list[str]:
    made = []
    for month in months:
        name, bounds = _month(table, *month)
        if name not in there:
            await queries.execute_script(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES {bounds}")
            await _guard(table, name)
            made.append(name)
    return made


async def distribute_tables() -> list[str]:
    """Distribute DISTRIBUTION_KEYS over a Citus cluster, copy the catalogue to each server; return those done.

    In no transaction: a table is distributed and stays so, and what was left undone is done the next time. RuntimeError
    where the extension is not there.
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
            # Refused there: append-only by privileges and by the chain itself.
            await queries.execute_script(f"DROP TRIGGER {row['name']} ON {table}")
        beside = "none" if table in ("person", *TABLES_BY_OWN_KEY) else "person"
        await queries.fetch_all(f"SELECT create_distributed_table('{table}', '{key}', colocate_with => '{beside}')")
        done.append(f"{table}: by {key}")
    return done


async def _is_cut(table: str) -> bool:
    return (
        await queries.fetch_one("SELECT 1 AS cut FROM pg_partitioned_table WHERE partrelid = to_regclass($1)", table)
        is not None
    )


async def _cut(table: str, by: str, pieces: list[tuple[str, str]], primary_key: str | None) -> None:
    """Make the table anew in pieces, with checks, indexes and triggers under their names, and copy what was there."""
    was, old = await _described(table), await _put_aside(table)
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
        await _guard(table, name)


async def _put_aside(table: str) -> str:
    """Give the table and its indexes other names, so that one of its name can be made; the table's."""
    old = f"{table}_whole"
    await queries.execute_script(f"ALTER TABLE {table} RENAME TO {old}")
    for row in await queries.fetch_all("SELECT indexname AS name FROM pg_indexes WHERE tablename = $1", old):
        await queries.execute_script(f"ALTER INDEX {row['name']} RENAME TO {row['name']}_whole")
    return old


async def _guard(table: str, piece: str) -> None:
    """Let what watches over whole statements on a table watch over those on a piece of it, too."""
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
    """Year and month of each from that of `first` to before `beyond`."""
    found, (year, month) = [], (first.year, first.month)
    while (year, month) < beyond:
        found.append((year, month))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def _later(day: date, months: int) -> tuple[int, int]:
    number = day.year * 12 + day.month - 1 + months
    return number // 12, number % 12 + 1


def _month(table: str, year: int, month: int) -> tuple[str, str]:
    """The name and bounds of a month's piece."""
    bounds = f"FROM ({_micros((year, month))}) TO ({_micros(_later(date(year, month, 1), 1))})"
    return f"{table}_{year}_{month:02d}", bounds


def _micros(month: tuple[int, int]) -> int:
    """When a month begins: in UTC, as `at` is in UTC."""
    return queries.to_micros(datetime(*month, 1, tzinfo=UTC))
