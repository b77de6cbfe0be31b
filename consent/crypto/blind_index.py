"""Blind indexes, which look up a value without storing it in readable form, and random ids and codes.

Every guessable value (a resident's `sub`, an account number, a source's record id, a short code) is looked up by a
keyed HMAC over its NFKC form, with a key of its own for each use. A bare hash would be guessed from the list of all
possible values.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from functools import lru_cache

from consent.crypto.vault import Keyring, PeriodKeys, mac, prepared_mac

ID_DIGITS = 32
INDEX_DIGITS = 32
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters and digits that are not confused when read from a screen (no 0 and O, no 1, I and L)."""
CODE_LENGTH = 8
"""31^8 codes: guessing one within its life takes more tries than the limiter admits in a century."""


SLIP_CODE_LENGTH = 16
"""31^16 codes, 79 bits: a slip lives for a month, and its index has no key."""


class IndexUse(StrEnum):
    """One key for each use: the same value indexed for two uses gives two unrelated strings."""

    SUBJECT = "subject"
    ACCOUNT = "account"
    RECORD = "record"
    LINK_CODE = "link-code"
    PRESENTATION = "presentation"
    HANDLE = "handle"
    QUOTA = "quota"
    SAMPLE = "sample"
    BINDING_CODE = "binding-code"
    BINDING = "binding"
    SLIP = "slip"
    DEVICE = "device"


def blind_index(keyring: Keyring, use: IndexUse, *parts: str) -> str:
    """Return the index of `parts` for one use: 32 hex digits. Parts are length-prefixed, so no two lists collide."""
    return _index(keyring.index_key, use, parts)


def blind_indexes(keyring: Keyring, use: IndexUse, *parts: str) -> list[str]:
    """Return the index of `parts` under each index key of the keyring, oldest first: one outside of a rotation."""
    return [_index(index_key, use, parts) for index_key in keyring.index_keys.values()]


def period_index(keyring: Keyring, use: IndexUse, first_day: date, *parts: str) -> str:
    """Return the index of `parts` for a period that begins on `first_day`; `use` is QUOTA or SAMPLE.

    One key counts a whole period: a rotation of the index key in between would begin to count from zero.
    """
    for keys in reversed(keyring.period_keys):
        if keys.first_day <= first_day:
            key = keys.quota if use is IndexUse.QUOTA else keys.sample
            return mac(key, _encoded(parts)).hex()[:INDEX_DIGITS]
    return blind_index(keyring, use, *parts)


def period_keys(index_key: bytes, first_day: date) -> PeriodKeys:
    """Return the keys of an index key for periods that begin on `first_day` or later."""
    return PeriodKeys(first_day, _key_of(index_key, IndexUse.QUOTA), _key_of(index_key, IndexUse.SAMPLE))


def indexer(keyring: Keyring, use: IndexUse, *shared: str) -> Callable[[str], str]:
    """Return the function that computes `blind_index(keyring, use, *shared, value)` of thousands of values.

    The HMAC over the shared parts is computed once and copied for each value.
    """
    prepared = prepared_mac(_key_of(keyring.index_key, use)).copy()
    prepared.update(_encoded(shared))

    def index(value: str) -> str:
        keyed = prepared.copy()
        keyed.update(_encoded((value,)))
        return keyed.finalize().hex()[:INDEX_DIGITS]

    return index


@lru_cache(maxsize=10_000)
def subject_index_under(index_key: bytes, subject: str) -> str:
    """Return the index of a token's `sub`. Cached, as tokens are: a resident's requests come in bursts."""
    return _index(index_key, IndexUse.SUBJECT, (subject,))


def _index(index_key: bytes, use: IndexUse, parts: tuple[str, ...]) -> str:
    return mac(_key_of(index_key, use), _encoded(parts)).hex()[:INDEX_DIGITS]


def _encoded(parts: tuple[str, ...]) -> bytes:
    message = b""
    for part in parts:
        encoded = (part if part.isascii() else unicodedata.normalize("NFKC", part)).encode()
        message += len(encoded).to_bytes(4, "big") + encoded
    return message


@lru_cache(maxsize=16)
def _key_of(index_key: bytes, use: IndexUse) -> bytes:
    return mac(index_key, f"credit-easy-index-v1|{use}".encode())


def new_id() -> str:
    """Return a random 128-bit id (32 hex digits) that carries no information."""
    return os.urandom(ID_DIGITS // 2).hex()


def new_ids(count: int) -> Iterator[str]:
    """Yield `count` random ids from a single call to the system's random source."""
    digits = os.urandom(count * ID_DIGITS // 2).hex()
    return (digits[first : first + ID_DIGITS] for first in range(0, len(digits), ID_DIGITS))


def new_code(length: int = CODE_LENGTH) -> str:
    """Return a code of this many characters for a person to type; shown to that person alone."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def normal_code(typed: str) -> str:
    """Return a typed code in the form it was issued in: upper case, without spaces and hyphens."""
    return "".join(unicodedata.normalize("NFKC", typed).upper().replace("-", "").split())


def random_index(use: IndexUse, value: str) -> str:
    """Return the index of a random value of at least 79 bits: 32 hex digits of its SHA-256, without a key.

    Nobody can try that many values, and a value that lives for months keeps its index when the index key is rotated.
    """
    return hashlib.sha256(f"credit-easy-random-v1|{use}|{value}".encode()).hexdigest()[:INDEX_DIGITS]
