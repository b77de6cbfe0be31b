"""Connections to PostgreSQL: as many as were asked for, lent at almost no cost, and none lost with its server.

asyncpg's own pool makes a task for each return and cleans the session by a round trip, which under load costs the
process three times what the query does.
What is lent here leaves nothing behind: settings are SET LOCAL, locks the transaction's. A connection that comes back
inside a transaction is closed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient

logger = logging.getLogger("credit_easy.connections")

CONNECTIONS_MAX = 10
"""Connections of one process; `?maxsize=` of the database's address says otherwise."""
CONNECT_SECONDS = 2.0
"""How long a request waits for a connection to be made before it is told that the database is away."""
WAIT_SECONDS = 5.0
"""How long it waits for one that others have: five hundred people who want the same at once are not sent away."""
HEALTHCHECK_SECONDS, HEALTHCHECK_WAIT_SECONDS, HEALTHCHECKS_MISSED = 0.5, 0.5, 2
"""How often a process looks whether the database answers, how long it waits, and how often in vain before every request
is told that it is away: within two seconds."""
HEALTHCHECK_CONNECT_SECONDS = 1.0
"""How long it waits for a connection to ask on."""
GONE = (asyncpg.PostgresConnectionError, asyncpg.exceptions.OperatorInterventionError)
"""What a server says that is starting or stopping."""
SWEEP_SECONDS = 0.25
"""How late the end of a wait may be noticed."""
IDLE_SECONDS = 300
"""A connection that nobody used for so long may have been forgotten on the way, and is made anew."""


