"""A health check of PostgreSQL: fails all queries at once while the server does not answer, or takes no writes.

A server that is paused or cut off leaves its connections open and silent, so without this every request would wait for
its own timeout; this takes two seconds at most. A server that is read-only is a standby, or was the primary before a
failover: its consents may be older than a withdrawal, so nothing is read from it either.
"""

from __future__ import annotations

import asyncio
import time

import asyncpg

from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.storage.pool import Pool

HEALTHCHECK_SECONDS = 0.5
"""Pause between two checks."""
HEALTHCHECK_WAIT_SECONDS = 0.5
"""Longest wait for the answer to a check on an open connection."""
HEALTHCHECK_CONNECT_SECONDS = 1.0
"""Longest wait for a check that has to connect first."""
HEALTHCHECKS_MISSED = 2
"""Missed checks in a row after which the database is unavailable. A single one may be caused by load."""
TAKES_WRITES = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"
"""The check: true on a primary."""
STOPPING_ERRORS = (asyncpg.PostgresConnectionError, asyncpg.exceptions.OperatorInterventionError)
"""Errors of a server that starts or stops. Any other error of a server proves that it runs."""


async def watch(pool: Pool) -> None:
    """Check the database until cancelled, on a connection outside of the pool; set `pool.unavailable`.

    HEALTHCHECKS_MISSED checks without an answer make it unavailable; a read-only server does so at once. A server that
    runs and refuses the check changes nothing, and a check during which this process did not run is not counted. On the
    change to unavailable it terminates all connections of the pool and logs one error; the next check that succeeds
    makes the database available again.
    """
    connection: asyncpg.Connection | None = None
    missed = 0
    try:
        while True:
            began = time.monotonic()
            wait = HEALTHCHECK_CONNECT_SECONDS * pool.host_count if connection is None else HEALTHCHECK_WAIT_SECONDS
            try:
                async with asyncio.timeout(wait):
                    if connection is None or connection.is_closed():
                        connection = await pool.connect(HEALTHCHECK_CONNECT_SECONDS)
                    if not await connection.fetchval(TAKES_WRITES):
                        raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes")
                missed, pool.unavailable = 0, False
            except (asyncpg.ReadOnlySQLTransactionError, asyncpg.exceptions.TargetServerAttributeNotMatched):
                # The next check connects again, and so meets the new primary behind the same name or among the hosts.
                if connection is not None:
                    connection.terminate()
                    connection = None
                _close_to_requests(pool, LogEvent.DATABASE_READ_ONLY)
            except Exception as error:
                refused = isinstance(error, asyncpg.PostgresError) and not isinstance(error, STOPPING_ERRORS)
                # A check that took far longer than its timeout means that this process did not run, not the server.
                delayed = time.monotonic() - began >= wait + HEALTHCHECK_WAIT_SECONDS
                missed += not refused and not delayed
                if connection is not None:
                    connection.terminate()
                    connection = None
                if missed >= HEALTHCHECKS_MISSED:
                    _close_to_requests(pool, LogEvent.DATABASE_UNAVAILABLE)
            await asyncio.sleep(HEALTHCHECK_SECONDS)
    finally:
        if connection is not None:
            connection.terminate()


def _close_to_requests(pool: Pool, reason: LogEvent) -> None:
    """Fail every query until a check succeeds; log the reason once."""
    if pool.unavailable:
        return
    pool.unavailable = True
    pool.terminate_all()
    log_event(reason)
