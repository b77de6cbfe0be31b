"""SQLite's write-ahead log: emptied soon after an erasure, because it still has pages as they were before.

`secure_delete` (`database.database_config`) overwrites what is deleted inside the pages; their former versions stay in
the log until it is emptied. PostgreSQL's files are a matter of its own retention.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from consent.database import queries
from service.observability.log_events import LogEvent
from service.observability.logging import log_event

EVERY_SECONDS: Final = 60
"""Longest time that deleted values stay in the log while no other process reads the file."""
BUSY_MILLISECONDS: Final = 10_000
"""Longest wait of SQLite for the lock of another process."""


async def empty() -> None:
    """Copy the log into the database file and truncate it, between two transactions; no effect on PostgreSQL.

    Another process that reads or writes the file at this moment prevents it; the next call empties the log.
    """
    if queries.is_sqlite():
        # One script, so that no other statement runs without its wait for a lock.
        await queries.execute_script(
            f"PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA busy_timeout = {BUSY_MILLISECONDS}"
        )


async def keep_empty(requested: asyncio.Event, every_seconds: float = EVERY_SECONDS) -> None:
    """Empty the log every `every_seconds`, and at once where `requested` is set, until cancelled.

    A request made inside a transaction is fulfilled after its COMMIT, which has the connection until then.
    """
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(requested.wait(), every_seconds)
        requested.clear()
        try:
            await empty()
        except Exception as error:
            log_event(LogEvent.WRITE_AHEAD_LOG_NOT_EMPTIED, error=type(error).__name__)
