"""SQL for PostgreSQL, Citus and SQLite: execute, fetch, transactions, the database's clock.

SQL is written with PostgreSQL's `$1` placeholders. Times are integers, microseconds since 1970 in UTC; civil days
are integers `yyyymmdd`. All engines then compare, index and sort them alike, and no driver converts them.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError
from tortoise.transactions import in_transaction

from consent.database import failures
from consent.database.failures import UNSENT_ERRORS, UNUSABLE_CONNECTION_ERRORS, CommitUncertain
from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint
from consent.kernel.instants import START_OF_1970 as START_OF_1970
from consent.kernel.instants import from_day_number as from_day_number
from consent.kernel.instants import from_micros as from_micros
from consent.kernel.instants import to_day_number as to_day_number
from consent.kernel.instants import to_micros as to_micros

CONNECTION = "default"

Row = dict[str, Any]
RETRYABLE_ERRORS = (
    IntegrityError,
    asyncpg.UniqueViolationError,
    asyncpg.exceptions.DeadlockDetectedError,
    asyncpg.exceptions.InvalidCachedStatementError,
    *UNUSABLE_CONNECTION_ERRORS,
)
"""Errors that a retry of the whole transaction resolves: a unique violation by a concurrent transaction, a deadlock
of which this transaction is the victim, a prepared statement that a migration has invalidated, a connection lost before
COMMIT."""


def connection() -> BaseDBAsyncClient:
    """The running transaction's connection, or the pool outside of one."""
    return get_connection(CONNECTION)


class Engine(StrEnum):
    """The database engine, which decides what one statement may do."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"
    CITUS = "citus"


_engine = Engine.SQLITE
_client: Any = None
"""The client that was opened last; a process has one engine."""


async def detect_engine() -> None:
    """Detect the engine of the database that has just been opened, and reset `WRITES.failed`; call it after opening."""
    global _engine, _client
    _client, failures.WRITES.failed = connection(), False
    if connection().capabilities.dialect == "sqlite":
        _engine = Engine.SQLITE
        return
    _engine = Engine.POSTGRES
    rows = await connection().execute_query_dict("SELECT 1 AS there FROM pg_extension WHERE extname = 'citus'")
    _engine = Engine.CITUS if rows else Engine.POSTGRES


def is_sqlite() -> bool:
    """Report whether the embedded engine is in use."""
    return _engine is Engine.SQLITE


def is_citus() -> bool:
    """Report whether tables are distributed over several servers."""
    return _engine is Engine.CITUS


async def partition_count() -> int:
    """Return the number of hash partitions of the large tables (`service.storage.partitioning`); 0 without any."""
    if is_sqlite():
        return 0
    row = await fetch_one("SELECT count(*) AS pieces FROM pg_inherits WHERE inhparent = to_regclass('person')")
    return int(row["pieces"]) if row else 0


def supports_multi_table_writes() -> bool:
    """Report whether one statement can write several tables, and so be a transaction in a single round trip."""
    return _engine is Engine.POSTGRES


@lru_cache(maxsize=1024)
def _for_sqlite(sql: str) -> str:
    return (
        re.sub(r"\$(\d+)", r"?\1", sql)
        .replace(" FOR UPDATE OF p", "")
        .replace(" FOR UPDATE", "")
        .replace(" FOR SHARE SKIP LOCKED", "")
        .replace(" FOR SHARE", "")
    )


async def fetch_all(sql: str, *values: object) -> list[Row]:
    """Return every row of a statement (a query, or a write with RETURNING) as plain dictionaries."""
    client = connection()
    if client.capabilities.dialect == "sqlite":
        sql = _for_sqlite(sql)
    return await client.execute_query_dict(sql, list(values))


async def fetch_one(sql: str, *values: object) -> Row | None:
    """Return the first row, or None."""
    rows = await fetch_all(sql, *values)
    return rows[0] if rows else None


async def fetch_record(sql: str, *values: object) -> Mapping[str, Any] | None:
    """Return the first row of a query outside of transactions, as the driver returns it, or None.

    Cheaper than `fetch_one`, which converts the row to a dictionary.
    """
    if is_sqlite():
        return await fetch_one(sql, *values)
    # The pool's own calls, since a context manager around them costs two more for each statement.
    pool = _pool()
    conn = await pool.acquire()
    try:
        row: Mapping[str, Any] | None = await conn.fetchrow(sql, *values)
        return row
    except UNUSABLE_CONNECTION_ERRORS:
        pool.discard(conn)
        raise
    except TimeoutError as error:
        # `command_timeout`. The server may have run it; a TimeoutError of `acquire` means that nothing was sent.
        pool.discard(conn)
        raise asyncpg.ConnectionDoesNotExistError("no answer in time") from error
    finally:
        await pool.release(conn)


async def execute_guarded(sql: str, *values: object, in_transaction: bool = False) -> bool:
    """Execute a PostgreSQL statement that divides by zero where its condition fails; return False if it did.

    Runs in a transaction of its own or, with `in_transaction`, in the running one. PostgreSQL aborts that one when this
    returns False: the caller must roll it back.

    Raises:
        CommitUncertain: the connection was lost after a statement of its own was sent.
    """
    try:
        if in_transaction:
            await connection().execute_query_dict(sql, list(values))
        else:
            await fetch_record(sql, *values)
    except asyncpg.DivisionByZeroError:
        return False
    except UNUSABLE_CONNECTION_ERRORS as error:
        if in_transaction or isinstance(error, UNSENT_ERRORS):
            raise
        raise CommitUncertain from error
    except OperationalError as error:
        # Inside a transaction Tortoise 1.1.9 raises the driver's error as the cause of its own.
        if not isinstance(error.__cause__, asyncpg.DivisionByZeroError):
            raise
        return False
    return True


def _pool() -> Any:
    """PostgreSQL's pool. Its connections are for statements outside of transactions; a transaction has its own."""
    pool = _client._pool
    if pool is None:
        raise asyncpg.InterfaceError("there is no database")
    return pool


