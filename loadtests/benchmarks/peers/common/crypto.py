"""Blind indexes (HMAC-SHA-256) and sealed values (AES-256-GCM bound to their place), in the project's formats."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = b"\x01"
NONCE_BYTES = 12
STORED_ANSWER = "stored-answer"


class Keyring:
    """The service's secrets, with every derived key and long-lived cipher prepared once."""

    def __init__(self, encryption_keys: Mapping[int, bytes], index_key: bytes) -> None:
        self._wrapping = {version: AESGCM(key) for version, key in encryption_keys.items()}
        self._index_keys = {
            use: hmac.digest(index_key, f"credit-easy-index-v1|{use}".encode(), "sha256")
            for use in ("subject", "handle", "quota")
        }
        self._answer_key = hmac.digest(index_key, f"credit-easy-{STORED_ANSWER}-v1".encode(), "sha256")
        self._answer_cipher = AESGCM(self._answer_key)

    def blind_index(self, use: str, *parts: str) -> str:
        """Return 32 hex digits for `parts`; `use` is `subject`, `handle` or `quota`."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.digest(self._index_keys[use], message, "sha256").hex()[:32]

    def answer_index(self, *parts: str) -> str:
        """Return 64 hex digits under the key of stored answers: a scope, or the index of a caller."""
        return hmac.digest(self._answer_key, "\x1f".join(parts).encode(), "sha256").hex()

    def person_cipher(self, person_id: str, wrapped: bytes) -> AESGCM:
        """Unwrap a person's data key. Raises InvalidTag or KeyError for a key of another keyring."""
        header, nonce, body = wrapped[:3], wrapped[3 : 3 + NONCE_BYTES], wrapped[3 + NONCE_BYTES :]
        wrapping = self._wrapping[int.from_bytes(header[1:3], "big")]
        return AESGCM(wrapping.decrypt(nonce, body, header + person_id.encode()))

    def seal_answer(self, scope: str, body: bytes) -> bytes:
        """Seal the body of a stored answer."""
        return seal(self._answer_cipher, ("stored_answer", "sealed_body", "", scope), body)

    def open_answer(self, scope: str, sealed: bytes) -> bytes:
        """Open the body of a stored answer. Raises InvalidTag when it was changed or moved."""
        return open_sealed(self._answer_cipher, ("stored_answer", "sealed_body", "", scope), sealed)


def seal(cipher: AESGCM, place: tuple[str, str, str, str], plain: bytes) -> bytes:
    """Seal bytes at a place (table, column, person id, row id): format, nonce, ciphertext with tag."""
    nonce = os.urandom(NONCE_BYTES)
    return FORMAT + nonce + cipher.encrypt(nonce, plain, _bound(place))


def open_sealed(cipher: AESGCM, place: tuple[str, str, str, str], sealed: bytes) -> bytes:
    """Open bytes sealed at that place. Raises InvalidTag for any other."""
    return cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], _bound(place))


def _bound(place: tuple[str, str, str, str]) -> bytes:
    return FORMAT + "|".join((*place, "1")).encode()
