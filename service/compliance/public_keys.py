"""Public keys of this service: the key in use, the next one, and those that were replaced.

A receipt verifies as long as its key is published: those keys and the logs' stay for ever. A pass lives for a day, so
that its key is removed two days after its replacement. A next key is published before its first use, because verifiers
cache the key set for some minutes.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from consent.database import queries
from consent.kernel.canonical_json import canonical_json
from consent.transparency.checkpoint import NoteSigner
from service.auth.key_files import SigningKey
from service.http import json_io
from service.models import PublicKey

MIGRATION = "service/0004_public_keys.sql"
RECEIPTS = "receipts"
"""The use of the keys that sign receipts."""
PASSES = "passes"
"""The use of the keys that sign offline passes and their status lists."""
LOGS = "logs"
"""The use of the keys that sign the checkpoints of both logs."""
CACHE_SECONDS = 300
"""Time for which a verifier may cache the key set, its `max-age`."""
WAIT = timedelta(seconds=CACHE_SECONDS + 30)
"""Time from the publication of a key to its first use: the cache's time and the leeway of clocks."""


SIGNS_ON = timedelta(hours=24)
"""Time after its replacement in which a process that was not restarted still signs passes with a key."""
PASS_KEY_STAYS = SIGNS_ON + timedelta(hours=25)
"""Time from a pass key's replacement to its removal: the last pass it has signed has expired, and an hour more."""

UPLOADS_END = PASS_KEY_STAYS + timedelta(days=4)
"""Time from a pass key's replacement to the last upload of a use of its passes."""


def signing_document(key: SigningKey, use: str) -> dict[str, Any]:
    """Return the document of a key of receipts or passes for the policy log."""
    return {"key": key.kid, "use": use, "jwk": key.jwk()}


async def published(use: str) -> Sequence[PublicKey]:
    """Return the published keys of a use, oldest first."""
    return await PublicKey.filter(key_use=use).order_by("published_at", "key_id")


async def key_set(own: SigningKey) -> dict[str, Any]:
    """Return the JWKS of receipts with this process's own key.

    Each key also has `status` (`next`, `current`, `retired`), `active_from` and `retired_at`.
    """
    at = queries.to_micros(await queries.now())
    keys = {row.key_id: _jwk(row, at) for row in await published(RECEIPTS)}
    return {"keys": [*keys.values(), *([] if own.kid in keys else [{**own.jwk(), "status": "current"}])]}


async def issuer_keys(own: SigningKey, at: datetime) -> list[dict[str, str]]:
    """Return the JWKs that verify passes at `at`: with this process's own key, without those that were removed."""
    removed = queries.to_micros(at - PASS_KEY_STAYS)
    rows = [row for row in await published(PASSES) if row.retired_at is None or row.retired_at > removed]
    keys = {row.key_id: dict(json.loads(row.document)["jwk"]) for row in rows}
    if not await PublicKey.filter(key_id=own.kid).exists():
        keys[own.kid] = own.jwk()
    return list(keys.values())


async def recent_pass_keys(at: datetime) -> list[dict[str, str]]:
    """Return the JWKs of keys that signed passes until UPLOADS_END before `at`, those removed since too."""
    ended = queries.to_micros(at - UPLOADS_END)
    rows = [row for row in await published(PASSES) if row.retired_at is None or row.retired_at > ended]
    return [dict(json.loads(row.document)["jwk"]) for row in rows]


async def may_sign_passes(own: SigningKey, at: datetime) -> bool:
    """Report whether a process with this key may sign passes at `at`: not long after the key was replaced."""
    until = queries.to_micros(at - SIGNS_ON)
    return not await PublicKey.filter(key_id=own.kid, retired_at__lte=until).exists()


def _jwk(row: PublicKey, at: int) -> dict[str, Any]:
    status = "retired" if row.retired_at is not None else "next" if row.active_from > at else "current"
    moments = {"active_from": row.active_from, "retired_at": row.retired_at}
    return {
        **json.loads(row.document)["jwk"],
        "status": status,
        **{name: _second(micros) for name, micros in moments.items() if micros is not None},
    }


def _second(micros: int) -> str:
    return json_io.rfc3339(queries.from_micros(micros).replace(microsecond=0))


async def ensure_published(key: SigningKey, use: str = RECEIPTS) -> None:
    """Publish the key that this process signs with, if it is not; in use at once."""
    if not await PublicKey.filter(key_id=key.kid).exists():
        at = await queries.now()
        await publish(key, at, at, use)


async def publish(key: SigningKey, at: datetime, active_from: datetime, use: str = RECEIPTS) -> None:
    """Store a key of receipts or passes as published; a published key is left unchanged."""
    row = PublicKey(
        key_id=key.kid,
        key_use=use,
        document=canonical_json(signing_document(key, use)).decode(),
        published_at=queries.to_micros(at),
        active_from=queries.to_micros(active_from),
    )
    # Several processes start at once; each publishes the same key.
    await PublicKey.bulk_create([row], ignore_conflicts=True)


def log_key_id(public: bytes) -> str:
    """Return the id of a log's public key (Ed25519, 32 bytes): itself in base64."""
    return base64.b64encode(public).decode()


def public_of_log_key(key_id: str) -> bytes:
    """Return the public key (Ed25519, 32 bytes) of an id that `log_key_id` returned."""
    return base64.b64decode(key_id)


async def publish_log_key(public: bytes, at: datetime, active_from: datetime) -> None:
    """Store a log's public key as published; a published key is left unchanged."""
    row = PublicKey(
        key_id=log_key_id(public),
        key_use=LOGS,
        document=canonical_json({"public_key": log_key_id(public)}).decode(),
        published_at=queries.to_micros(at),
        active_from=queries.to_micros(active_from),
    )
    await PublicKey.bulk_create([row], ignore_conflicts=True)


async def ensure_log_keys(signer: NoteSigner) -> None:
    """Publish the keys that this process opens checkpoints by, if they are not; the replaced ones as such.

    A database that was restored from an older copy lacks those of a later rotation.
    """
    at = await queries.now()
    for key in signer.keys:
        await publish_log_key(key.public, at, at)
    for public in signer.retired:
        await retire(log_key_id(public), at)


async def is_retired(key_id: str) -> bool:
    """Report whether a published key was replaced."""
    return await PublicKey.filter(key_id=key_id, retired_at__isnull=False).exists()


async def retire(key_id: str, at: datetime) -> bool:
    """Store that a key is replaced; return False for a key that is not published. The first time stays."""
    await PublicKey.filter(key_id=key_id, retired_at=None).update(retired_at=queries.to_micros(at))
    return await PublicKey.filter(key_id=key_id).exists()


async def remove(key_id: str, at: datetime) -> bool:
    """Remove a pass key at once, as PASS_KEY_STAYS after its replacement; return False for any other key.

    For a private key that somebody else may have. Verifiers that follow the issuer's keys refuse it within WAIT.
    """
    long_ago = queries.to_micros(at - PASS_KEY_STAYS)
    return bool(await PublicKey.filter(key_id=key_id, key_use=PASSES).update(retired_at=long_ago))


async def rotation_left(own: SigningKey, use: str = RECEIPTS) -> str | None:
    """Return the first thing that a rotation of a signing key has left to do on this host; None without one."""
    rows = {row.key_id: row for row in await published(use)}
    mine = rows.get(own.kid)
    if mine is not None and mine.retired_at is not None:
        return f"this host signs {use} with a key that was replaced"
    others = [row.key_id for row in rows.values() if row.retired_at is None and row.key_id != own.kid]
    return f"the key {others[-1]} is published, and does not sign on this host" if others else None
