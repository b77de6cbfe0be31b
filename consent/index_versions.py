"""Versions of the index key: those that rows are written under, and how far a rotation has come.

While a keyring has two index keys, every value that is looked up by a blind index of the database has a row under each.
Any two processes then share a key under which both write, so that one of two equal rows is refused, whichever host
wrote first. Look-ups use the keyring's current key alone. SQL text: the lock of the state needs FOR SHARE.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import IndexKeyMissing
from consent.models import StoredIndexRotation

MIGRATION = "consent/0050_index_versions.sql"


class IndexVersions(NamedTuple):
    """State of the rotation: rows older than `oldest` are not read, every value has a row under `complete`.

    A process whose keyring lacks `written` may not write; the three are equal outside of a rotation.
    """

    oldest: int
    complete: int
    written: int

    def fault_of(self, keyring: Keyring) -> str | None:
        """Return the reason for which a process with this keyring may not serve, or None."""
        versions = keyring.index_keys
        if self.written not in versions:
            return f"the index key of version {self.written} is missing, under which every host must write"
        if self.oldest not in versions:
            return f"the index key of version {self.oldest} is missing, under which other hosts still write"
        if not self.oldest <= keyring.index_version <= self.complete:
            return f"rows can be looked up by versions {self.oldest} to {self.complete} of the index key alone"
        return None


async def load() -> IndexVersions:
    """Return the present state."""
    row = await StoredIndexRotation.get(rotation_id=1)
    return IndexVersions(row.oldest_version, row.complete_version, row.written_version)


async def changed_at() -> datetime:
    """Return the time of the last step of a rotation."""
    return queries.from_micros((await StoredIndexRotation.get(rotation_id=1)).changed_at)


async def for_writing(keyring: Keyring) -> list[Keyring]:
    """Return the keyring under each version that a row must be written under, the oldest first.

    Call it in the transaction of the write: it holds a shared lock on the state, for which the next step of a rotation
    waits. Every process writes in this order, so that two cannot wait for each other.

    Raises:
        IndexKeyMissing: a rotation is ahead of this process, which needs the new keyring and a restart.
    """
    row = await queries.fetch_one(
        "SELECT oldest_version, complete_version, written_version FROM index_rotation WHERE rotation_id = 1 FOR SHARE"
    )
    assert row is not None
    versions = IndexVersions(row["oldest_version"], row["complete_version"], row["written_version"])
    if fault := versions.fault_of(keyring):
        raise IndexKeyMissing(fault)
    return [each for each in keyring.each() if each.index_version >= versions.oldest]


async def require_written(version: int, at: datetime) -> None:
    """Refuse, from the caller's commit on, writes by processes that lack this version; waits for running ones."""
    await StoredIndexRotation.filter(rotation_id=1, written_version__lt=version).update(
        written_version=version, changed_at=queries.to_micros(at)
    )


async def mark_complete(version: int, at: datetime) -> None:
    """Note that every value has a row under this version, so that it may be the current one."""
    await StoredIndexRotation.filter(rotation_id=1, complete_version__lt=version).update(
        complete_version=version, changed_at=queries.to_micros(at)
    )


async def retire_before(version: int, at: datetime) -> None:
    """End, from the caller's commit on, writing and reading under older versions; waits for running writes."""
    await StoredIndexRotation.filter(rotation_id=1, oldest_version__lt=version).update(
        oldest_version=version, changed_at=queries.to_micros(at)
    )
