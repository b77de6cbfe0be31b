"""A connection pool for PostgreSQL: at most `max_size` connections, returned without a round trip or a task.

asyncpg 0.32's own pool makes a read of points cost 17 % more CPU, even where its `reset` does nothing
(docs/decisions/0020-connection-pool.md). No reset is needed here: the service sets parameters by SET LOCAL and takes
transaction locks only. A connection that is returned inside a transaction is closed.

The pool also notices a database that was replaced by an older copy while the service runs (IDENTITY): it refuses
every connection until `service.storage.database` has prepared the copy, which replays the tombstones.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import PoolConnectionWrapper, TransactionContextPooled
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from consent.database.failures import UNUSABLE_CONNECTION_ERRORS
from service.storage.database_url import Address

CONNECTIONS_MAX = 10
"""Connections of one process; `?maxsize=` in the database URL replaces it."""
CONNECT_SECONDS = 2.0
"""Longest wait for a new connection to open."""
WAIT_SECONDS = 5.0
"""Longest wait for a connection that others use: a burst of five hundred requests is served, not refused."""
SWEEP_SECONDS = 0.25
"""Largest delay of a wait's end after WAIT_SECONDS."""
IDLE_SECONDS = 300
"""Idle time after which a connection is replaced: a firewall may have dropped it silently."""

IDENTITY = (
    "SELECT oid::text || ' ' || pg_postmaster_start_time()::text FROM pg_database WHERE datname = current_database()"
)
"""SQL of a text that identifies the database: it differs after a restart of the server and after a restore."""

Waiter = asyncio.Future[asyncpg.Connection | None]
"""Resolved with a connection, or with None: try again."""

_preparing: ContextVar[bool] = ContextVar("_preparing", default=False)


@contextmanager
def preparing() -> Iterator[None]:
    """Give the block access to a restricted client, to prepare the database before requests may use it."""
    token = _preparing.set(True)
    try:
        yield
    finally:
        _preparing.reset(token)


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """asyncpg's connection; raises InterfaceError where it ends after a statement was prepared and before it was sent.

    asyncpg 0.32 raises AttributeError then, because an ended connection has no protocol.
    """

    async def _get_statement(self, *args: Any, **options: Any) -> Any:
        statement = await super()._get_statement(*args, **options)
        if self.is_closed():
            raise asyncpg.InterfaceError("the connection ended before the statement was sent")
        return statement


