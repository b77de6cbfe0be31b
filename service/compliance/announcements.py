"""Documents that the policy log announces apart from the catalogue: the barred uses and the public keys."""

from __future__ import annotations

import json
from typing import Any

from consent.domain import purposes
from consent.transparency.checkpoint import NoteKey
from consent.transparency.logs import Log
from service.compliance import public_keys
from service.compliance.public_keys import receipt_key
from service.http.context import AppContext


def barred_uses() -> list[dict[str, Any]]:
    """Return the barred uses as documents with texts in both languages."""
    return [
        {
            "barred_use": use.code,
            "title": {"zh-CN": use.title_zh, "en": use.title_en},
            "reason": {"zh-CN": use.reason_zh, "en": use.reason_en},
            "reference": use.reference,
        }
        for use in purposes.BARRED_USES
    ]


async def keys(app_context: AppContext) -> list[dict[str, Any]]:
    """Return the public keys of receipts, retired ones too, and of each log as documents."""
    own = receipt_key(app_context.settings.signing_key)
    published = [json.loads(row.document) for row in await public_keys.published(public_keys.RECEIPTS)]
    return [
        *published,
        *([own] if own not in published else []),
        *({"key": log_key(app_context, log).text(), "use": f"log {log}"} for log in Log),
    ]


def log_key(app_context: AppContext, log: Log) -> NoteKey:
    """Return the key that verifies a log's checkpoints."""
    return app_context.settings.publisher.signer_of(log).key
