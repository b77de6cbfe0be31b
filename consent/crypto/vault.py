"""One data key a person: wrap, seal, open. Destroying the wrapped key makes everything sealed under it unreadable.

AES-256-GCM throughout. A sealed field is bound to its table, column, person and row, so that nobody with the
database alone can move a sealed value to another place and have it believed.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = 1
SCHEMA = "1"
_FORMAT = bytes([FORMAT])


class SealBroken(Exception):
    """A sealed value does not open: wrong key, wrong place, or changed bytes."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The service's long-lived secrets: key-encryption keys by version, and the key of blind indexes."""

    encryption_keys: Mapping[int, bytes] = field(repr=False)
    current: int
    index_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.encryption_keys:
            raise ValueError("the current key-encryption key is not in the keyring")
        for secret in (*self.encryption_keys.values(), self.index_key):
            if len(secret) != KEY_BYTES:
                raise ValueError(f"every key of the keyring is {KEY_BYTES} bytes long")


class Place(NamedTuple):
    """Where a sealed value belongs; part of what is authenticated."""

    table: str
    column: str
    person_id: str
    row_id: str

    def associated_data(self) -> bytes:
        """The place as bytes; ids never contain the separator."""
        return "|".join((*self, SCHEMA)).encode()


def service_key(keyring: Keyring, use: str) -> bytes:
    """A key of the service's own for one use, for what must outlive a person's key for a while."""
    return _service_key(keyring.index_key, use)


@lru_cache(maxsize=16)
def _service_key(index_key: bytes, use: str) -> bytes:
    return mac(index_key, f"credit-easy-{use}-v1".encode())


def service_cipher(keyring: Keyring, use: str) -> AESGCM:
    """The cipher of `service_key`."""
    return _long_lived(_service_key(keyring.index_key, use))


@lru_cache(maxsize=16)
def _long_lived(key: bytes) -> AESGCM:
    """The cipher of a key of the service, made once. A person's own is made each time: what is shredded is nowhere."""
    return AESGCM(key)


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 of a message, for the service's few long-lived keys."""
    prepared = _prepared(key).copy()
    prepared.update(message)
    return prepared.digest()


@lru_cache(maxsize=64)
def _prepared(key: bytes) -> hmac.HMAC:
    """The HMAC of a key before any message. Looking the algorithm up and padding the key costs more than a copy."""
    return hmac.new(key, digestmod=hashlib.sha256)


def new_data_key(keyring: Keyring, person_id: str) -> bytes:
    """A fresh data key for a person, wrapped by the current key-encryption key."""
    return wrap(keyring, person_id, os.urandom(KEY_BYTES))


def wrap(keyring: Keyring, person_id: str, data_key: bytes) -> bytes:
    """`format | key version (2 bytes) | nonce | ciphertext and tag`."""
    header = _FORMAT + keyring.current.to_bytes(2, "big")
    nonce = os.urandom(NONCE_BYTES)
    cipher = _long_lived(keyring.encryption_keys[keyring.current])
    return header + nonce + cipher.encrypt(nonce, data_key, header + person_id.encode())


def key_version(wrapped: bytes) -> int:
    """The version of the key-encryption key that a data key is wrapped by."""
    return int.from_bytes(wrapped[1:3], "big")


def unwrap(keyring: Keyring, person_id: str, wrapped: bytes) -> bytes:
    """The data key, or SealBroken when the keyring lacks the key or the bytes were changed."""
    header, nonce, body = wrapped[:3], wrapped[3 : 3 + NONCE_BYTES], wrapped[3 + NONCE_BYTES :]
    key = keyring.encryption_keys.get(int.from_bytes(header[1:3], "big"))
    if header[:1] != _FORMAT or key is None:
        raise SealBroken("the data key was wrapped by a key that this keyring does not hold")
    try:
        return _long_lived(key).decrypt(nonce, body, header + person_id.encode())
    except InvalidTag:
        raise SealBroken("the wrapped data key does not open") from None


def seal(cipher: AESGCM, place: Place, plain: bytes) -> bytes:
    """`format | nonce | ciphertext and tag`, bound to its place."""
    nonce = os.urandom(NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, plain, _FORMAT + place.associated_data())


def open_sealed(cipher: AESGCM, place: Place, sealed: bytes) -> bytes:
    """What was sealed at this place, or SealBroken."""
    header, nonce, body = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, body, header + place.associated_data())
    except (InvalidTag, ValueError):
        raise SealBroken(f"a sealed value of {place.table}.{place.column} does not open") from None
