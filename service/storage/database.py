"""Opening, migrating and closing the database."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.backends.base.executor import EXECUTOR_CACHE

from consent.crypto.vault import Keyring
from consent.database import migrate, queries
from consent.records import seal_stored
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.storage import connection_failures, database_url, health_monitor, partitioning, roles
from service.storage.connection_failures import ConnectionFailure
from service.storage.pool import CONNECTIONS_MAX, Client, preparing
from service.storage.write_ahead_log import BUSY_MILLISECONDS

PACKAGES = ("consent", "benefits", "service")
MODELS = {"consent": ["consent.models"], "benefits": ["benefits.models"], "service": ["service.models"]}
REOPEN_SECONDS = 1.0
"""Pause between two attempts to open a database that was away at the start."""
REPEAT_SECONDS = 60.0
"""Pause after which the same reason is logged again."""

Prepare = Callable[[], Awaitable[None]]
"""Work on the database that must be done before a request may use it."""


async def open_database(url: str) -> None:
    """Connect to `sqlite:///absolute/path` or `postgres://…`; SQLite runs in WAL mode with full synchronisation."""
    await _configure(url)
    await queries.detect_engine()


async def _configure(url: str) -> None:
    """Configure Tortoise and open a file of SQLite, without connecting to a server.

    Tortoise 1.1.9 would open the file with the first statement, and a cancellation of it meanwhile would never release
    the lock that every other statement waits for, and could leave a connection without some of its settings.

    Raises:
        sqlite3.Error, OSError: the file cannot be a database.
    """
    config = database_config(url)
    connection = config["connections"][queries.CONNECTION]
    is_file = connection["engine"] == "tortoise.backends.sqlite"
    if is_file:
        create_private_file(Path(connection["credentials"]["file_path"]))
    # Tortoise 1.1.9 caches INSERT statements by connection and table, not by dialect: those of an engine that was open
    # before in this process would be sent to this one.
    EXECUTOR_CACHE.clear()
    await Tortoise.init(config=config, _enable_global_fallback=True)
    if is_file:
        try:
            await queries.connection().create_connection(with_db=True)
        except BaseException:
            await close_database()
            raise


def create_private_file(path: Path) -> None:
    """Create an SQLite file of mode 0600 where there is none, and read its header.

    SQLite gives its `-wal` and `-shm` files the mode of the database. The file is read here because aiosqlite's thread
    prints a traceback when it cannot open one.

    Raises:
        sqlite3.OperationalError: the folder is missing or not writable.
        sqlite3.DatabaseError: the file is no database.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError("the file cannot be opened") from error
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA schema_version").fetchone()


def database_config(url: str) -> dict[str, Any]:
    """Return Tortoise's configuration for a database URL; DatabaseUrlInvalid where it is unusable."""
    if database_url.is_sqlite(url):
        connection: dict[str, Any] = expand_db_url(url)
        connection["credentials"].update(journal_mode="WAL", synchronous="FULL", busy_timeout=BUSY_MILLISECONDS)
        # Overwrite what is deleted, which free space of the file would have otherwise.
        connection["credentials"].update(secure_delete="ON")
    else:
        credentials = {"maxsize": CONNECTIONS_MAX, **database_url.arguments(url)}
        connection = {"engine": "service.storage.pool", "credentials": credentials}
    return {
        "connections": {queries.CONNECTION: connection},
        "apps": {name: {"models": models, "default_connection": queries.CONNECTION} for name, models in MODELS.items()},
    }


async def open_for_requests(url: str, prepare: Prepare) -> asyncio.Task[None]:
    """Open the database, await `prepare`, and only then let requests use it; return the task that monitors it.

    PostgreSQL may be away: the task then tries again every REOPEN_SECONDS, and every use fails with
    asyncpg.InterfaceError meanwhile. Errors of SQLite and of `prepare` are raised when they come at the first attempt.
    """
    await _configure(url)
    client = queries.connection()
    if isinstance(client, Client):
        client.restrict(True)
    try:
        failure = await _prepare_once(client, prepare)
    except BaseException:
        await close_database()
        raise
    return asyncio.create_task(_monitor(client, prepare, failure), name="database")


async def _prepare_once(client: BaseDBAsyncClient, prepare: Prepare) -> ConnectionFailure | None:
    """Try once to open and prepare the database; return the reason if PostgreSQL cannot be used, else None.

    Requests may use the database once this returns None. Raises errors that `connection_failures` does not explain.
    """
    with preparing():
        try:
            await queries.detect_engine()
            await prepare()
        except Exception as error:
            failure = connection_failures.explain(error)
            if failure is None or not isinstance(client, Client):
                raise
            return failure
    if isinstance(client, Client):
        client.restrict(False)
    return None


