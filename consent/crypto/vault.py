"""Envelope encryption with a data key for each person: wrap, seal, open. Deleting the wrapped key erases all it sealed.

AES-256-GCM throughout. A sealed value is authenticated together with its table, column, person and row: moved to
another cell by somebody who can write to the database, it does not open.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = 1
SCHEMA = "1"
_FORMAT = bytes([FORMAT])


class SealBroken(Exception):
    """A sealed value or wrapped key does not open: wrong key, wrong cell, or changed bytes."""


class PeriodKeys(NamedTuple):
    """Keys of the indexes of a whole period: those of periods that begin on `first_day` or later."""

    first_day: date
    quota: bytes
    sample: bytes


@dataclass(frozen=True, slots=True)
class Keyring:
    """The service's long-lived secrets: key-encryption keys by version, and the key of blind indexes.

    During a rotation of the index key it has a second one, the next or the previous. `period_keys` are empty until the
    first rotation; then they are in the order of their days.
    """

    encryption_keys: Mapping[int, bytes] = field(repr=False)
    current: int
    index_key: bytes = field(repr=False)
    index_version: int = 1
    other_index_keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    period_keys: tuple[PeriodKeys, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.encryption_keys:
            raise ValueError("the current key-encryption key is not in the keyring")
        period_keys = [key for _, *keys in self.period_keys for key in keys]
        for secret in (*self.encryption_keys.values(), *self.index_keys.values(), *period_keys):
            if len(secret) != KEY_BYTES:
                raise ValueError(f"every key of the keyring is {KEY_BYTES} bytes long")
        if self.index_version in self.other_index_keys or len(self.other_index_keys) > 1:
            raise ValueError("a keyring has one index key, or two of different versions")

    @property
    def index_keys(self) -> Mapping[int, bytes]:
        """The index keys by version, oldest first."""
        if not self.other_index_keys:
            return {self.index_version: self.index_key}
        return dict(sorted({**self.other_index_keys, self.index_version: self.index_key}.items()))

    def under(self, version: int) -> Keyring:
        """Return the same keyring with the index key of another version as the current one."""
        if version == self.index_version:
            return self
        keys = self.index_keys
        others = {other: key for other, key in keys.items() if other != version}
        return replace(self, index_key=keys[version], index_version=version, other_index_keys=others)

    def each(self) -> tuple[Keyring, ...]:
        """Return the keyring under each of its index keys, the oldest first; itself alone outside of a rotation."""
        return (self,) if not self.other_index_keys else tuple(self.under(version) for version in self.index_keys)


class CellAddress(NamedTuple):
    """The cell of a sealed value, authenticated with it; `person_id` is empty for values under a service key."""

    table: str
    column: str
    person_id: str
    row_id: str

    def associated_data(self) -> bytes:
        """Return the address as bytes for AES-GCM; ids never contain the separator."""
        return "|".join((*self, SCHEMA)).encode()


def service_key(keyring: Keyring, use: str) -> bytes:
    """Return the service's key (32 bytes) for one use, for values that must outlive a person's key for a while."""
    return _service_key(keyring.index_key, use)


@lru_cache(maxsize=16)
def _service_key(index_key: bytes, use: str) -> bytes:
    return mac(index_key, f"credit-easy-{use}-v1".encode())


def service_cipher(keyring: Keyring, use: str) -> AESGCM:
    """Return the cipher over `service_key`, created once a process."""
    return _long_lived(_service_key(keyring.index_key, use))


@lru_cache(maxsize=16)
def _long_lived(key: bytes) -> AESGCM:
    """Return the cached cipher of a service key. A person's is never cached: an erased key must not stay in memory."""
    return AESGCM(key)


