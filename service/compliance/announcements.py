"""Documents that the policy log announces apart from the catalogue: barred uses, public keys, epochs of the logs."""

from __future__ import annotations

import json
from typing import Any

from consent.domain import purposes
from consent.events import ledger
from consent.kernel.canonical_json import sha256_of
from consent.transparency import log_epochs, sequencer
from consent.transparency.checkpoint import NoteKey
from consent.transparency.log_epoch_start import FIRST_LOG_EPOCH
from consent.transparency.logs import Log
from service.compliance import log_keys, public_keys
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
    """Return the public keys of receipts, passes and the logs' epochs as documents, replaced ones too, each once."""
    publisher = app_context.settings.publisher
    documents = []
    for use, signing in app_context.settings.signing_keys().items():
        documents += [json.loads(row.document) for row in await public_keys.published(use)]
        documents.append(public_keys.signing_document(signing, use))
    for log in Log:
        published = [epoch_key.key for epoch_key in await log_keys.list_epoch_keys(publisher, log)]
        own = [publisher.signer_of(log, epoch.number).key for epoch in await log_epochs.epochs(log)]
        documents.extend({"key": key.text(), "use": f"log {log}"} for key in (*published, *own))
    return list({sha256_of(document): document for document in documents}.values())


def log_key(app_context: AppContext, log: Log, epoch: int = FIRST_LOG_EPOCH) -> NoteKey:
    """Return the key that verifies the checkpoints of a log's epoch."""
    return app_context.settings.publisher.signer_of(log, epoch).key


async def announced(app_context: AppContext) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and document of everything that the policy log announces apart from the catalogue."""
    return [
        *(("barred_use", barred_use) for barred_use in barred_uses()),
        *(("key", key) for key in await keys(app_context)),
        *[("log_epoch", start.document()) for log in Log for start in await log_epochs.starts(log)],
    ]


async def document_by_hash(app_context: AppContext) -> dict[str, dict[str, Any]]:
    """Return the announced documents by the SHA-256 of their canonical JSON."""
    return {sha256_of(document): document for _, document in await announced(app_context)}


async def enqueue_new(app_context: AppContext) -> None:
    """Enqueue a leaf of the policy log for each announced document that has none, in the caller's transaction.

    Locks the policy log's head, so that of several processes one enqueues.
    """
    await sequencer.lock(Log.POLICY)
    at = await app_context.clock()
    for kind, document in await announced(app_context):
        sha256 = sha256_of(document)
        if not await ledger.is_in_policy_log(f"{kind}:{sha256}"):
            await ledger.enqueue_policy_leaf(kind, f"{kind}:{sha256}", 1, sha256, at)
