"""A health check of PostgreSQL: fails all queries at once while the server does not answer, within two seconds.

A server that is paused or cut off leaves its connections open and silent, so without this every request would wait for
its own timeout.
"""

from __future__ import annotations

import asyncio
import logging
import time

import asyncpg

from service.storage.pool import Pool

logger = logging.getLogger("credit_easy.connections")

HEALTHCHECK_SECONDS = 0.5
"""Pause between two checks."""
HEALTHCHECK_WAIT_SECONDS = 0.5
"""Longest wait for the answer to a check on an open connection."""
HEALTHCHECK_CONNECT_SECONDS = 1.0
"""Longest wait for a check that has to connect first."""
HEALTHCHECKS_MISSED = 2
"""Missed checks in a row after which the database is unavailable; one may be a moment's load."""
STOPPING_ERRORS = (asyncpg.PostgresConnectionError, asyncpg.exceptions.OperatorInterventionError)
"""Errors of a server that starts or stops. All other errors of a server prove that it is there."""


async def watch(pool: Pool) -> None:
    """Check the database until cancelled, on a connection outside of the pool; set `pool.unavailable`.

    On the change to unavailable it terminates all connections of the pool and logs one error.
    """
    connection: asyncpg.Connection | None = None
    missed = 0
    try:
        while True:
            began = time.monotonic()
            wait = HEALTHCHECK_CONNECT_SECONDS if connection is None else HEALTHCHECK_WAIT_SECONDS
            try:
                async with asyncio.timeout(wait):
                    if connection is None or connection.is_closed():
                        connection = await asyncpg.connect(**pool.connect_arguments)
                    await connection.fetchval("SELECT 1")
                missed, pool.unavailable = 0, False
            except Exception as error:
                refused = isinstance(error, asyncpg.PostgresError) and not isinstance(error, STOPPING_ERRORS)
                # A check that took far longer than its timeout means that this process did not run, not the server.
                delayed = time.monotonic() - began >= wait + HEALTHCHECK_WAIT_SECONDS
                missed += not refused and not delayed
                if connection is not None:
                    connection.terminate()
                    connection = None
                if missed >= HEALTHCHECKS_MISSED and not pool.unavailable:
                    pool.unavailable = True
                    pool.terminate_all()
                    logger.error("the database is unavailable")
            await asyncio.sleep(HEALTHCHECK_SECONDS)
    finally:
        if connection is not None:
            connection.terminate()