def open_service(keyring: Keyring, use: str, cell: CellAddress, sealed: bytes) -> bytes:
    """Decrypt a value that was sealed by a `service_cipher` under any index key of the keyring, the current one first.

    Raises:
        SealBroken: none of them opens it.
    """
    for other in keyring.other_index_keys:
        try:
            return open_sealed(service_cipher(keyring, use), cell, sealed)
        except SealBroken:
            return open_sealed(service_cipher(keyring.under(other), use), cell, sealed)
    return open_sealed(service_cipher(keyring, use), cell, sealed)


def mac(key: bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA-256 (32 bytes) of a message, for the service's few long-lived keys."""
    prepared = prepared_mac(key).copy()
    prepared.update(message)
    return prepared.finalize()


@lru_cache(maxsize=64)
def prepared_mac(key: bytes) -> HMAC:
    """Return the HMAC of a key before any message, to be copied: that is cheaper than a new one from the key."""
    return HMAC(key, SHA256())


def new_data_key(keyring: Keyring, person_id: str) -> bytes:
    """Return a new random data key for a person, wrapped by the current key-encryption key."""
    return wrap(keyring, person_id, os.urandom(KEY_BYTES))


def wrap(keyring: Keyring, person_id: str, data_key: bytes) -> bytes:
    """Encrypt a person's data key; returns `format | key version (2 bytes) | nonce | ciphertext and tag`."""
    header = _FORMAT + keyring.current.to_bytes(2, "big")
    nonce = os.urandom(NONCE_BYTES)
    cipher = _long_lived(keyring.encryption_keys[keyring.current])
    return header + nonce + cipher.encrypt(nonce, data_key, header + person_id.encode())


def key_version(wrapped: bytes) -> int:
    """Return the version of the key-encryption key that wraps a data key."""
    return int.from_bytes(wrapped[1:3], "big")


def unwrap(keyring: Keyring, person_id: str, wrapped: bytes) -> bytes:
    """Decrypt a data key; SealBroken when the keyring lacks its version or the bytes were changed."""
    header, nonce, body = wrapped[:3], wrapped[3 : 3 + NONCE_BYTES], wrapped[3 + NONCE_BYTES :]
    key = keyring.encryption_keys.get(int.from_bytes(header[1:3], "big"))
    if header[:1] != _FORMAT or key is None:
        raise SealBroken("the data key was wrapped by a key that this keyring does not hold")
    try:
        return _long_lived(key).decrypt(nonce, body, header + person_id.encode())
    except InvalidTag:
        raise SealBroken("the wrapped data key does not open") from None


def seal(cipher: AESGCM, cell: CellAddress, plain: bytes) -> bytes:
    """Encrypt `plain` for its cell; returns `format | nonce | ciphertext and tag`."""
    nonce = os.urandom(NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, plain, _FORMAT + cell.associated_data())


def seal_many(table: str, column: str, rows: Sequence[tuple[AESGCM, str, str, bytes]]) -> list[bytes]:
    """Encrypt a value for one column of each row, as `seal` does for one: cipher, person id, row id, plain.

    For thousands of rows: the nonces come from a single call to the system's random source.
    """
    nonces = os.urandom(NONCE_BYTES * len(rows))
    column_of = f"{table}|{column}|"
    sealed = []
    for start, (cipher, person_id, row_id, plain) in zip(range(0, len(nonces), NONCE_BYTES), rows, strict=True):
        nonce = nonces[start : start + NONCE_BYTES]
        address = f"{column_of}{person_id}|{row_id}|{SCHEMA}".encode()
        sealed.append(_FORMAT + nonce + cipher.encrypt(nonce, plain, _FORMAT + address))
    return sealed


def open_sealed(cipher: AESGCM, cell: CellAddress, sealed: bytes) -> bytes:
    """Decrypt a value sealed for this cell; SealBroken if it was sealed for another one or changed."""
    header, nonce, body = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, body, header + cell.associated_data())
    except (InvalidTag, ValueError):
        raise SealBroken(f"a sealed value of {cell.table}.{cell.column} does not open") from None
