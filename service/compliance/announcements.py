"""Documents that the policy log announces apart from the catalogue: the barred uses and the public keys."""

from __future__ import annotations

from typing import Any

from consent.domain import purposes
from consent.transparency.checkpoint import NoteKey
from consent.transparency.logs import Log
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


def keys(app_context: AppContext) -> list[dict[str, Any]]:
    """Return the public keys of receipts and of each log as documents."""
    (receipts,) = app_context.settings.signing_key.public_keys()
    return [
        {"key": receipts["kid"], "use": "receipts", "jwk": receipts},
        *({"key": log_key(app_context, log).text(), "use": f"log {log}"} for log in Log),
    ]


def log_key(app_context: AppContext, log: Log) -> NoteKey:
    """Return the key that verifies a log's checkpoints."""
    return app_context.settings.publisher.signer_of(log).key
