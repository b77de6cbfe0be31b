"""Answers stored for retries with an Idempotency-Key.

A stored answer is written in the transaction of its effect: either both are there after a crash, or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.crypto import vault
from consent.crypto.vault import Keyring, Place
from consent.database import queries

RESPONSE_RETENTION = timedelta(hours=48)
"""The contract promises 24; a day more for clients whose clock or network had a bad night."""


HOUR_MICROS = 3_600_000_000


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A stored answer: the fingerprint of the request's body, the status and the body of the answer."""

    fingerprint: str
    status: int
    body: bytes


def scope_of(keyring: Keyring, door: str, caller: str, route: str, key: str) -> str:
    """Where an answer is kept: one string for caller, route and key, naming none of them."""
    message = "\x1f".join((door, caller, route, key)).encode()
    return vault.mac(_secret(keyring), message).hex()


def caller_index(keyring: Keyring, door: str, caller: str) -> str:
    """A keyed hash of a caller, by which all their stored answers can be dropped."""
    return _caller_index(_secret(keyring), door, caller)


@lru_cache(maxsize=10_000)
def _caller_index(secret: bytes, door: str, caller: str) -> str:
    return vault.mac(secret, "\x1f".join(("caller", door, caller)).encode()).hex()


async def claim(keyring: Keyring, scope: str, caller: str, fingerprint: str, at: datetime) -> StoredResponse | None:
    """Take the scope for this transaction, or give the answer that is already there.

    A second request with the same key waits here until the first has committed or rolled back.
    """
    placeholder = vault.seal(_cipher(keyring), _place(scope), b"")
    claimed = await queries.execute(
        "INSERT INTO stored_answer (scope, caller_index, fingerprint, status, sealed_body, created_at)"
        " VALUES ($1, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING",
        scope,
        caller,
        fingerprint,
        placeholder,
        _hour(at),
    )
    if claimed:
        return None
    row = await queries.fetch_one("SELECT fingerprint, status, sealed_body FROM stored_answer WHERE scope = $1", scope)
    assert row is not None
    body = vault.open_sealed(_cipher(keyring), _place(scope), bytes(row["sealed_body"]))
    return StoredResponse(row["fingerprint"], row["status"], body)


async def store_response(keyring: Keyring, scope: str, status: int, body: bytes) -> None:
    """Store the answer under the scope that was claimed in this transaction."""
    await queries.execute(
        "UPDATE stored_answer SET status = $2, sealed_body = $3 WHERE scope = $1",
        scope,
        status,
        vault.seal(_cipher(keyring), _place(scope), body),
    )


ANSWERED = "EXISTS (SELECT 1 FROM stored_answer WHERE scope = $3)"
"""Whether an answer is there already, for a look whose third parameter is the scope."""


@lru_cache(maxsize=8)
def keep_at_once(first: int) -> str:
    """The insert of a whole answer as a part of a larger statement, its six values from `$first` on."""
    marks = ", ".join(f"${first + place}" for place in range(6))
    return (
        "INSERT INTO stored_answer (scope, caller_index, fingerprint, status, sealed_body, created_at)"
        f" VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING 1"
    )


def kept_values(
    keyring: Keyring, scope: str, caller: str, fingerprint: str, at: datetime, status: int, body: bytes
) -> tuple[object, ...]:
    """The values of `keep_at_once`."""
    return scope, caller, fingerprint, status, vault.seal(_cipher(keyring), _place(scope), body), _hour(at)


async def forget_caller(caller: str) -> None:
    """Drop every stored answer of a caller (`caller_index`); for an erasure."""
    await queries.execute("DELETE FROM stored_answer WHERE caller_index = $1", caller)


async def drop_old(at: datetime) -> int:
    """Drop answers nobody retries any more; how many."""
    return await queries.execute(
        "DELETE FROM stored_answer WHERE created_at < $1", queries.to_micros(at - RESPONSE_RETENTION)
    )


def _secret(keyring: Keyring) -> bytes:
    return vault.service_key(keyring, "stored-answer")


def _cipher(keyring: Keyring) -> AESGCM:
    return vault.service_cipher(keyring, "stored-answer")


def _hour(at: datetime) -> int:
    """By the hour: to the microsecond it would lead from a venue's answer to the event of somebody's chain."""
    micros = queries.to_micros(at)
    return micros - micros % HOUR_MICROS


def _place(scope: str) -> Place:
    return Place("stored_answer", "sealed_body", "", scope)
