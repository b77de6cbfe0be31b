"""Events of a person's chain: salted commitment, sealed text, and the leaf for the transparency log's outbox."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from loadtests.benchmarks.peers.common import crypto

COMMITMENT_PREFIX = b"credit-easy-leaf-v1\x00"
LEAF_PREFIX = b"\x00"
SALT_BYTES = 32
HOUR_MICROS = 3_600_000_000


class Chain(NamedTuple):
    """A person's chain of events before the next: how many there are and the last leaf's hash."""

    person_id: str
    events: int
    last_leaf: str


class Event(NamedTuple):
    """A new event: its row, and its leaf. `at` is cut to the hour, microseconds since 1970."""

    number: int
    leaf_hash: str
    kind: str
    at: int
    sealed: bytes
    leaf: str


def benefit_used(cipher: AESGCM, chain: Chain, benefit: tuple[str, str], applies: bool, at: int) -> Event:
    """Make the next event of a chain, which the access log shows: a benefit redeemed, or checked without success.

    `benefit` is provider id and benefit id; `at` is in microseconds. Nothing is written.
    """
    number, hour = chain.events + 1, at - at % HOUR_MICROS
    kind = "benefit.redeemed" if applies else "benefit.checked"
    outcome = "applies" if applies else "standard_terms"
    facts = {"organisation": benefit[0], "purpose": "benefit.check", "what": benefit[1], "outcome": outcome}
    event = {
        "v": 1,
        "kind": kind,
        "number": number,
        "previous": chain.last_leaf,
        "at": datetime.fromtimestamp(hour / 1_000_000, UTC).isoformat(),
        "facts": facts,
    }
    salt = os.urandom(SALT_BYTES)
    leaf = _leaf(kind, hashlib.sha256(COMMITMENT_PREFIX + salt + canonical(event)).digest())
    sealed = crypto.seal(
        cipher, ("event", "sealed", chain.person_id, str(number)), canonical({"event": event, "salt": salt.hex()})
    )
    return Event(number, leaf_hash(leaf), kind, hour, sealed, leaf)


def empty_leaf() -> str:
    """Make a leaf that stands for no event, so that the log grows alike for a known and an unknown handle."""
    return _leaf("nothing", os.urandom(SALT_BYTES))


def leaf_hash(leaf: str) -> str:
    """Return the RFC 6962 hash of a leaf, hex."""
    return hashlib.sha256(LEAF_PREFIX + leaf.encode()).hexdigest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return canonical JSON of text and small integers under ASCII names."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def _leaf(kind: str, committed: bytes) -> str:
    return canonical({"v": 1, "k": kind, "c": base64.b64encode(committed).decode()}).decode()
