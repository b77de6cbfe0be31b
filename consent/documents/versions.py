"""Versions of catalogue documents to look at: lists, the state people speak of, differences, the whole catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from consent.database import queries
from consent.documents import lifecycle
from consent.documents.lifecycle import Body, Version
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import NotFound
from consent.kernel.faults import pointer_to

STATES = (
    "draft", "in_review", "submitted", "scheduled", "in_force", "superseded", "suspended", "retired", "discarded",
)  # fmt: skip
"""What a version can be said to be."""
VERSION_MAX = 2**31 - 1


async def latest_version(kind: DocumentKind, document_id: str) -> Version:
    """The newest version, whatever its state, or NotFound."""
    row = await queries.fetch_one(
        "SELECT max(version) AS version FROM document WHERE kind = $1 AND document_id = $2", kind, document_id
    )
    if row is None or row["version"] is None:
        raise NotFound("there is no such document")
    return await lifecycle.get(kind, document_id, row["version"])


async def latest_versions(kind: DocumentKind, after: str) -> list[Version]:
    """The newest version of every document of a kind with an id above `after`, by id."""
    found = await queries.fetch_all(
        "SELECT document_id, max(version) AS version FROM document WHERE kind = $1 AND document_id > $2"
        " GROUP BY document_id ORDER BY document_id",
        kind,
        after,
    )
    return [await lifecycle.get(kind, row["document_id"], row["version"]) for row in found]


async def state_of(version: Version, at: datetime) -> str:
    """One of STATES."""
    if version.state == "retired" and version.in_force_from is None:
        return "discarded" if await _last_act(version) == lifecycle.DISCARD else "retired"
    if version.state != "approved":
        return version.state
    assert version.in_force_from is not None
    if version.in_force_from > at:
        return "scheduled"
    now = await lifecycle.in_force(version.kind, version.document_id, at)
    if now is not None and now.version == version.version:
        return "in_force"
    begun = await queries.fetch_one(
        "SELECT 1 AS later FROM document WHERE kind = $1 AND document_id = $2 AND version > $3 AND in_force_from <= $4",
        version.kind,
        version.document_id,
        version.version,
        queries.to_micros(at),
    )
    return "superseded" if begun else "retired"


async def open_versions(kind: DocumentKind, at: datetime) -> dict[str, dict[int, str]]:
    """Every version of a kind that is submitted, in review, scheduled, in force or suspended: its state, by id."""
    found = await queries.fetch_all(
        "SELECT document_id, version, state, in_force_from FROM document WHERE kind = $1"
        " AND state IN ('submitted', 'in_review', 'approved', 'suspended') ORDER BY document_id, version",
        kind,
    )
    in_force = {one.document_id: one.version for one in await lifecycle.all_in_force(kind, at)}
    states: dict[str, dict[int, str]] = {}
    for row in found:
        state = row["state"]
        if state == "approved":
            if row["in_force_from"] > queries.to_micros(at):
                state = "scheduled"
            elif in_force.get(row["document_id"]) == row["version"]:
                state = "in_force"
            else:
                continue
        states.setdefault(row["document_id"], {})[row["version"]] = state
    return states


async def resume_requested(version: Version) -> bool:
    """Whether somebody asked to start a suspended version again, so that another person's word is what it needs."""
    if version.state != "suspended":
        return False
    asked = await queries.fetch_one(
        "SELECT act FROM document_step WHERE kind = $1 AND document_id = $2 AND version = $3"
        " AND act IN ('suspend', 'ask_to_resume') ORDER BY number DESC LIMIT 1",
        version.kind,
        version.document_id,
        version.version,
    )
    return asked is not None and asked["act"] == "ask_to_resume"


async def comparison_base(version: Version, at: datetime) -> Version | None:
    """What a version is to be read against: what people have now, however many drafts lie between.

    Of a version that is or was in force itself, what was in force before it. Where nothing ever was, the newest
    earlier version that says something else; None where there is none.
    """
    now = await lifecycle.in_force(version.kind, version.document_id, at)
    to_come = await state_of(version, at) in ("draft", "in_review", "submitted", "scheduled")
    if to_come and now is not None:
        return now
    until = at if version.in_force_from is None else version.in_force_from
    row = await queries.fetch_one(
        "SELECT version FROM document WHERE kind = $1 AND document_id = $2 AND version <> $3 AND in_force_from <= $4"
        " ORDER BY in_force_from DESC, version DESC LIMIT 1",
        version.kind,
        version.document_id,
        version.version,
        queries.to_micros(until),
    ) or await queries.fetch_one(
        "SELECT version FROM document WHERE kind = $1 AND document_id = $2 AND version < $3 AND sha256 <> $4"
        " ORDER BY version DESC LIMIT 1",
        version.kind,
        version.document_id,
        version.version,
        version.sha256,
    )
    return None if row is None else await lifecycle.get(version.kind, version.document_id, row["version"])


async def _last_act(version: Version) -> str:
    row = await queries.fetch_one(
        "SELECT act FROM document_step WHERE kind = $1 AND document_id = $2 AND version = $3"
        " ORDER BY number DESC LIMIT 1",
        version.kind,
        version.document_id,
        version.version,
    )
    return "" if row is None else str(row["act"])


def name_of(kind: DocumentKind, body: Body) -> dict[str, str]:
    """What people call a document, by language; empty for a draft that does not say."""
    found: Any = body.get("title" if kind in (DocumentKind.BENEFITS, DocumentKind.SCHEMES) else "name")
    if kind is DocumentKind.NOTICES and isinstance(texts := body.get("languages"), Mapping):
        found = {language: text.get("title") for language, text in texts.items() if isinstance(text, Mapping)}
    members = found.items() if isinstance(found, Mapping) else ()
    return {language: text for language, text in members if isinstance(text, str)}


async def last_name_of(kind: DocumentKind, document_id: str) -> dict[str, str] | None:
    """What a document was called when it was last in force; None where it never was."""
    found = await lifecycle.versions_between(kind, document_id, 0, VERSION_MAX)
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
    elif _of_objects(before) and _of_objects(after):
        for place in range(max(len(before), len(after))):
            if place >= len(before):
                yield {"pointer": pointer_to((*at, place)), "after": after[place]}
            elif place >= len(after):
                yield {"pointer": pointer_to((*at, place)), "before": before[place]}
            else:
                yield from differences(before[place], after[place], (*at, place))
    elif before != after:
        yield {"pointer": pointer_to(at), "before": before, "after": after}


def _of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


async def bodies_in_force(at: datetime) -> dict[str, list[Body]]:
    """Everything in force, by kind and id."""
    return {str(kind): [one.body for one in await lifecycle.all_in_force(kind, at)] for kind in DocumentKind}