class Pool:
    """Connections of one process, used from one event loop. The connection used last is acquired first."""

    def __init__(self, **connect_arguments: Any) -> None:
        self.size_max = int(connect_arguments.pop("max_size", None) or CONNECTIONS_MAX)
        # Tortoise passes the arguments of asyncpg's pool; asyncpg.connect takes neither of these.
        for name in ("min_size", "loop"):
            connect_arguments.pop(name, None)
        addresses: Sequence[Address] = connect_arguments.pop("addresses", ())
        # A server that takes no writes is refused when it is connected to; asyncpg then reads no further answer.
        self.connect_arguments = {"target_session_attrs": "read-write", **connect_arguments}
        self.addresses = [{"host": host, "port": port} for host, port in addresses] or [{}]
        """Arguments of each server for asyncpg; the one that was connected to last is the first."""
        self.idle: list[tuple[asyncpg.Connection, float]] = []
        """Connections with the monotonic time of their return."""
        self.in_use: set[asyncpg.Connection] = set()
        self.opening = 0
        self.waiters: deque[tuple[Waiter, float]] = deque()
        """Futures of waiting tasks with the loop time at which they fail, in order of arrival."""
        self.sweeping = False
        self.waits = 0
        """Tasks that had to wait for a connection so far."""
        self.timeouts = 0
        """Waits so far that ended without a connection."""
        self.unavailable = False
        """Set by the health monitor: every `acquire` fails at once."""
        self.restricted = False
        """True until the database is prepared: every `acquire` outside of `preparing` fails at once."""
        self.identity: str | None = None
        """The database that was prepared, by IDENTITY; None in a pool that needs no preparation."""
        self.replaced = asyncio.Event()
        """Set where a connection meets another database: it must be prepared before requests use it."""
        self.closed = False

    @property
    def host_count(self) -> int:
        """The number of servers, one of which is the primary."""
        return len(self.addresses)

    async def connect(self, seconds: float = CONNECT_SECONDS) -> asyncpg.Connection:
        """Open a connection to the first server that answers within `seconds` and takes writes.

        asyncpg has one timeout for all servers of a URL, and the first that does not answer would use it up.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the last server cannot be connected to.
            asyncpg.exceptions.TargetServerAttributeNotMatched: the last server is read-only.
        """
        failure: Exception | None = None
        for address in tuple(self.addresses):
            try:
                connection = await asyncpg.connect(**{"timeout": seconds, **self.connect_arguments, **address})
            except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
                failure = error
            else:
                self.addresses.sort(key=lambda other: other is not address)
                return connection
        assert failure is not None
        raise failure

    async def acquire(self) -> asyncpg.Connection:
        """Return a connection for exclusive use until `release`.

        Raises:
            TimeoutError: none became free within WAIT_SECONDS, or none opened within CONNECT_SECONDS.
            asyncpg.InterfaceError: the pool is closed, or the database unavailable or not prepared yet.
            asyncpg.PostgresError, OSError: no connection could be opened.
        """
        while True:
            if self.closed or self.unavailable:
                raise asyncpg.InterfaceError("the pool is closed" if self.closed else "the database is unavailable")
            require_admission(self.restricted)
            while self.idle:
                connection, since = self.idle.pop()
                if connection.is_closed():
                    continue
                if time.monotonic() - since < IDLE_SECONDS:
                    self.in_use.add(connection)
                    return connection
                connection.terminate()
            if len(self.in_use) + self.opening < self.size_max:
                return await self._open()
            released = await self._wait()
            if released is not None and not released.is_closed():
                return released

    async def release(self, connection: asyncpg.Connection) -> None:
        """Return a connection; the longest waiting task gets it. Ignores a connection that is not in use."""
        if connection not in self.in_use:
            return
        if connection.is_closed() or self.closed or connection.is_in_transaction():
            connection.terminate()
            self.in_use.discard(connection)
            self._wake(None)
        elif not self._wake(connection):
            self.in_use.discard(connection)
            self.idle.append((connection, time.monotonic()))

    def discard(self, connection: asyncpg.Connection) -> None:
        """Close a connection in use that is lost, and the idle ones, which the same cause may have ended.

        `release` must follow. An idle connection whose server process has ended is open to the driver until the event
        loop reads the end of its stream.
        """
        connection.terminate()
        self._terminate_idle()

    def terminate_all(self) -> None:
        """Close every connection without waiting. Running queries fail, waiting tasks try again."""
        for connection in self.in_use:
            connection.terminate()
        self._terminate_idle()
        # Those in use have not been released yet; nobody needs to wait for that.
        self.in_use.clear()
        while self._wake(None):
            pass

    async def expire_connections(self) -> None:
        """Close the idle connections; Tortoise calls this after it created or dropped a type."""
        self._terminate_idle()

    async def close(self) -> None:
        """Refuse `acquire`, close the idle connections, and each one in use when it is released."""
        self.closed = True
        while self._wake(None):
            pass
        idle, self.idle = self.idle, []
        for connection, _ in idle:
            await connection.close(timeout=CONNECT_SECONDS)

    def terminate(self) -> None:
        """Refuse `acquire` and close every connection without waiting."""
        self.closed = True
        self.terminate_all()

    def _terminate_idle(self) -> None:
        for connection, _ in self.idle:
            connection.terminate()
        self.idle.clear()

    async def _open(self) -> asyncpg.Connection:
        self.opening += 1
        try:
            connection = await self.connect()
            await self._require_prepared(connection)
        except BaseException:
            self._wake(None)  # the place is free again: the next waiter opens a connection or fails for itself
            raise
        finally:
            self.opening -= 1
        if self.closed:
            connection.terminate()
            raise asyncpg.InterfaceError("the pool is closed")
        self.in_use.add(connection)
        return connection

    async def _require_prepared(self, connection: asyncpg.Connection) -> None:
        """Store the database's identity inside `preparing`; outside, refuse a connection to another database.

        Raises:
            asyncpg.InterfaceError: the database may be an older copy, which lacks what has ended since.
        """
        if self.identity is None and not _preparing.get():
            return
        try:
            identity = await connection.fetchval(IDENTITY, timeout=CONNECT_SECONDS)
        except BaseException:
            connection.terminate()
            raise
        if _preparing.get():
            self.identity = identity
        elif identity != self.identity:
            connection.terminate()
            self.restricted = True
            self.replaced.set()
            raise asyncpg.InterfaceError("the database may be another one and is prepared first")

    async def _wait(self) -> asyncpg.Connection | None:
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        self.waits += 1
        self.waiters.append((waiter, loop.time() + WAIT_SECONDS))
        if not self.sweeping:
            self.sweeping = True
            loop.call_later(SWEEP_SECONDS, self._sweep)
        try:
            return await waiter
        except asyncio.CancelledError:
            # A connection may have been given in the same turn of the event loop as the cancellation.
            given = waiter.done() and not waiter.cancelled() and waiter.exception() is None
            if given and (connection := waiter.result()) is not None:
                await self.release(connection)
            raise

    def _sweep(self) -> None:
        """Fail the waiters whose time is over. One timer for all: with asyncio.timeout each wait costs more CPU."""
        loop = asyncio.get_running_loop()
        while self.waiters and (self.waiters[0][0].done() or self.waiters[0][1] <= loop.time()):
            waiter, _ = self.waiters.popleft()
            if not waiter.done():
                self.timeouts += 1
                waiter.set_exception(TimeoutError("no connection became free"))
        self.sweeping = bool(self.waiters)
        if self.sweeping:
            loop.call_later(SWEEP_SECONDS, self._sweep)

    def _wake(self, connection: asyncpg.Connection | None) -> bool:
        """Resolve the longest waiting waiter; return False when nobody waits."""
        while self.waiters:
            waiter, _ = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False


