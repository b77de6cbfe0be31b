"""Reads of a log's entries, and the trace of entries whose table is dropped after three years.

SQL text: `positions_of` compares with any number of hashes in one statement; `record_expired_leaves` copies rows of a
detached partition, whose name only PostgreSQL's catalogue knows.
"""

from __future__ import annotations

from collections.abc import Iterable

from consent.database import queries
from consent.models import LogEntry
from consent.transparency.logs import Log


async def positions_of(log: Log, leaf_hashes: Iterable[str]) -> dict[str, int]:
    """Return the positions of the leaves with these hashes (hex) by hash, without those that are not in the log."""
    rows = await queries.fetch_all(
        f"SELECT leaf_hash, position FROM log_entry WHERE log = $1 AND {queries.any_of('leaf_hash', 2)}",
        log,
        queries.array_param({leaf_hash for leaf_hash in leaf_hashes if leaf_hash}),
    )
    return {row["leaf_hash"]: row["position"] for row in rows}


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
