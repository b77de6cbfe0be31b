"""Versions of catalogue documents to look at: lists, the state people speak of, differences, the whole catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from consent import database, documents
from consent.documents import Body, Version
from consent.errors import NotFound
from consent.faults import pointer_to
from consent.kinds import Kind

STATES = (
    "draft", "in_review", "submitted", "scheduled", "in_force", "superseded", "suspended", "retired",
)  # fmt: skip
"""What a version can be said to be."""
VERSION_MAX = 2**31 - 1


async def latest(kind: Kind, document_id: str) -> Version:
    """The newest version, whatever its state, or NotFound."""
    row = await database.row(
        "SELECT max(version) AS version FROM document WHERE kind = $1 AND document_id = $2", kind, document_id
    )
    if row is None or row["version"] is None:
        raise NotFound("there is no such document")
    return await documents.get(kind, document_id, row["version"])


async def newest(kind: Kind, after: str) -> list[Version]:
    """The newest version of every document of a kind with an id above `after`, by id."""
    found = await database.rows(
        "SELECT document_id, max(version) AS version FROM document WHERE kind = $1 AND document_id > $2"
        " GROUP BY document_id ORDER BY document_id",
        kind,
        after,
    )
    return [await documents.get(kind, row["document_id"], row["version"]) for row in found]


async def state_of(version: Version, at: datetime) -> str:
    """One of STATES."""
    if version.state != "approved":
        return version.state
    assert version.in_force_from is not None
    if version.in_force_from > at:
        return "scheduled"
    now = await documents.in_force(version.kind, version.document_id, at)
    if now is not None and now.version == version.version:
        return "in_force"
    begun = await database.row(
        "SELECT 1 AS later FROM document WHERE kind = $1 AND document_id = $2 AND version > $3 AND in_force_from <= $4",
        version.kind,
        version.document_id,
        version.version,
        database.to_micros(at),
    )
    return "superseded" if begun else "retired"


def name_of(kind: Kind, body: Body) -> dict[str, str]:
    """What people call a document, by language; empty for a draft that does not say."""
    found: Any = body.get("title" if kind in (Kind.BENEFITS, Kind.SCHEMES) else "name")
    if kind is Kind.NOTICES and isinstance(texts := body.get("languages"), Mapping):
        found = {language: text.get("title") for language, text in texts.items() if isinstance(text, Mapping)}
    members = found.items() if isinstance(found, Mapping) else ()
    return {language: text for language, text in members if isinstance(text, str)}


async def last_name_of(kind: Kind, document_id: str) -> dict[str, str] | None:
    """What a document was called when it was last in force; None where it never was."""
    found = await documents.versions_between(kind, document_id, 0, VERSION_MAX)
    return name_of(kind, found[-1].body) if found else None


def differences(before: Any, after: Any, at: tuple[str | int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Where two JSON values differ, as `{"pointer","before"?,"after"?}`; a member that is not there is left out."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            here = (*at, str(name))
            if name not in before:
                yield {"pointer": pointer_to(here), "after": after[name]}
            elif name not in after:
                yield {"pointer": pointer_to(here), "before": before[name]}
            else:
                yield from differences(before[name], after[name], here)
    elif before != after:
        yield {"pointer": pointer_to(at), "before": before, "after": after}


async def catalogue(at: datetime) -> dict[str, list[Body]]:
    """Everything in force, by kind and id."""
    return {str(kind): [one.body for one in await documents.all_in_force(kind, at)] for kind in Kind}
