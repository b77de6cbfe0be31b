"""Offsets up to which the tombstones outside the database were replayed on it.

The offsets are in the database. An older copy of it has older ones, so that everything since is replayed.
SQL text: an offset is raised by an upsert, never lowered.
"""

from __future__ import annotations

from consent.database import queries
from consent.models import TombstoneProgress


async def load() -> dict[str, int]:
    """Return the offset in bytes of each file that was replayed at least in part."""
    return {row["file_name"]: row["applied"] for row in await TombstoneProgress.all().values("file_name", "applied")}


async def save(file_name: str, applied: int) -> None:
    """Store that a file was replayed up to the offset `applied`, in bytes; does nothing if a later one is stored."""
    await queries.execute(
        "INSERT INTO tombstone_progress (file_name, applied) VALUES ($1, $2) ON CONFLICT (file_name)"
        " DO UPDATE SET applied = excluded.applied WHERE excluded.applied > tombstone_progress.applied",
        file_name,
        applied,
    )
