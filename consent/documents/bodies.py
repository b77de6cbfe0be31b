"""Bodies of catalogue documents for those who publish, check or archive them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from consent.database import queries
from consent.documents.lifecycle import Body
from consent.domain.document_kinds import DocumentKind
from consent.models import StoredDocument


class BodyInForce(NamedTuple):
    """A body that came into force at `since` (microseconds)."""

    document_id: str
    since: int
    body: Body


async def by_hash(sha256: str, *, approved_only: bool = True) -> dict[str, Any] | None:
    """Return the body with this hash (64 hex digits), or None.

    With `approved_only` the body of a version that was never approved is not returned.
    """
    versions = StoredDocument.filter(sha256=sha256)
    if approved_only:
        versions = versions.filter(in_force_from__isnull=False)
    rows = await versions.limit(1).values("body")
    return json.loads(rows[0]["body"]) if rows else None


async def ever_approved(kind: DocumentKind, until: datetime | None = None) -> list[BodyInForce]:
    """Return every version of a kind that was ever approved, by document id, the latest first.

    With `until`, only versions that came into force by then; without it, scheduled ones as well.
    """
    versions = StoredDocument.filter(kind=kind, in_force_from__isnull=False)
    if until is not None:
        versions = versions.filter(in_force_from__lte=queries.to_micros(until))
    rows = await versions.order_by("document_id", "-in_force_from", "-version").values(
        "document_id", "in_force_from", "body"
    )
    return [BodyInForce(row["document_id"], row["in_force_from"], json.loads(row["body"])) for row in rows]


async def live_or_pending(kind: DocumentKind, without: str) -> dict[str, Body]:
    """Return, by id, the newest version of every other document of a kind that is submitted, in review or approved."""
    rows = await (
        StoredDocument.filter(kind=kind, document_id__not=without, state__in=["submitted", "in_review", "approved"])
        .order_by("document_id", "version")
        .values("document_id", "body")
    )
    return {row["document_id"]: json.loads(row["body"]) for row in rows}
