"""Rotation of the keys of the keyring, step by step; each step may be interrupted and repeated.

The file is this host's; the fingerprints of its keys, and how far the index key's rotation has come, are in the
database, which all hosts read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from consent import index_versions, reindexing
from consent.crypto.vault import Keyring
from consent.database import queries
from service.auth import keyring_file
from service.auth.keyring_file import EncryptionKey
from service.compliance import key_fingerprints

WAIT = timedelta(days=3)
"""Time between the re-index and the end of the old index key: stored answers live for two days, sessions of pages for
half a day, and by then every host has been restarted with the new key."""


class IndexStep(StrEnum):
    """The step that a call of `rotate_index` has taken."""

    ADDED = "added"
    SWITCHED = "switched"
    WAITING = "waiting"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class IndexRotation:
    """A step, the version of the new index key, what a re-index has written, and the end of a wait."""

    step: IndexStep
    version: int
    written: reindexing.Written | None = None
    until: datetime | None = None


class KeyElsewhere(Exception):
    """Another host has made the next key, and this host's keyring lacks it; the message says which file to copy."""


async def add_encryption_key(path: Path, *, make_current: bool) -> EncryptionKey:
    """Add a new encryption key to the keyring at `path`, as the current one if asked, and store its fingerprint.

    A key that is there and is not current yet is made current instead. The keys before stay, for reading.

    Raises:
        KeyElsewhere: the database knows a newer encryption key than the keyring has.
        KeyringInvalid, OSError: as `keyring_file.add_encryption_key`; the file is unchanged.
    """
    await _require_newest(path, key_fingerprints.ENCRYPTION, max(keyring_file.read(path).encryption_keys))
    key = keyring_file.add_encryption_key(path, make_current=make_current)
    await _add_fingerprint(f"{key_fingerprints.ENCRYPTION}{key.version}", _encryption_key(path, key.version))
    return key


async def rotate_index(path: Path, at: datetime) -> IndexRotation:
    """Take the next step of the index key's rotation, with the keyring at `path`.

    First call: adds the next key to the file. Second: writes a row under it for every value, and makes it the current
    one. Third, WAIT later: deletes the rows under the old key, and removes that key from the file.

    Raises:
        KeyElsewhere: another host has made the next index key, and this host's keyring lacks it.
        KeyringInvalid, OSError: as `keyring_file.add_encryption_key`; the file is unchanged.
    """
    keyring = keyring_file.read(path)
    newest = max(keyring.index_keys)
    await _require_newest(path, key_fingerprints.INDEX, newest)
    if not keyring.other_index_keys:
        keyring_file.remove_ended_period_keys(path, at.date())
        version = keyring_file.add_index_key(path)
        key = keyring_file.read(path).index_keys[version]
        await _add_fingerprint(f"{key_fingerprints.INDEX}{version}", key)
        return IndexRotation(IndexStep.ADDED, version)
    if newest > keyring.index_version:
        written = await reindexing.write_new(keyring, at)
        keyring_file.switch_index_key(path, (at + WAIT).date() + timedelta(days=1))
        return IndexRotation(IndexStep.SWITCHED, newest, written)
    if (await index_versions.load()).oldest < newest:
        until = await index_versions.changed_at() + WAIT
        if at < until:
            return IndexRotation(IndexStep.WAITING, newest, until=until)
    await reindexing.remove_old(keyring, at)
    keyring_file.remove_index_keys(path, newest)
    return IndexRotation(IndexStep.REMOVED, newest)


async def index_rotation_left(keyring: Keyring) -> str | None:
    """Return what the index key's rotation has left to do on this host; None without one."""
    versions = await index_versions.load()
    newest = max(keyring.index_keys)
    if newest > keyring.index_version:
        return f"index key {newest} is not the current one yet"
    if keyring.other_index_keys:
        return f"index key {min(keyring.index_keys)} is still in the keyring"
    if versions.oldest == newest and newest > 1 and not await reindexing.is_old_removed(newest):
        return "rows under an old index key are not all deleted"
    return None


async def _require_newest(path: Path, prefix: str, newest: int) -> None:
    """Raise KeyElsewhere if the database knows a newer key of a name than this host's keyring."""
    names = (await key_fingerprints.stored()).values()
    known = max((int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)), default=0)
    if known > newest:
        raise KeyElsewhere(
            f"another host has made the key {prefix}{known}; copy its keyring to {path}, restart serve, run this again"
        )


def _encryption_key(path: Path, version: int) -> bytes:
    return keyring_file.read(path).encryption_keys[version]


async def _add_fingerprint(name: str, key: bytes) -> None:
    fingerprint = key_fingerprints.fingerprint(key, name)
    if fingerprint not in await key_fingerprints.stored():
        await key_fingerprints.add(name, fingerprint, await queries.now())
