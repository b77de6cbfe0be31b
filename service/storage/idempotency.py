"""Answers stored for retries with an Idempotency-Key.

A stored answer is written in the transaction of its effect: either both are there after a crash, or neither. During a
rotation of the index key it is stored under both keys, so that a retry is answered by any host. SQL text: the claim's
row count decides (INSERT … ON CONFLICT), and claim and answer are on the path of most writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.crypto import vault
from consent.crypto.vault import CellAddress, Keyring
from consent.database import queries
from consent.database.selection import Selection
from consent.database.write_plan import Insert, Write
from consent.kernel.instants import HOUR_MICROS
from service.models import StoredAnswer

ANSWER_RETENTION = timedelta(hours=48)
"""As docs/api.md promises: two days, for clients that were offline or have a wrong clock."""
ANSWER = Insert(
    "stored_answer",
    ("scope", "caller_index", "fingerprint", "status", "sealed_body", "created_at"),
    existing="conflict",
)
LOOKUP = Selection(
    ("a.fingerprint AS fingerprint", "a.status AS status", "a.sealed_body AS sealed_body"),
    "stored_answer a",
    "a.scope = {key}",
)


class OtherAnswerKey(NamedTuple):
    """The key and caller of a stored answer under another version of the index key than the current one."""

    version: int
    answer_key: str
    caller: str


class IdempotencyKey(NamedTuple):
    """The identity of a stored answer: its primary key, and the keyed hash of the caller.

    `answer_key` is the column `scope`. `fingerprint` is the SHA-256 of the request's body, with which a repetition is
    compared.
    """

    answer_key: str
    caller: str
    fingerprint: str
    others: tuple[OtherAnswerKey, ...] = ()
    """The same key under the keyring's other index key; empty outside of a rotation."""


@dataclass(frozen=True, slots=True)
class OpenedAnswer:
    """A stored answer, opened: the fingerprint of the request's body, the status and the body of the answer."""

    fingerprint: str
    status: int
    body: bytes


def key_of(keyring: Keyring, caller: tuple[str, str], route: str, key: str, fingerprint: str) -> IdempotencyKey:
    """Return the key that stores an answer to a caller (audience and name), for a route and the caller's own key."""
    others = tuple(
        OtherAnswerKey(version, _answer_key_of(under, caller, route, key), caller_index(under, *caller))
        for version in keyring.other_index_keys
        for under in (keyring.under(version),)
    )
    return IdempotencyKey(
        _answer_key_of(keyring, caller, route, key), caller_index(keyring, *caller), fingerprint, others
    )


def _answer_key_of(keyring: Keyring, caller: tuple[str, str], route: str, key: str) -> str:
    """Return the primary key of an answer: an HMAC over audience, caller, route and key, which names none of them."""
    message = "\x1f".join((*caller, route, key)).encode()
    return vault.mac(_secret(keyring), message).hex()


def caller_index(keyring: Keyring, audience: str, caller: str) -> str:
    """Return the keyed hash of a caller, by which an erasure deletes all their stored answers."""
    return _caller_index(_secret(keyring), audience, caller)


@lru_cache(maxsize=10_000)
def _caller_index(secret: bytes, audience: str, caller: str) -> str:
    return vault.mac(secret, "\x1f".join(("caller", audience, caller)).encode()).hex()


async def claim(keyring: Keyring, key: IdempotencyKey, at: datetime) -> OpenedAnswer | None:
    """Take the key for the running transaction, or return the answer that is stored under it.

    A second request with the same key waits here until the first has committed or rolled back.
    """
    claimed: list[str] = []
    for (under, answer_key, _), with_no_body in zip(
        _each(keyring, key), answer_writes(keyring, key, 0, b"", at), strict=True
    ):
        if not await queries.execute(ANSWER.sql(1), *with_no_body.values):
            for other in claimed:
                await StoredAnswer.filter(scope=other).delete()
            return await _find(under, answer_key)
        claimed.append(answer_key)
    return None


async def find_elsewhere(keyring: Keyring, key: IdempotencyKey) -> OpenedAnswer | None:
    """Return the answer that is stored under another index key alone: by a host before the rotation reached it.

    No query outside of a rotation.
    """
    for version, answer_key, _ in key.others:
        if (stored := await _find(keyring.under(version), answer_key)) is not None:
            return stored
    return None


async def _find(keyring: Keyring, answer_key: str) -> OpenedAnswer | None:
    row = await queries.fetch_one(LOOKUP.query(key="$1"), answer_key)
    return (
        None
        if row is None
        else open_answer(keyring, answer_key, (row["fingerprint"], row["status"], row["sealed_body"]))
    )


async def store_answer(keyring: Keyring, key: IdempotencyKey, status: int, body: bytes) -> None:
    """Store the answer under the key that was claimed in this transaction."""
    for under, answer_key, _ in _each(keyring, key):
        await queries.execute(
            "UPDATE stored_answer SET status = $2, sealed_body = $3 WHERE scope = $1",
            answer_key,
            status,
            vault.seal(_cipher(under), _cell_of(answer_key), body),
        )


def answer_writes(keyring: Keyring, key: IdempotencyKey, status: int, body: bytes, at: datetime) -> list[Write]:
    """Return the writes of a whole answer, for a plan that has its effect; an answer stored meanwhile is a conflict.

    One write, during a rotation of the index key two, in the order in which every process claims them.
    """
    return [
        Write(
            ANSWER,
            (
                answer_key,
                caller,
                key.fingerprint,
                status,
                vault.seal(_cipher(under), _cell_of(answer_key), body),
                _hour(at),
            ),
        )
        for under, answer_key, caller in _each(keyring, key)
    ]


def _each(keyring: Keyring, key: IdempotencyKey) -> list[tuple[Keyring, str, str]]:
    """Return keyring, answer key and caller's index under each index key, oldest first."""
    if not key.others:
        return [(keyring, key.answer_key, key.caller)]
    by_version = {keyring.index_version: (keyring, key.answer_key, key.caller)}
    for version, answer_key, caller in key.others:
        by_version[version] = (keyring.under(version), answer_key, caller)
    return [by_version[version] for version in sorted(by_version)]


def open_answer(keyring: Keyring, answer_key: str, row: tuple[str, int, bytes]) -> OpenedAnswer:
    """Return the stored answer of a row of LOOKUP."""
    fingerprint, status, sealed = row
    return OpenedAnswer(fingerprint, status, vault.open_sealed(_cipher(keyring), _cell_of(answer_key), bytes(sealed)))


async def forget_caller(keyring: Keyring, audience: str, caller: str) -> None:
    """Delete every stored answer of a caller, under every index key; for an erasure."""
    for under in keyring.each():
        caller_hash = caller_index(under, audience, caller)
        await StoredAnswer.filter(caller_index=caller_hash).delete()


async def delete_old(at: datetime) -> int:
    """Delete answers older than ANSWER_RETENTION; return their number."""
    return await StoredAnswer.filter(created_at__lt=queries.to_micros(at - ANSWER_RETENTION)).delete()


def _secret(keyring: Keyring) -> bytes:
    return vault.service_key(keyring, "stored-answer")


def _cipher(keyring: Keyring) -> AESGCM:
    return vault.service_cipher(keyring, "stored-answer")


def _hour(at: datetime) -> int:
    """The hour of an instant: an exact time would link a venue's answer to an event in somebody's chain."""
    micros = queries.to_micros(at)
    return micros - micros % HOUR_MICROS


def _cell_of(answer_key: str) -> CellAddress:
    return CellAddress("stored_answer", "sealed_body", "", answer_key)
