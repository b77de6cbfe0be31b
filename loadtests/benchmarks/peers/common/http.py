"""Pieces of HTTP that the Python services share: entity tags, Idempotency-Key, the body of a redemption."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loadtests.benchmarks.peers.common.crypto import Keyring
from loadtests.benchmarks.peers.common.problems import Problem

IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
CACHE_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"}
REPLAYED = {"Idempotency-Replayed": "true"}


class HandleBody(BaseModel):
    """The body of `POST /v1/venue/redemptions`."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    handle: Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """The place of a stored answer: scope, the caller's index, and the SHA-256 of the request's body."""

    scope: str
    caller_index: str
    fingerprint: str


def answer_key(keyring: Keyring, client_id: str, key: str | None, path: str, body: bytes) -> AnswerKey:
    """Return the place of the answer to a venue's request.

    Raises Problem: idempotency_key_required or bad_header (400).
    """
    if not key:
        raise Problem(400, "idempotency_key_required")
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Problem(400, "bad_header")
    return AnswerKey(
        keyring.answer_index("venue", client_id, path, key),
        keyring.answer_index("caller", "venue", client_id),
        hashlib.sha256(body).hexdigest(),
    )


def entity_tag(content: bytes) -> str:
    """Return the ETag of an answer's bytes."""
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def tag_matches(if_none_match: str | None, tag: str) -> bool:
    """Return whether an If-None-Match header names this tag."""
    if not if_none_match:
        return False
    return if_none_match.strip() == "*" or tag in (
        entry.strip().removeprefix("W/") for entry in if_none_match.split(",")
    )