class Pool:
    """Lends connections, the one used last first. Used from one event loop."""

    def __init__(self, **connecting: Any) -> None:
        self.most = int(connecting.pop("max_size", None) or CONNECTIONS_MAX)
        for name in ("min_size", "loop"):
            connecting.pop(name, None)
        self.connecting = {"timeout": CONNECT_SECONDS, **connecting}
        self.idle: list[tuple[asyncpg.Connection, float]] = []
        self.lent: set[asyncpg.Connection] = set()
        self.opening = 0
        self.waiting: deque[tuple[asyncio.Future[asyncpg.Connection | None], float]] = deque()
        self.sweeping = False
        self.away = False
        self.closed = False

    async def acquire(self) -> asyncpg.Connection:
        """A connection; TimeoutError when none is free for WAIT_SECONDS, or what connecting raises."""
        while True:
            if self.closed or self.away:
                raise asyncpg.InterfaceError("the pool is closed" if self.closed else "the database is away")
            while self.idle:
                connection, since = self.idle.pop()
                if not connection.is_closed():
                    if time.monotonic() - since < IDLE_SECONDS:
                        self.lent.add(connection)
                        return connection
                    connection.terminate()
            if len(self.lent) + self.opening >= self.most:
                # What was abandoned need not wait for whoever has it to give it back.
                self.lent = {one for one in self.lent if not one.is_closed()}
            if len(self.lent) + self.opening < self.most:
                return await self._open()
            given = await self._wait()
            if given is not None and not given.is_closed():
                return given

    async def _open(self) -> asyncpg.Connection:
        self.opening += 1
        try:
            connection = await asyncpg.connect(**self.connecting)
        except BaseException:
            self._wake(None)  # another may try its luck, or learn that it has none
            raise
        finally:
            self.opening -= 1
        if self.closed:
            connection.terminate()
            raise asyncpg.InterfaceError("the pool is closed")
        self.lent.add(connection)
        return connection

    async def _wait(self) -> asyncpg.Connection | None:
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self.waiting.append((place, loop.time() + WAIT_SECONDS))
        if not self.sweeping:
            self.sweeping = True
            loop.call_later(SWEEP_SECONDS, self._sweep)
        try:
            given: asyncpg.Connection | None = await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None and place.result() is not None:
                await self.release(place.result())  # it came in the moment in which nobody wanted it any more
            raise
        return given

    def _sweep(self) -> None:
        """Tell those who have waited too long; one timer for all, since a timer each costs more than the wait."""
        loop = asyncio.get_running_loop()
        while self.waiting and (self.waiting[0][0].done() or self.waiting[0][1] <= loop.time()):
            place, _ = self.waiting.popleft()
            if not place.done():
                place.set_exception(TimeoutError("no connection became free"))
        self.sweeping = bool(self.waiting)
        if self.sweeping:
            loop.call_later(SWEEP_SECONDS, self._sweep)

    async def release(self, connection: asyncpg.Connection) -> None:
        """Take a connection back and hand it to whoever has waited longest."""
        if connection not in self.lent:
            return
        if connection.is_closed() or self.closed or connection.is_in_transaction():
            connection.terminate()
            self.lent.discard(connection)
            self._wake(None)
        elif not self._wake(connection):
            self.lent.discard(connection)
            self.idle.append((connection, time.monotonic()))

    def _wake(self, connection: asyncpg.Connection | None) -> bool:
        """Give the longest waiting a connection, or leave to open one; whether somebody waited."""
        while self.waiting:
            place, _ = self.waiting.popleft()
            if not place.done():
                place.set_result(connection)
                return True
        return False

    def abandon(self) -> None:
        """Close every connection at once: whoever waits for an answer on one, or for one, is told that it is gone."""
        for connection in [*self.lent, *(one for one, _ in self.idle)]:
            connection.terminate()
        self.idle.clear()
        while self._wake(None):
            pass

    async def watch(self) -> None:
        """See for ever whether the database answers, on a connection of its own.

        Where it does not, every query fails at once instead of waiting, until it answers again: a server that is
        paused or cut off leaves connections open that never say anything.
        """
        own: asyncpg.Connection | None = None
        missed = 0
        try:
            while True:
                began, wait = (
                    time.monotonic(),
                    HEALTHCHECK_WAIT_SECONDS if own is not None else HEALTHCHECK_CONNECT_SECONDS,
                )
                try:
                    async with asyncio.timeout(wait):
                        if own is None or own.is_closed():
                            own = await asyncpg.connect(**self.connecting)
                        await own.fetchval("SELECT 1")
                    missed, self.away = 0, False
                except Exception as error:
                    # A server that refuses is there; and an answer may have been where this process was held up.
                    refused = isinstance(error, asyncpg.PostgresError) and not isinstance(error, GONE)
                    missed += not refused and time.monotonic() - began < wait + HEALTHCHECK_WAIT_SECONDS
                    if own is not None:
                        own.terminate()
                        own = None
                    if missed >= HEALTHCHECKS_MISSED and not self.away:
                        self.away = True
                        self.abandon()
                        logger.error("the database is away")
                await asyncio.sleep(HEALTHCHECK_SECONDS)
        finally:
            if own is not None:
                own.terminate()

    async def expire_connections(self) -> None:
        """Close what is idle; what is lent is closed when it comes back and has been idle."""
        for connection, _ in self.idle:
            connection.terminate()
        self.idle.clear()

    async def close(self) -> None:
        """Lend no more, close what is idle, and what is lent as it comes back."""
        self.closed = True
        while self._wake(None):
            pass
        idle, self.idle = self.idle, []
        for connection, _ in idle:
            await connection.close(timeout=CONNECT_SECONDS)

    def terminate(self) -> None:
        """Close everything without waiting."""
        self.closed = True
        self.abandon()


class Client(AsyncpgDBClient):
    """Tortoise's client for asyncpg with this pool."""

    _pool: Pool | None

    async def create_pool(self, **kwargs: Any) -> Pool:
        """The pool, with one connection to see that there is a database."""
        pool = Pool(**kwargs)
        await pool.release(await pool.acquire())
        return pool


client_class = Client
"""What Tortoise looks for in an engine's module."""
