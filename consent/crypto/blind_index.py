"""Blind indexes and random references: how something is found again without being readable.

Everything guessable (a resident's sub, an account number, a short code) is found by a keyed HMAC over its NFKC form,
with a key of its own for each use; a bare hash of it is never stored.
"""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache

from consent.crypto.vault import Keyring, mac

ID_DIGITS = 32
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Letters and digits that nobody confuses when reading them off a screen."""
CODE_LENGTH = 8
"""31^8 codes: guessing one within its life takes more tries than the limiter admits in a century."""


class IndexUse(StrEnum):
    """One key for each use: the same value indexed for two uses gives two unrelated strings."""

    SUBJECT = "subject"
    ACCOUNT = "account"
    LINK_CODE = "link-code"
    PRESENTATION = "presentation"
    HANDLE = "handle"
    QUOTA = "quota"


def blind_index(keyring: Keyring, use: IndexUse, *parts: str) -> str:
    """32 hex digits that find `parts` again; `parts` are length-prefixed, so no two lists collide."""
    return _index(keyring.index_key, use, parts)


@lru_cache(maxsize=10_000)
def subject_index_under(index_key: bytes, subject: str) -> str:
    """The index of a token's `sub`, kept for whoever asks again soon; their tokens are kept as well."""
    return _index(index_key, IndexUse.SUBJECT, (subject,))


def _index(index_key: bytes, use: IndexUse, parts: tuple[str, ...]) -> str:
    message = b""
    for part in parts:
        encoded = (part if part.isascii() else unicodedata.normalize("NFKC", part)).encode()
        message += len(encoded).to_bytes(4, "big") + encoded
    return mac(_key_of(index_key, use), message).hex()[:32]


@lru_cache(maxsize=16)
def _key_of(index_key: bytes, use: IndexUse) -> bytes:
    return mac(index_key, f"credit-easy-index-v1|{use}".encode())


def new_id() -> str:
    """A random 128-bit id, 32 hex digits, carrying nothing."""
    return os.urandom(ID_DIGITS // 2).hex()


def new_ids(count: int) -> Iterator[str]:
    """So many of them, for whom a call to the system each is too dear."""
    digits = os.urandom(count * ID_DIGITS // 2).hex()
    return (digits[first : first + ID_DIGITS] for first in range(0, len(digits), ID_DIGITS))


def new_code() -> str:
    """A short code for a person to type, shown to that person alone."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def normal_code(typed: str) -> str:
    """A typed code in the form in which it was made: upper case, without spaces and hyphens."""
    return "".join(unicodedata.normalize("NFKC", typed).upper().replace("-", "").split())