async def _translated(client: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a statement of Tortoise's and raise Tortoise's errors, except for UNUSABLE_CONNECTION_ERRORS.

    Tortoise 1.1.9's own translation raises one TransactionManagementError for a read-only server and for our mistakes.
    """
    try:
        return await func(client, *args, **kwargs)
    except (asyncpg.SyntaxOrAccessError, asyncpg.exceptions.DataError) as error:
        raise OperationalError(error) from error
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(error) from error
    except asyncpg.InvalidTransactionStateError as error:
        if isinstance(error, UNUSABLE_CONNECTION_ERRORS):
            raise
        raise TransactionManagementError(error) from error


class PooledConnection(PoolConnectionWrapper[asyncpg.Connection]):
    """A connection for one statement outside of transactions; closed where it is lost."""

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        pool: Pool = self.client._pool
        assert self.connection is not None
        if isinstance(error, UNUSABLE_CONNECTION_ERRORS):
            pool.discard(self.connection)
        await pool.release(self.connection)


class PooledTransaction(TransactionWrapper):
    """Tortoise's transaction with the errors of `_translated`."""

    _translate_exceptions = _translated


def require_admission(restricted: bool) -> None:
    """Raise asyncpg.InterfaceError if the client is restricted and the task is not inside `preparing`."""
    if restricted and not _preparing.get():
        raise asyncpg.InterfaceError("the database is not prepared yet")


class Client(AsyncpgDBClient):
    """Tortoise's client for asyncpg with this pool."""

    connection_class = Connection
    _pool: Pool | None
    _restricted = False
    _translate_exceptions = _translated

    def acquire_connection(self) -> PooledConnection:
        """Return a context manager with a connection of the pool."""
        return PooledConnection(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContextPooled:
        return TransactionContextPooled(PooledTransaction(self), self._pool_init_lock)

    async def create_pool(self, **kwargs: Any) -> Pool:
        """Make the pool and open one connection, so that an unreachable database fails here."""
        require_admission(self._restricted)
        pool = Pool(**kwargs)
        pool.restricted = self._restricted
        await pool.release(await pool.acquire())
        return pool

    def restrict(self, restricted: bool) -> None:
        """Admit only tasks inside `preparing` (True), or every task (False)."""
        self._restricted = restricted
        if self._pool is not None:
            self._pool.restricted = restricted


client_class = Client
"""The name that Tortoise reads from an engine's module."""