async def fetch_records(sql: str, *values: object) -> Sequence[Mapping[str, Any]]:
    """Return every row as the driver returns it, without the dictionaries of `fetch_all`; for thousands of rows."""
    if is_sqlite():
        return await fetch_all(sql, *values)
    async with connection().acquire_connection() as conn:
        rows: Sequence[Mapping[str, Any]] = await conn.fetch(sql, *values)
        return rows


async def execute(sql: str, *values: object) -> int:
    """Execute a write; return the number of rows it changed."""
    client = connection()
    if client.capabilities.dialect == "sqlite":
        sql = _for_sqlite(sql)
    elif sql.startswith("INSERT"):
        # Tortoise 1.1.9 reads the object id of PostgreSQL's "INSERT 0 1" as the count.
        return len(await client.execute_query_dict(sql + " RETURNING 1", list(values)))
    changed, _ = await client.execute_query(sql, list(values))
    return changed


async def execute_script(sql: str) -> None:
    """Execute a statement without parameters that describes tables."""
    await connection().execute_script(sql)


async def insert_select(relations: str, insert: str, *values: object) -> int:
    """Execute `WITH ... INSERT ... SELECT`, from its relations and its insert; return the number of rows inserted."""
    client = connection()
    if client.capabilities.dialect == "sqlite":
        changed, _ = await client.execute_query(_for_sqlite(relations + insert), list(values))
        return changed
    if is_citus():
        # Citus pushes it down to the servers only with the relations inside the SELECT; the command tag has the count.
        into, _, selected = insert.partition(" SELECT ")
        async with client.acquire_connection() as conn:
            tag = await conn.execute(f"{into} {relations.rstrip().removesuffix(',')} SELECT {selected}", *values)
        return int(tag.rpartition(" ")[2])
    counted = await client.execute_query_dict(
        f"{relations.rstrip().removesuffix(',')}, put AS ({insert} RETURNING 1) SELECT count(*) AS rows FROM put",
        list(values),
    )
    return int(counted[0]["rows"])


async def execute_many(sql: str, values: Sequence[Sequence[object]]) -> None:
    """Execute one write for each tuple of values, inside the running transaction."""
    if not values:
        return
    client = connection()
    if client.capabilities.dialect == "sqlite":
        sql = _for_sqlite(sql)
    await client.execute_many(sql, [list(row) for row in values])


async def copy_rows(table: str, columns: Sequence[str], values: Sequence[Sequence[object]]) -> None:
    """Insert many rows in the running transaction, on PostgreSQL by COPY.

    Raises:
        RETRYABLE_ERRORS: one of them, for a key that exists.
    """
    if not values:
        return
    if is_sqlite():
        marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        await execute_many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)
        return
    async with connection().acquire_connection() as conn:
        await conn.copy_records_to_table(table, columns=columns, records=values)