async def _monitor(client: BaseDBAsyncClient, prepare: Prepare, failure: ConnectionFailure | None) -> None:
    """Open and prepare the database if need be; then monitor PostgreSQL until cancelled. Returns at once on SQLite.

    A database that a connection meets in the place of the prepared one, as after a restore, is prepared again.
    """
    while True:
        await _retry_until_prepared(client, prepare, failure)
        if not isinstance(client, Client) or client._pool is None:
            return
        pool = client._pool
        monitor = asyncio.create_task(health_monitor.watch(pool))
        try:
            await pool.replaced.wait()
        finally:
            monitor.cancel()
            await asyncio.gather(monitor, return_exceptions=True)
        client.restrict(True)
        pool.terminate_all()
        pool.unavailable = False  # its monitor was stopped; the next one sets it again
        pool.replaced.clear()
        log_event(LogEvent.DATABASE_REPLACED)
        failure = await _try_to_prepare(client, prepare)


async def _retry_until_prepared(client: BaseDBAsyncClient, prepare: Prepare, failure: ConnectionFailure | None) -> None:
    logged, logged_at = "", 0.0
    while failure is not None:
        if failure.reason != logged or time.monotonic() - logged_at > REPEAT_SECONDS:
            log_event(LogEvent.DATABASE_NOT_OPENED, reason=failure.reason)
            logged, logged_at = failure.reason, time.monotonic()
        await asyncio.sleep(REOPEN_SECONDS)
        failure = await _try_to_prepare(client, prepare)


async def _try_to_prepare(client: BaseDBAsyncClient, prepare: Prepare) -> ConnectionFailure | None:
    """Call `_prepare_once`; return every error as a failure, after which requests still cannot use the database."""
    try:
        return await _prepare_once(client, prepare)
    except Exception as error:
        return ConnectionFailure(heals=False, reason=f"preparing it fails ({type(error).__name__})")


async def close_database() -> None:
    """Close every connection."""
    await Tortoise.close_connections()


async def migrate_all(keyring: Keyring | None = None, service_role: str | None = None) -> list[str]:
    """Apply the missing migrations; return their names.

    The keyring seals what earlier versions stored in clear; a database without records needs none. `service_role` is
    granted its rights, on PostgreSQL. Raises RoleUnfit for a role that cannot be the service's.
    """
    preparations = seal_stored.preparation(keyring)
    applied = await migrate.apply(PACKAGES, preparations, partial(_grant, service_role))
    if queries.is_sqlite() and not preparations.keys().isdisjoint(applied):
        # SQLite leaves deleted text in free pages and in the write-ahead log until both are rewritten.
        await queries.execute_script("VACUUM")
        await queries.fetch_all("PRAGMA wal_checkpoint(TRUNCATE)")
    return applied


async def _grant(service_role: str | None) -> None:
    if service_role is not None:
        await roles.grant_to_service(service_role)


async def partition_tables(pieces: int | None, service_role: str | None = None) -> list[str]:
    """Partition the large tables by hash if asked or already done, and rotate months; return lines of what was done.

    `service_role` is granted its rights on the new tables and partitions, in the same transaction.
    """
    count = pieces or await partitioning.partition_count()
    if not count or queries.is_sqlite():
        return []
    async with queries.transaction():
        await queries.fetch_all("SELECT pg_advisory_xact_lock($1)", migrate.LOCK)
        today = (await queries.now()).date()
        done = await partitioning.partition_tables(count, today)
        added, removed = await partitioning.rotate_months(today)
        await _grant(service_role)
    return [
        *(f"cut {table}" for table in done),
        *(f"made {month}" for month in added),
        *(f"took away {month}" for month in removed),
    ]


async def distribute(service_role: str | None = None) -> list[str]:
    """Distribute the tables over a Citus cluster; return what was done, as lines.

    `service_role` is granted its rights once more, so that they reach every server.
    """
    done = await partitioning.distribute_tables()
    async with queries.transaction():
        await _grant(service_role)
    await queries.detect_engine()
    return [f"distributed {table}" for table in done]


async def missing_migrations() -> list[str]:
    """Return the names of migrations that this database still lacks."""
    return await migrate.pending(PACKAGES)


async def require_migrations() -> None:
    """Raise MigrationsMissing where this database still lacks migrations."""
    if missing := await missing_migrations():
        raise migrate.MigrationsMissing(missing)
