"""Bodies of catalogue documents for those who publish, check or archive them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from tortoise.expressions import Q

from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import Body, DocumentKind
from consent.models import DocumentStep, StoredDocument


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


async def ever_known(kind: DocumentKind) -> list[tuple[str, Body]]:
    """Return (id, body) of every version of a kind that was ever approved or waits for a decision."""
    rows = await (
        StoredDocument.filter(Q(in_force_from__isnull=False) | Q(state__in=["submitted", "in_review"]), kind=kind)
        .order_by("document_id", "version")
        .values("document_id", "body")
    )
    return [(row["document_id"], json.loads(row["body"])) for row in rows]


async def open_bodies(kind: DocumentKind, at: datetime) -> list[tuple[str, Body]]:
    """Return (id, body) of every version of a kind that is submitted, in review, scheduled or in force at `at`."""
    rows = await (
        StoredDocument.filter(kind=kind, state__in=["submitted", "in_review", "approved"])
        .order_by("document_id", "version")
        .values("document_id", "version", "state", "in_force_from", "body")
    )
    in_force = {(version.document_id, version.version) for version in await lifecycle.all_in_force(kind, at)}
    return [
        (row["document_id"], json.loads(row["body"]))
        for row in rows
        if row["state"] != "approved"
        or row["in_force_from"] > queries.to_micros(at)
        or (row["document_id"], row["version"]) in in_force
    ]


async def in_force_after(kind: DocumentKind, since: datetime, at: datetime) -> list[tuple[str, Body]]:
    """Return (id, body) of every version of a kind in force or suspended at some time from `since` to `at`."""
    rows = await (
        StoredDocument.filter(kind=kind, in_force_from__lte=queries.to_micros(at))
        .order_by("document_id", "-in_force_from", "-version")
        .values("document_id", "version", "in_force_from", "state", "ended_at", "body")
    )
    steps = await DocumentStep.filter(kind=kind, act="retire").values("document_id", "version", "at")
    retired = {(step["document_id"], step["version"]): step["at"] for step in steps}
    superseded: dict[str, int] = {}
    versions = []
    for row in rows:
        document_id = row["document_id"]
        ends = [row["ended_at"], superseded.get(document_id)]
        if row["state"] == "retired":
            ends.append(retired.get((document_id, row["version"])))
        superseded[document_id] = row["in_force_from"]
        if all(end is None or end > queries.to_micros(since) for end in ends):
            versions.append((document_id, json.loads(row["body"])))
    return versions


async def begun_or_scheduled(kind: DocumentKind, document_id: str, at: datetime) -> list[Body]:
    """Return the body of a document's version that began last, in any state, and of each scheduled one."""
    rows = await (
        StoredDocument.filter(kind=kind, document_id=document_id, in_force_from__isnull=False)
        .order_by("-in_force_from", "-version")
        .values("in_force_from", "state", "body")
    )
    moment = queries.to_micros(at)
    scheduled = [row for row in rows if row["in_force_from"] > moment and row["state"] in ("approved", "suspended")]
    begun = [row for row in rows if row["in_force_from"] <= moment][:1]
    return [json.loads(row["body"]) for row in (*begun, *scheduled)]
