"""Public keys of this service, published for ever: the key in use, the next one, and those that were replaced.

A receipt verifies as long as its key is published. A next key is published before its first use, because verifiers
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
LOGS = "logs"
"""The use of the keys that sign the checkpoints of both logs."""
CACHE_SECONDS = 300
"""Time for which a verifier may cache the key set, its `max-age`."""
WAIT = timedelta(seconds=CACHE_SECONDS + 30)
"""Time from the publication of a key to its first use: the cache's time and the leeway of clocks."""


def receipt_key(key: SigningKey) -> dict[str, Any]:
    """Return the document of a receipts' key for the policy log."""
    return {"key": key.kid, "use": RECEIPTS, "jwk": key.jwk()}


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


async def ensure_published(key: SigningKey) -> None:
    """Publish the key that this process signs with, if it is not; in use at once."""
    if not await PublicKey.filter(key_id=key.kid).exists():
        at = await queries.now()
        await publish(key, at, at)


async def publish(key: SigningKey, at: datetime, active_from: datetime) -> None:
    """Store a receipts' key as published; a published key is left unchanged."""
    row = PublicKey(
        key_id=key.kid,
        key_use=RECEIPTS,
        document=canonical_json(receipt_key(key)).decode(),
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


async def rotation_left(own: SigningKey) -> str | None:
    """Return the first thing that a rotation of the receipts' key has left to do on this host; None without one."""
    rows = {row.key_id: row for row in await published(RECEIPTS)}
    mine = rows.get(own.kid)
    if mine is not None and mine.retired_at is not None:
        return "this host signs receipts with a key that was replaced"
    others = [row.key_id for row in rows.values() if row.retired_at is None and row.key_id != own.kid]
    return f"the key {others[-1]} is published, and does not sign on this host" if others else None
