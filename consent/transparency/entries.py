"""Reads of a log's entries, and the trace of entries whose table is dropped after three years.

SQL text: `record_expired_leaves` copies rows of a detached partition, whose name only PostgreSQL's catalogue knows.
"""

from __future__ import annotations

from consent.database import queries
from consent.models import LogEntry
from consent.transparency.logs import Log


async def position_of(log: Log, leaf_hash: str) -> int | None:
    """Return the position of the leaf with this hash (hex), or None while it is not in the log."""
    entry = await LogEntry.get_or_none(log=log, leaf_hash=leaf_hash)
    return None if entry is None else entry.position


async def leaves(log: Log, start: int, end: int) -> list[tuple[int, str]]:
    """Return (position, leaf) of the entries from `start` up to, not including, `end`, in order."""
    rows = (
        await LogEntry.filter(log=log, position__gte=start, position__lt=end)
        .order_by("position")
        .values("position", "leaf")
    )
    return [(row["position"], row["leaf"]) for row in rows]


async def record_expired_leaves(table: str, kind: str, before: int | None = None) -> None:
    """Store leaf hash, kind and day (UTC) of the rows of a table that will be dropped. PostgreSQL only.

    Args:
        table: a table with the columns `at` and `leaf_hash`; a constant or a name from the database's catalogue.
        kind: the kind of the rows' leaves.
        before: microseconds; take only rows with an earlier `at`. None takes all.
    """
    older = "" if before is None else f" AND at < {before:d}"
    await queries.execute(
        "INSERT INTO expired_leaf (leaf_hash, kind, day) SELECT leaf_hash, $1,"
        f" to_char(to_timestamp(at / 1000000.0) AT TIME ZONE 'UTC', 'YYYYMMDD')::integer FROM {table}"
        f" WHERE leaf_hash <> ''{older} ON CONFLICT DO NOTHING",
        kind,
    )
