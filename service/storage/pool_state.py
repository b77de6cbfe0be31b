"""The state of the connection pool as numbers, for metrics."""

from __future__ import annotations

from dataclasses import dataclass

from consent.database import queries
from service.storage.pool import Client


@dataclass(frozen=True, slots=True)
class PoolState:
    """Connections of one process; `waits` and `timeouts` count since the pool was made."""

    available: bool
    in_use: int
    idle: int
    size_max: int
    waits: int
    timeouts: int


def read() -> PoolState | None:
    """Return the state of this process's pool; None on SQLite and before the first connection."""
    client = queries.connection()
    pool = client._pool if isinstance(client, Client) else None
    if pool is None:
        return None
    return PoolState(
        available=not (pool.unavailable or pool.closed),
        in_use=len(pool.in_use),
        idle=len(pool.idle),
        size_max=pool.size_max,
        waits=pool.waits,
        timeouts=pool.timeouts,
    )
