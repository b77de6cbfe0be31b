"""The keyring file: read it, create it, add an encryption key to it. JSON, mode 0600, replaced as a whole.

`{"current": 1, "encryption_keys": {"1": hex}, "index_key": hex}`.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from consent.crypto.vault import KEY_BYTES, Keyring
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
        keyring = Keyring(
            {int(version): bytes.fromhex(key) for version, key in document["encryption_keys"].items()},
            document["current"],
            bytes.fromhex(document["index_key"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise KeyringInvalid(f"must hold keys of {KEY_BYTES} bytes in hex") from None
    keys = (*keyring.encryption_keys.values(), keyring.index_key)
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


def _content(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _new_key() -> str:
    return secrets.token_hex(KEY_BYTES)
