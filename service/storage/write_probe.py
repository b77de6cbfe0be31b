"""A write to see if a database takes writes again, after one that it refused because its disk is full or fails."""

from __future__ import annotations

import asyncio
from typing import Final

from consent.database import failures, queries
from service.storage.idempotency import ANSWER

PROBE_SECONDS: Final = 1.0
"""Pause between two probes, and the longest delay of the first."""
PROBE_BYTES: Final = 256 * 1024
"""Bytes of a probe: more than pages that are free inside the file are likely to hold."""
SCOPE: Final = "write-probe"
"""The key of the probe's row; no key of a stored answer, which are hexadecimal. `delete_old` deletes one that stays."""


async def probe() -> None:
    """Write a row of PROBE_BYTES and delete it, in two transactions; then `WRITES.failed` is False.

    Raises the database's error while it takes no writes. One transaction would need no space on the disk.
    """
    async with queries.transaction():
        await queries.execute("DELETE FROM stored_answer WHERE scope = $1", SCOPE)
        await queries.execute(ANSWER.sql(1), SCOPE, "", "", 0, bytes(PROBE_BYTES), 0)
    async with queries.transaction():
        await queries.execute("DELETE FROM stored_answer WHERE scope = $1", SCOPE)
    failures.WRITES.failed = False


async def keep_probing() -> None:
    """Probe the database while its writes fail, until cancelled. Writes nothing while they succeed."""
    while True:
        await asyncio.sleep(PROBE_SECONDS)
        if failures.WRITES.failed:
            try:
                await probe()
            except Exception as error:
                if not failures.is_unavailable(error):
                    raise
