"""The keyring file: read it, create it, add, switch and remove keys. JSON, mode 0600, replaced as a whole.

`{"current": 1, "encryption_keys": {"1": hex}, "index_key": hex}`. The first rotation of the index key replaces
`index_key` by `index_keys` (hex by version) and `current_index`; its second step adds `period_keys`, a list of
`{"from": "YYYY-MM-DD", "quota": hex, "sample": hex}`.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from consent.crypto.blind_index import period_keys
from consent.crypto.vault import KEY_BYTES, Keyring, PeriodKeys
from consent.kernel import atomic_file
from service.auth.key_files import OWNER_ALONE, create_file

ENCRYPTION_KEYS_MAX = 2**16 - 1
"""The largest version: a wrapped data key names its version in two bytes."""


class KeyringInvalid(ValueError):
    """The file is no keyring that may be used; the message is the predicate of a sentence and names no secret."""


class EncryptionStep(StrEnum):
    """The step that a call of `add_encryption_key` has taken."""

    ADDED = "added"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """The step taken, and the version of the key that it was about."""

    step: EncryptionStep
    version: int


def read(path: Path) -> Keyring:
    """Read the keyring; KeyringInvalid if it is unreadable, readable by others, or has a repeated or weak key."""
    document = _read_document(path)
    try:
        encryption_keys = _keys(document["encryption_keys"])
        index_keys, index_version = _keys(_index_keys_in(document)), document.get("current_index", 1)
        keyring = Keyring(
            encryption_keys,
            document["current"],
            index_keys.pop(index_version),
            index_version,
            index_keys,
            _period_keys_in(document),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise KeyringInvalid(f"must hold keys of {KEY_BYTES} bytes in hex") from None
    keys = (*keyring.encryption_keys.values(), *keyring.index_keys.values())
    if len(set(keys)) != len(keys):
        raise KeyringInvalid("uses one key twice; every key has one purpose")
    for secret in keys:
        if len(set(secret)) < KEY_BYTES // 4:
            raise KeyringInvalid("holds a key that is not random")
    return keyring


def create(path: Path) -> None:
    """Create a keyring file with a first encryption key and an index key; an existing file is left unchanged."""
    keys = {"1": _new_key()}
    create_file(path, _content({"current": 1, "encryption_keys": keys, "index_key": _new_key()}))


def add_encryption_key(path: Path, *, make_current: bool) -> EncryptionKey:
    """Add a new encryption key to the file, as the current one if asked; the keys before stay, for reading.

    A key that was added before and is not current yet is made current, and no other key is made.

    Raises:
        KeyringInvalid: as `read`.
        OSError: the file cannot be replaced; it is unchanged.
    """
    keyring, document = read(path), _read_document(path)
    version = max(keyring.encryption_keys)
    waiting = version > keyring.current
    if not waiting:
        version += 1
        if version > ENCRYPTION_KEYS_MAX:
            raise KeyringInvalid("has used every version of encryption keys")
        document["encryption_keys"][str(version)] = _new_key()
    if make_current:
        document["current"] = version
    if make_current or not waiting:
        replace(path, document)
    return EncryptionKey(EncryptionStep.CURRENT if make_current else EncryptionStep.ADDED, version)


def add_index_key(path: Path) -> int:
    """Add a new index key to the file, which is not the current one yet; return its version.

    A key that was added before stays the next one, and no further one is made. Raises as `add_encryption_key`.
    """
    keyring, document = read(path), _read_document(path)
    newest = max(keyring.index_keys)
    if newest > keyring.index_version:
        return newest
    document["index_keys"] = {**_index_keys_in(document), str(newest + 1): _new_key()}
    document["current_index"] = keyring.index_version
    document.pop("index_key", None)
    replace(path, document)
    return newest + 1


def switch_index_key(path: Path, first_day: date) -> int:
    """Make the next index key the current one; return its version.

    Quotas and samples of periods that begin before `first_day` stay under the keys of before, which the file names from
    then on by themselves. Raises as `add_encryption_key`.
    """
    keyring, document = read(path), _read_document(path)
    newest = max(keyring.index_keys)
    if newest > keyring.index_version:
        periods = keyring.period_keys or (period_keys(keyring.index_key, date.min),)
        periods = (*periods, period_keys(keyring.index_keys[newest], first_day))
        document["current_index"], document["period_keys"] = newest, [_period_members(keys) for keys in periods]
        replace(path, document)
    return newest


def remove_index_keys(path: Path, before: int) -> None:
    """Remove the index keys older than a version. Raises as `add_encryption_key`."""
    document = _read_document(path)
    document["index_keys"] = {v: key for v, key in _index_keys_in(document).items() if int(v) >= before}
    replace(path, document)


def remove_ended_period_keys(path: Path, today: date) -> bool:
    """Remove the keys of periods that have all ended, the longest with the civil year; return whether there were any.

    Two days longer, because a counter is deleted a day after its period and time zones differ. Raises as
    `add_encryption_key`.
    """
    keyring, document = read(path), _read_document(path)
    last_year = (today - timedelta(days=2)).year
    begun = [keys for keys in keyring.period_keys if keys.first_day <= date(last_year, 1, 1)]
    remaining = keyring.period_keys[max(len(begun) - 1, 0) :]
    if len(remaining) == len(keyring.period_keys):
        return False
    document["period_keys"] = [_period_members(keys) for keys in remaining]
    replace(path, document)
    return True


def replace(path: Path, document: Mapping[str, Any]) -> None:
    """Replace the file by another document, atomically, with mode 0600 and the owner of before."""
    target = path.resolve()
    before = target.stat()
    atomic_file.replace(target, _content(document), OWNER_ALONE)
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        # The command may run as root, and the service as a user of its own.
        os.chown(target, before.st_uid, before.st_gid)


def _read_document(path: Path) -> dict[str, Any]:
    try:
        mode = path.stat().st_mode
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise KeyringInvalid(f"cannot be read: {type(error).__name__}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyringInvalid("must be readable by its owner alone (mode 0600)")
    if not isinstance(document, dict):
        raise KeyringInvalid(f"must hold keys of {KEY_BYTES} bytes in hex")
    return document


def _index_keys_in(document: Mapping[str, Any]) -> dict[str, str]:
    if "index_keys" in document:
        return dict(document["index_keys"])
    return {"1": document["index_key"]}


def _keys(members: Mapping[str, str]) -> dict[int, bytes]:
    return {int(version): bytes.fromhex(key) for version, key in members.items()}


def _period_keys_in(document: Mapping[str, Any]) -> tuple[PeriodKeys, ...]:
    periods = [
        PeriodKeys(date.fromisoformat(keys["from"]), bytes.fromhex(keys["quota"]), bytes.fromhex(keys["sample"]))
        for keys in document.get("period_keys", [])
    ]
    return tuple(sorted(periods))


def _period_members(keys: PeriodKeys) -> dict[str, str]:
    return {"from": keys.first_day.isoformat(), "quota": keys.quota.hex(), "sample": keys.sample.hex()}


def _content(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _new_key() -> str:
    return secrets.token_hex(KEY_BYTES)