def any_of(column: str, position: int) -> str:
    """Return the SQL condition that `column` is one of the strings of parameter `$position`, an `array_param`."""
    if is_sqlite():
        return f"{column} IN (SELECT value FROM json_each(${position}))"
    return f"{column} = ANY(string_to_array(${position}, E'\\n'))"


def json_item(column: str, index: int) -> str:
    """Return the SQL of the item (text) at an index, from 0, of a JSON list in a text column; NULL beyond its end."""
    return f"json_extract({column}, '$[{index}]')" if is_sqlite() else f"({column}::json ->> {index})"


def array_param(values: Iterable[str]) -> object:
    """Return strings as the parameter of `any_of`.

    One text on PostgreSQL too: asyncpg encodes an array element by element, which for thousands of strings costs more
    than the query.

    Raises:
        ValueError: a string is empty or has several lines, and would be another one after splitting.
    """
    strings = list(values)
    if is_sqlite():
        return json.dumps(strings)
    text = "\n".join(strings)
    if "" in strings or text.count("\n") + 1 != max(len(strings), 1):
        raise ValueError("a string of this list is empty or of several lines")
    return text


class _Transaction:
    """Tortoise's transaction, which closes a lost connection and leaves no transaction open.

    Tortoise 1.1.9 never releases the connection where BEGIN fails, and after a COMMIT that failed on SQLite its next
    BEGIN would commit the same transaction.
    """

    __slots__ = ("client", "context")

    async def __aenter__(self) -> BaseDBAsyncClient:
        self.context: Any = in_transaction(CONNECTION)
        try:
            self.client: Any = await self.context.__aenter__()
        except BaseException as error:
            failures.note(error)
            if hasattr(self.context, "token"):
                self.client = getattr(self.context, "client", None)
                # The server may have begun it after all; the connection's next user would be inside it unknowingly.
                await self._release(lost=True)
            raise
        return self.client

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Commit, or roll back after an error.

        Raises:
            CommitUncertain: the connection was lost during COMMIT, or the answer took longer than `command_timeout`.
            asyncio.CancelledError: likewise uncertain where it comes during COMMIT.
        """
        failure, lost = error, isinstance(error, UNUSABLE_CONNECTION_ERRORS)
        unanswered = (*UNUSABLE_CONNECTION_ERRORS, TimeoutError)
        try:
            if error is None:
                await self.client.commit()
            elif not lost or is_sqlite():
                await self.client.rollback()
        except BaseException as raised:
            failure, lost = raised, isinstance(raised, unanswered)
            if is_sqlite():
                with suppress(Exception):
                    await self.client.rollback()
            elif lost and error is None and not isinstance(raised, UNSENT_ERRORS):
                raise CommitUncertain from raised
            raise
        finally:
            if failure is not None:
                failures.note(failure)
            await self._release(lost)

    async def _release(self, lost: bool) -> None:
        """Release the connection, or SQLite's lock; close a connection of PostgreSQL that is lost."""
        if lost and not is_sqlite():
            _pool().discard(self.client._connection)
        # Told of a TransactionManagementError, Tortoise 1.1.9 neither commits nor rolls back.
        await self.context.__aexit__(TransactionManagementError, None, None)


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Run the block in one transaction; inside a running transaction it joins that one.

    On SQLite the write lock is taken at once, so that no transaction fails half-way waiting for it.
    """
    if isinstance(connection(), TransactionalDBClient):
        yield
        return
    async with _Transaction() as client:
        if client.capabilities.dialect == "sqlite":
            await client.execute_query("COMMIT")
            await client.execute_query("BEGIN IMMEDIATE")
        yield
        fault_points.reach(FaultPoint.BEFORE_COMMIT)
    fault_points.reach(FaultPoint.AFTER_COMMIT)


@asynccontextmanager
async def snapshot() -> AsyncIterator[None]:
    """Read everything as of one instant while others write. Not inside a transaction."""
    async with _Transaction() as client:
        if client.capabilities.dialect != "sqlite":
            await client.execute_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


SQLITE_CLOCK = "CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000"
POSTGRES_CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


def clock_sql() -> str:
    """The database's own clock as an SQL expression, in microseconds: the moment itself, not a transaction's start."""
    return SQLITE_CLOCK if is_sqlite() else POSTGRES_CLOCK


async def now() -> datetime:
    """Return the database's own clock at this moment (not the start of the transaction), in UTC."""
    row = await fetch_one(f"SELECT {clock_sql()} AS micros")
    assert row is not None
    return from_micros(row["micros"])
