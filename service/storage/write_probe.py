"""Test writes to a database whose disk was full or failed, until one succeeds; then requests may write again."""

from __future__ import annotations

import asyncio
from typing import Final

from consent.database import failures, queries
from service.models import StoredAnswer
from service.storage.idempotency import ANSWER

PROBE_SECONDS: Final = 1.0
"""Pause between two probes, and the longest delay of the first."""
PROBE_BYTES: Final = 256 * 1024
"""Bytes of a probe: more than the free pages inside the database's file are likely to hold."""
SCOPE: Final = "write-probe"
"""The scope of the probe's row. Scopes of stored answers are hexadecimal. `delete_old` deletes a row that stays."""


async def probe() -> None:
    """Write a row of PROBE_BYTES and delete it; then set `WRITES.failed` to False.

    Two transactions, because one would need no space on the disk. Raises the database's error while it takes no writes.
    """
    async with queries.transaction():
        await StoredAnswer.filter(scope=SCOPE).delete()
        await queries.execute(ANSWER.sql(1), SCOPE, "", "", 0, bytes(PROBE_BYTES), 0)
    async with queries.transaction():
        await StoredAnswer.filter(scope=SCOPE).delete()
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
