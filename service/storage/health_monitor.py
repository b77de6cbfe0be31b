"""A health check of PostgreSQL: fails all queries at once while the server does not answer, or takes no writes.

A server that is paused or cut off leaves its connections open and silent, so without this every request would wait for
its own timeout; this takes two seconds at most. A server that is read-only is a standby, or was the primary before a
failover: its consents may be older than a withdrawal, so nothing is read from it either.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine

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
SLICE_SECONDS = 0.05
"""Part of a wait that is counted at once, however long this process stood still in it."""
HEALTHCHECKS_MISSED = 2
"""Missed checks in a row after which the database is unavailable. A single one may be caused by load."""
TAKES_WRITES = "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"
"""The check: true on a primary."""
STOPPING_ERRORS = (asyncpg.PostgresConnectionError, asyncpg.exceptions.OperatorInterventionError)
"""Errors of a server that starts or stops. Any other error of a server proves that it runs."""
READ_ONLY_ERRORS = (asyncpg.ReadOnlySQLTransactionError, asyncpg.exceptions.TargetServerAttributeNotMatched)
"""Errors of a server that takes no writes."""


class NoAnswer(Exception):
    """The server did not answer a check in time."""


async def watch(pool: Pool) -> None:
    """Check the database until cancelled, on a connection outside of the pool; set `pool.unavailable`.

    HEALTHCHECKS_MISSED checks without an answer make it unavailable; a read-only server does so at once. A server that
    runs and refuses the check changes nothing, and time in which this process did not run is not counted. On the
    change to unavailable it terminates all connections of the pool and logs one error; the next check that succeeds
    makes the database available again.
    """
    connection: asyncpg.Connection | None = None
    missed, clock = 0, asyncio.get_running_loop().time

    async def takes_writes() -> bool:
        nonlocal connection
        if connection is None or connection.is_closed():
            connection = await pool.connect(HEALTHCHECK_CONNECT_SECONDS)
        return bool(await connection.fetchval(TAKES_WRITES))

    try:
        while True:
            began = clock()
            wait = HEALTHCHECK_CONNECT_SECONDS * pool.host_count if connection is None else HEALTHCHECK_WAIT_SECONDS
            try:
                if not await _answer(takes_writes(), wait):
                    raise asyncpg.ReadOnlySQLTransactionError("the server takes no writes")
                missed, pool.unavailable = 0, False
            except Exception as error:
                # The next check connects again, and so meets a new primary behind the same name or among the hosts.
                if connection is not None:
                    connection.terminate()
                    connection = None
                missed += _is_missed(error, clock() - began - wait)
                if isinstance(error, READ_ONLY_ERRORS):
                    _close_to_requests(pool, LogEvent.DATABASE_READ_ONLY)
                elif missed >= HEALTHCHECKS_MISSED:
                    _close_to_requests(pool, LogEvent.DATABASE_UNAVAILABLE)
            await asyncio.sleep(HEALTHCHECK_SECONDS)
    finally:
        if connection is not None:
            connection.terminate()


async def _answer(check: Coroutine[None, None, bool], seconds: float) -> bool:
    """Return a check's answer, or raise its error; NoAnswer after `seconds` in which this process ran.

    The seconds are counted in slices. A process that stands still for longer than one reads the answer, which has
    arrived meanwhile, in the next; with one timeout for the whole wait the answer would be too late.
    """
    answering = asyncio.create_task(check)
    try:
        for _ in range(math.ceil(seconds / SLICE_SECONDS)):
            done, _ = await asyncio.wait({answering}, timeout=SLICE_SECONDS)
            if done:
                return answering.result()
        raise NoAnswer
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


def _is_missed(error: Exception, overrun_seconds: float) -> bool:
    """Report whether a check that ended with an error, so long after its wait, was missed by the server."""
    if isinstance(error, NoAnswer):
        return True
    if isinstance(error, (asyncpg.PostgresError, *READ_ONLY_ERRORS)) and not isinstance(error, STOPPING_ERRORS):
        return False
    # asyncpg's own timeout of a connection passes while this process stands still.
    return overrun_seconds < HEALTHCHECK_WAIT_SECONDS


def _close_to_requests(pool: Pool, reason: LogEvent) -> None:
    """Fail every query until a check succeeds; log the reason once."""
    if pool.unavailable:
        return
    pool.unavailable = True
    pool.terminate_all()
    log_event(reason)
