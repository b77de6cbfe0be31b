"""The pool of PostgreSQL connections: its limits, and that no connection is ever lost to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from service import connections
from service.connections import Pool
from tests.servers import Postgres

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pool(postgres: Postgres) -> AsyncIterator[Pool]:
    made = Pool(dsn=postgres.url("postgres").replace("postgres://", "postgresql://", 1), max_size=2)
    yield made
    await made.close()
    made.terminate()


def is_away(pool: Pool) -> bool:
    return pool.away


async def test_as_many_as_were_asked_for_and_no_more(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "WAIT_SECONDS", 0.1)
    one, other = await pool.acquire(), await pool.acquire()
    with pytest.raises(TimeoutError):
        await pool.acquire()
    await pool.release(other)
    assert await pool.acquire() is other
    assert one is not other


async def test_whoever_waited_longest_is_next(pool: Pool) -> None:
    held = [await pool.acquire(), await pool.acquire()]
    served: list[int] = []

    async def wants(number: int) -> None:
        connection = await pool.acquire()
        served.append(number)
        await pool.release(connection)

    waiting = [asyncio.create_task(wants(number)) for number in range(5)]
    await asyncio.sleep(0.05)
    for connection in held:
        await pool.release(connection)
    await asyncio.gather(*waiting)
    assert served == [0, 1, 2, 3, 4]


async def test_a_wait_that_is_given_up_loses_nothing(pool: Pool) -> None:
    held = [await pool.acquire(), await pool.acquire()]
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
    await asyncio.sleep(0.05)
    await pool.release(held[0])
    waiting[0].cancel()  # in the very moment in which it was given one
    await asyncio.gather(waiting[0], return_exceptions=True)
    await pool.release(held[1])
    later = await asyncio.wait_for(asyncio.gather(*waiting[1:]), 2)
    assert len({*later}) == 2


async def test_what_was_lost_is_made_anew(pool: Pool) -> None:
    lost = [await pool.acquire(), await pool.acquire()]
    pool.abandon()
    # Of a transaction that could not begin nobody gives the connection back.
    again = [await pool.acquire(), await pool.acquire()]
    assert not {*lost} & {*again}
    for connection in lost:
        await pool.release(connection)
    assert len(pool.lent) == 2


async def test_a_query_on_an_abandoned_connection_ends_at_once(pool: Pool) -> None:
    connection: Any = await pool.acquire()
    asleep = asyncio.create_task(connection.fetchval("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    pool.abandon()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        await asyncio.wait_for(asleep, 2)


async def test_a_connection_inside_a_transaction_does_not_come_back(pool: Pool) -> None:
    connection: Any = await pool.acquire()
    await connection.execute("BEGIN")
    await pool.release(connection)
    assert connection.is_closed()
    assert await pool.acquire() is not connection


async def test_long_idle_ones_are_made_anew(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await pool.acquire()
    await pool.release(connection)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0)
    assert await pool.acquire() is not connection


async def test_a_closed_pool_lends_nothing(pool: Pool) -> None:
    held = [await pool.acquire(), await pool.acquire()]
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0.05)
    await pool.close()
    with pytest.raises(asyncpg.InterfaceError):
        await waiting
    with pytest.raises(asyncpg.InterfaceError):
        await pool.acquire()
    for connection in held:
        await pool.release(connection)
        assert connection.is_closed()


async def test_a_server_that_is_away_fails_every_query_until_it_is_back(pool: Pool, postgres: Postgres) -> None:
    watching = asyncio.create_task(pool.watch())
    try:
        connection: Any = await pool.acquire()
        waiting = asyncio.create_task(connection.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.7)
        with postgres.paused():
            with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
                await asyncio.wait_for(waiting, 5)
            assert is_away(pool)
            with pytest.raises(asyncpg.InterfaceError, match="away"):
                await pool.acquire()
        for _ in range(100):
            if not is_away(pool):
                break
            await asyncio.sleep(0.05)
        await pool.release(connection)
        again: Any = await pool.acquire()
        assert await again.fetchval("SELECT 1") == 1
    finally:
        watching.cancel()


async def test_a_server_that_is_full_is_not_away(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    connection: Any = await pool.acquire()

    async def full(**_: object) -> None:
        raise asyncpg.TooManyConnectionsError("sorry, too many clients already")

    monkeypatch.setattr(connections, "PULSE_SECONDS", 0.01)
    monkeypatch.setattr(asyncpg, "connect", full)
    watching = asyncio.create_task(pool.watch())
    await asyncio.sleep(0.2)
    watching.cancel()
    assert not pool.away
    assert await connection.fetchval("SELECT 1") == 1
