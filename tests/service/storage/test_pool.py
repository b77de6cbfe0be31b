"""The pool of PostgreSQL connections: its limits, and that no connection is ever lost to it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tortoise.backends.base.client import TransactionalDBClient

from consent.database import queries
from consent.database.failures import UNAVAILABLE_ERRORS
from service.storage import health_monitor
from service.storage import pool as connections
from service.storage.pool import CONNECTIONS_MAX, Pool
from tests.support.deadlines import WAIT_SECONDS
from tests.support.servers import Postgres

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


@pytest.fixture
async def pool(postgres: Postgres) -> AsyncIterator[Pool]:
    new_pool = Pool(dsn=dsn_of(postgres), max_size=2)
    yield new_pool
    await new_pool.close()
    new_pool.terminate()


def dsn_of(server: Postgres) -> str:
    return server.url("postgres").replace("postgres://", "postgresql://", 1)


def is_unavailable(pool: Pool) -> bool:
    return pool.unavailable


async def test_the_pool_opens_at_most_its_maximum(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.1)
    first, other = await pool.acquire(), await pool.acquire()
    with pytest.raises(TimeoutError):
        await pool.acquire()
    await pool.release(other)
    assert await pool.acquire() is other
    assert first is not other


async def test_the_longest_waiter_gets_the_next_connection(pool: Pool) -> None:
    taken = [await pool.acquire(), await pool.acquire()]
    served: list[int] = []

    async def wants(number: int) -> None:
        connection = await pool.acquire()
        served.append(number)
        await pool.release(connection)

    waiting = [asyncio.create_task(wants(number)) for number in range(5)]
    await asyncio.sleep(0.05)
    for connection in taken:
        await pool.release(connection)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4]


async def test_a_cancelled_wait_loses_no_connection(pool: Pool) -> None:
    taken = [await pool.acquire(), await pool.acquire()]
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
    await asyncio.sleep(0.05)
    await pool.release(taken[0])
    waiting[0].cancel()  # in the very moment in which it was given one
    await asyncio.gather(waiting[0], return_exceptions=True)
    await pool.release(taken[1])
    later = await asyncio.wait_for(asyncio.gather(*waiting[1:]), 2)
    assert len({*later}) == 2


async def test_lost_connections_are_replaced(pool: Pool) -> None:
    lost = [await pool.acquire(), await pool.acquire()]
    pool.terminate_all()
    # Their users have not released them yet.
    again = [await pool.acquire(), await pool.acquire()]
    assert not {*lost} & {*again}
    for connection in lost:
        await pool.release(connection)
    assert len(pool.in_use) == 2


async def at_begin() -> asyncio.Task[None]:
    """A task that has a connection and now begins its transaction."""

    async def work() -> None:
        async with queries.transaction():
            await asyncio.sleep(10)

    connections = queries.connection()._pool if not queries.is_sqlite() else None
    before = len(connections.in_use) if connections is not None else 0
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    for _ in range(1_000):
        if connections is None or len(connections.in_use) > before:
            break
        await asyncio.sleep(0)
    return task


async def test_transactions_cancelled_at_begin_lose_no_connection(opened: str) -> None:
    for _ in range(CONNECTIONS_MAX + 2):
        task = await at_begin()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def read_once() -> list[queries.Row]:
        async with queries.transaction():
            await asyncio.sleep(0 if queries.is_sqlite() else 0.1)  # all of them at a time
            return await queries.fetch_all("SELECT 1 AS one")

    rows = await asyncio.wait_for(asyncio.gather(*(read_once() for _ in range(CONNECTIONS_MAX))), 10)
    assert rows == [[{"one": 1}]] * CONNECTIONS_MAX
    # Nobody writes into a transaction that somebody else began and left.
    await queries.execute("INSERT INTO link_code VALUES ('code', 'source', 'account', 'person', 'link', 1, NULL)")
    if not queries.is_sqlite():
        other = await asyncpg.connect(opened.replace("postgres://", "postgresql://", 1))
        assert await other.fetchval("SELECT count(*) FROM link_code") == 1
        assert await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'") == 0
        await other.close()


async def test_a_transaction_that_cannot_begin_is_closed(opened: str) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite has no server to go away")
    for _ in range(CONNECTIONS_MAX + 2):
        row = await queries.fetch_one("SELECT pg_backend_pid() AS pid")
        assert row is not None
        os.kill(row["pid"], signal.SIGTERM)
        time.sleep(0.1)  # noqa: ASYNC251  the process itself must not hear of it before it begins
        with pytest.raises(UNAVAILABLE_ERRORS):
            async with queries.transaction():
                pass
        # The task continues outside the transaction.
        assert not isinstance(queries.connection(), TransactionalDBClient)
    async with queries.transaction():
        assert await queries.fetch_all("SELECT 1 AS one") == [{"one": 1}]


async def test_a_query_on_an_abandoned_connection_ends_at_once(pool: Pool) -> None:
    connection: Any = await pool.acquire()
    asleep = asyncio.create_task(connection.fetchval("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    pool.terminate_all()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        await asyncio.wait_for(asleep, 2)


async def test_a_connection_inside_a_transaction_does_not_come_back(pool: Pool) -> None:
    connection: Any = await pool.acquire()
    await connection.execute("BEGIN")
    await pool.release(connection)
    assert connection.is_closed()
    assert await pool.acquire() is not connection


async def test_long_idle_connections_are_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await pool.acquire()
    await pool.release(connection)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0)
    assert await pool.acquire() is not connection


async def test_a_closed_pool_gives_no_connection(pool: Pool) -> None:
    taken = [await pool.acquire(), await pool.acquire()]
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0.05)
    await pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await waiting
    with pytest.raises(asyncpg.InterfaceError):
        await pool.acquire()
    for connection in taken:
        await pool.release(connection)
        assert connection.is_closed()


async def test_a_server_that_is_away_fails_every_query_until_it_is_back(pool: Pool, postgres: Postgres) -> None:
    watching = asyncio.create_task(health_monitor.watch(pool))
    try:
        connection: Any = await pool.acquire()
        waiting = asyncio.create_task(connection.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.7)
        with postgres.paused():
            with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
                await asyncio.wait_for(waiting, 5)
            assert is_unavailable(pool)
            with pytest.raises(asyncpg.InterfaceError, match="unavailable"):
                await pool.acquire()
        for _ in range(100):
            if not is_unavailable(pool):
                break
            await asyncio.sleep(0.05)
        await pool.release(connection)
        again: Any = await pool.acquire()
        assert await again.fetchval("SELECT 1") == 1
    finally:
        watching.cancel()


async def test_a_server_without_free_connections_is_not_unavailable(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection: Any = await pool.acquire()

    async def full(**_: object) -> None:
        raise asyncpg.TooManyConnectionsError("sorry, too many clients already")

    monkeypatch.setattr(health_monitor, "HEALTHCHECK_SECONDS", 0.01)
    monkeypatch.setattr(asyncpg, "connect", full)
    watching = asyncio.create_task(health_monitor.watch(pool))
    await asyncio.sleep(0.2)
    watching.cancel()
    assert not pool.unavailable
    assert await connection.fetchval("SELECT 1") == 1


def test_a_process_that_stands_still_does_not_take_the_server_for_silent(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's clock is moved on by more than the wait after each question, as a stall moves it."""
    for name in ("HEALTHCHECK_WAIT_SECONDS", "HEALTHCHECK_CONNECT_SECONDS"):
        monkeypatch.setattr(health_monitor, name, WAIT_SECONDS)
    monkeypatch.setattr(health_monitor, "HEALTHCHECK_SECONDS", 0)
    pool, fetchval = Pool(dsn=dsn_of(postgres), max_size=2), asyncpg.Connection.fetchval
    stalled, seen = 0.0, list[bool]()

    async def watch_for_some_checks() -> None:
        loop, enough = asyncio.get_running_loop(), asyncio.Event()
        clock = loop.time

        async def stall_and_fetch(connection: Any, *arguments: Any) -> Any:
            nonlocal stalled
            seen.append(pool.unavailable)
            if len(seen) > 2 * health_monitor.HEALTHCHECKS_MISSED:
                enough.set()
            stalled += 1.5 * WAIT_SECONDS
            return await fetchval(connection, *arguments)

        monkeypatch.setattr(loop, "time", lambda: clock() + stalled)
        monkeypatch.setattr(asyncpg.Connection, "fetchval", stall_and_fetch)
        watching = asyncio.create_task(health_monitor.watch(pool))
        await enough.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    # uvloop reads a clock of its own.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(watch_for_some_checks())
    assert not any(seen)


async def test_waiters_fail_at_once_when_the_database_becomes_unavailable(pool: Pool) -> None:
    taken = [await pool.acquire(), await pool.acquire()]
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(5)]
    await asyncio.sleep(0.01)
    pool.unavailable = True
    pool.terminate_all()
    async with asyncio.timeout(connections.WAIT_SECONDS / 2):
        errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [asyncpg.InterfaceError] * 5
    for connection in taken:
        await pool.release(connection)
