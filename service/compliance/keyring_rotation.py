"""Rotation of the keys of the keyring: add a key to the file, and its fingerprint to the database.

The file is this host's; the fingerprints are in the database, which all hosts read.
"""

from __future__ import annotations

from pathlib import Path

from consent.database import queries
from service.auth import keyring_file
from service.auth.keyring_file import EncryptionKey
from service.compliance import key_fingerprints


class KeyElsewhere(Exception):
    """Another host has made the next key, and this host's keyring lacks it; the message says which file to copy."""


async def add_encryption_key(path: Path, *, make_current: bool) -> EncryptionKey:
    """Add a new encryption key to the keyring at `path`, as the current one if asked, and store its fingerprint.

    A key that is there and is not current yet is made current instead. The keys before stay, for reading.

    Raises:
        KeyElsewhere: the database knows a newer encryption key than the keyring has.
        KeyringInvalid, OSError: as `keyring_file.add_encryption_key`; the file is unchanged.
    """
    newest = max(await _known_encryption_versions(), default=0)
    if newest > max(keyring_file.read(path).encryption_keys):
        raise KeyElsewhere(
            f"another host has made encryption key {newest}; copy its keyring to {path}, restart serve, run this again"
        )
    key = keyring_file.add_encryption_key(path, make_current=make_current)
    name = f"{key_fingerprints.ENCRYPTION}{key.version}"
    fingerprint = key_fingerprints.fingerprint(keyring_file.read(path).encryption_keys[key.version], name)
    if fingerprint not in await key_fingerprints.stored():
        await key_fingerprints.add(name, fingerprint, await queries.now())
    return key


async def _known_encryption_versions() -> list[int]:
    prefix = key_fingerprints.ENCRYPTION
    names = (await key_fingerprints.stored()).values()
    return [int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)]
