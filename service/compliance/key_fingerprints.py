"""Fingerprints of the service's keys, stored in the database at its first start and compared at every later one.

With another index key nobody would be known and their points would seem lost; with another log key both logs would
freeze. A fingerprint is a keyed hash: it tells two keys apart and nothing else about either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from consent import index_versions, persons
from consent.crypto import vault
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.transparency import publication, sequencer
from consent.transparency.checkpoint import NoteInvalid, NoteKey
from consent.transparency.logs import Log
from service.compliance import public_keys
from service.models import KnownKey
from service.settings import Settings
from service.storage import database

NEEDED_MIGRATIONS = {"service/0003_known_keys.sql", public_keys.MIGRATION, index_versions.MIGRATION}
"""Migrations without which the keys cannot be compared."""

FINGERPRINT_DIGITS = 16
"""Hex digits of a fingerprint: 64 bits tell the few keys of a city apart."""
INDEX, ENCRYPTION, LOG, SIGNING = "index-", "encryption-", "log", "signing"
"""Names of keys; those of index keys and key-encryption keys continue with their version."""
SETTING_OF = {LOG: "LOG_KEY"}
"""Setting by name of the key; the names of all others are in the keyring."""
LOCK = 7_201_427
"""The advisory lock under which fingerprints are added; an arbitrary number."""


class KeyMismatch(Exception):
    """A key is not the one that this database was written with; the message names the setting and what to do."""

    def __init__(self, key_name: str, fault: str | None = None) -> None:
        self.key_name = key_name
        fault = fault or f"the key {key_name} is not the one that this database was written with"
        super().__init__(
            f"CREDIT_EASY_{SETTING_OF.get(key_name, 'KEYRING')}: {fault}; restore the right file, or read"
            " docs/operations.md, Rotating keys"
        )


def fingerprints_of(settings: Settings) -> Mapping[str, str]:
    """Return the fingerprints of a process's keys by name."""
    keyring = settings.keyring
    keys = _keyring_fingerprints(tuple(keyring.index_keys.items()), tuple(keyring.encryption_keys.items()))
    return {
        **keys,
        LOG: _log_fingerprint(settings.publisher.signer.key),
        SIGNING: settings.signing_key.kid[:FINGERPRINT_DIGITS],
    }


@lru_cache(maxsize=4)
def _keyring_fingerprints(
    index_keys: tuple[tuple[int, bytes], ...], encryption_keys: tuple[tuple[int, bytes], ...]
) -> Mapping[str, str]:
    named = {f"{INDEX}{version}": key for version, key in index_keys}
    named |= {f"{ENCRYPTION}{version}": key for version, key in encryption_keys}
    return {name: fingerprint(key, name) for name, key in named.items()}


def fingerprint(key: bytes, name: str) -> str:
    """Return the fingerprint of a keyring's key under its name."""
    return vault.mac(key, f"credit-easy-fingerprint-v1|{name}".encode()).hex()[:FINGERPRINT_DIGITS]


async def require_known(settings: Settings) -> None:
    """Compare the keys with the stored fingerprints; store those of new keys, if they fit the data.

    At the first start all keys are new; later, a further version of a key-encryption key, another signing key, and the
    next index key together with one that is known may be. Publishes the signing keys. Does nothing before the
    migrations that create the tables.

    Raises:
        KeyMismatch: another index key or log key, another key of a known version, a first key that fits no data, or a
            keyring that does not fit the rotation of the index key.
    """
    missing = await database.missing_migrations()
    if NEEDED_MIGRATIONS & set(missing):
        return
    ours = fingerprints_of(settings)
    if fault := (await index_versions.load()).fault_of(settings.keyring):
        raise KeyMismatch(f"{INDEX}{settings.keyring.index_version}", fault)
    if _new_among(ours, await stored(), _earlier_log_keys(settings)):
        async with queries.transaction():
            if not queries.is_sqlite():
                await queries.fetch_all("SELECT pg_advisory_xact_lock($1)", LOCK)
            at = await queries.now()
            for name in await new_keys(settings):
                await add(name, ours[name], at)
    for use, key in settings.signing_keys().items():
        await public_keys.ensure_published(key, use)
    signer = settings.publisher.signer
    if await public_keys.is_retired(public_keys.log_key_id(signer.key.public)):
        raise KeyMismatch(LOG, "the log key was replaced by another one")
    await public_keys.ensure_log_keys(signer)


async def new_keys(settings: Settings) -> list[str]:
    """Return the names of keys that the next start adds; raises KeyMismatch as `require_known` does."""
    known = await stored()
    new = _new_among(fingerprints_of(settings), known, _earlier_log_keys(settings))
    await _require_fit(settings, known)
    if fault := (await index_versions.load()).fault_of(settings.keyring):
        raise KeyMismatch(f"{INDEX}{settings.keyring.index_version}", fault)
    return new


async def add(key_name: str, fingerprint: str, at: datetime) -> None:
    """Store a further fingerprint in the caller's transaction: from then on a process with either key may start."""
    await KnownKey.create(fingerprint=fingerprint, key_name=key_name, added_at=queries.to_micros(at))


async def stored() -> Mapping[str, str]:
    """Return the names of the known keys by fingerprint."""
    return {row.fingerprint: row.key_name for row in await KnownKey.all()}


def _earlier_log_keys(settings: Settings) -> list[str]:
    """Return the fingerprints of the keys that the log's key has replaced."""
    return [_log_fingerprint(key) for key in settings.publisher.signer.keys[1:]]


def _log_fingerprint(key: NoteKey) -> str:
    return sha256(key.text().encode()).hexdigest()[:FINGERPRINT_DIGITS]


def _new_among(ours: Mapping[str, str], known: Mapping[str, str], earlier: Sequence[str]) -> list[str]:
    """Return the names of keys to be added; KeyMismatch where a key must be one of the known.

    `earlier` are the fingerprints of keys that the log's key has replaced: with a known one, it may be new.
    """
    names = set(known.values())
    new = [name for name, fingerprint in ours.items() if known.get(fingerprint) != name]
    replaces_known = any(known.get(fingerprint) == LOG for fingerprint in earlier)
    for name in new:
        if name in names and name != SIGNING and not (name == LOG and replaces_known):
            raise KeyMismatch(name)
    indexes = [name for name in ours if name.startswith(INDEX)]
    if any(name.startswith(INDEX) for name in names) and set(indexes) <= set(new):
        # Every row is under another index key: with this one nobody would be known.
        raise KeyMismatch(indexes[0])
    return new


async def _require_fit(settings: Settings, known: Mapping[str, str]) -> None:
    """Compare keys whose fingerprints are not stored yet with what they have sealed, indexed or signed."""
    names = set(known.values())
    if not any(name.startswith(INDEX) for name in names) and (misfit := await _misfit(settings.keyring)):
        raise KeyMismatch(misfit)
    if LOG in names:
        return
    for log in Log:
        note = (await sequencer.head(log)).note
        try:
            if note:
                publication.open_checkpoint(settings.publisher, log, note)
        except NoteInvalid:
            raise KeyMismatch(LOG) from None


async def _misfit(keyring: Keyring) -> str | None:
    version = await persons.keyring_fault(keyring)
    if version is None:
        return None
    return f"{ENCRYPTION}{version}" if version else f"{INDEX}{keyring.index_version}"
