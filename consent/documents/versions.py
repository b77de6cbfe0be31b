"""Versions of catalogue documents: lists, the states people speak of, names, differences, the next change.

SQL text remains for `latest_versions`, which compares rows of one table with each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent.database import queries
from consent.documents import lifecycle
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import Body, DocumentKind
from consent.kernel.bilingual import LANGUAGES
from consent.kernel.errors import NotFound
from consent.kernel.faults import pointer_to
from consent.models import DocumentStep, StoredDocument

STATES = (
    "draft", "in_review", "submitted", "scheduled", "in_force", "superseded", "suspended", "retired", "discarded",
)  # fmt: skip
"""The states of a version in the API: the stored one, with `approved` and `retired` told apart by time and history."""

VersionReference = tuple[DocumentKind, str, int]
"""Kind, id and number of a version."""


async def latest_version(kind: DocumentKind, document_id: str) -> Version:
    """Return the newest version in any state, or raise NotFound."""
    row = await StoredDocument.filter(kind=kind, document_id=document_id).order_by("-version").first()
    if row is None:
        raise NotFound("there is no such document")
    return lifecycle.from_row(row)


async def older_versions(kind: DocumentKind, document_id: str, before: int | None, limit: int) -> list[Version]:
    """Return up to `limit` versions of a document numbered below `before` (any, if None), newest first.

    Raises:
        NotFound: there is no document of this id.
    """
    numbered = {} if before is None else {"version__lt": before}
    rows = await StoredDocument.filter(kind=kind, document_id=document_id, **numbered).order_by("-version").limit(limit)
    if not rows:
        await latest_version(kind, document_id)
    return [lifecycle.from_row(row) for row in rows]


async def versions_between(kind: DocumentKind, document_id: str, after: int, to: int) -> list[Version]:
    """Return the versions numbered above `after` up to `to` that were ever approved, oldest first."""
    rows = await StoredDocument.filter(
        kind=kind, document_id=document_id, version__gt=after, version__lte=to, in_force_from__isnull=False
    ).order_by("version")
    return [lifecycle.from_row(row) for row in rows]


async def by_reference(references: Collection[VersionReference]) -> dict[VersionReference, Version]:
    """Return versions of several documents by kind, id and number, with one query; a missing one is left out."""
    if not references:
        return {}
    ids, numbers = {reference[1] for reference in references}, {reference[2] for reference in references}
    # A superset, chosen from below: an OR over many references is too deep for SQLite's parser.
    rows = await StoredDocument.filter(document_id__in=sorted(ids), version__in=sorted(numbers))
    stored = {(row.kind, row.document_id, row.version): row for row in rows}
    return {reference: lifecycle.from_row(stored[reference]) for reference in references if reference in stored}


async def latest_versions(kind: DocumentKind, after: str) -> list[Version]:
    """Return the newest version of every document of a kind with an id above `after`, by id."""
    rows = await queries.fetch_all(
        "SELECT d.* FROM document d JOIN (SELECT document_id, max(version) AS version FROM document WHERE kind = $1"
        " AND document_id > $2 GROUP BY document_id) l ON l.document_id = d.document_id AND l.version = d.version"
        " WHERE d.kind = $1 ORDER BY d.document_id",
        kind,
        after,
    )
    return [lifecycle.from_row(StoredDocument(**row)) for row in rows]


async def state_of(version: Version, at: datetime) -> str:
    """Return the state of a version at `at`, one of STATES."""
    (state,) = await states_of([version], at)
    return state


async def states_of(listed: Sequence[Version], at: datetime) -> list[str]:
    """Return the states of versions of one kind at `at`, in order, with two queries for all of them."""
    if not listed:
        return []
    kind = listed[0].kind
    document_ids = {version.document_id for version in listed}
    narrow = {"document_id": document_ids.pop()} if len(document_ids) == 1 else {}
    discarded = {
        (row["document_id"], row["version"])
        for row in await DocumentStep.filter(kind=kind, act=lifecycle.DISCARD, **narrow).values(
            "document_id", "version"
        )
    }
    begun = (
        await StoredDocument.filter(kind=kind, in_force_from__lte=queries.to_micros(at), **narrow)
        .order_by("document_id", "in_force_from", "version")
        .values("document_id", "version", "state", "ended_at")
    )
    latest = {row["document_id"]: row for row in begun}
    newest: dict[str, int] = {}
    for row in begun:
        newest[row["document_id"]] = max(row["version"], newest.get(row["document_id"], 0))

    def state(version: Version) -> str:
        document_id, begins = version.document_id, version.in_force_from
        if version.state == "retired" and begins is None:
            return "discarded" if (document_id, version.version) in discarded else "retired"
        if version.state != "approved":
            return version.state
        assert begins is not None
        if begins > at:
            return "scheduled"
        row = latest[document_id]
        if row["version"] == version.version and lifecycle.is_binding(row["state"], row["ended_at"], at):
            return "in_force"
        return "superseded" if newest[document_id] > version.version else "retired"

    return [state(version) for version in listed]


async def open_versions(kind: DocumentKind, at: datetime) -> dict[str, dict[int, str]]:
    """Return the states of all versions of a kind that are submitted, in review, scheduled, in force or suspended.

    By document id and version number.
    """
    rows = (
        await StoredDocument.filter(kind=kind, state__in=["submitted", "in_review", "approved", "suspended"])
        .order_by("document_id", "version")
        .values("document_id", "version", "state", "in_force_from")
    )
    in_force = {version.document_id: version.version for version in await lifecycle.all_in_force(kind, at)}
    states: dict[str, dict[int, str]] = {}
    for row in rows:
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
    """Report whether somebody has asked to resume a suspended version, so that a second person can agree."""
    if version.state != "suspended":
        return False
    last = await lifecycle.last_step(version, lifecycle.RESUMPTION_ACTS)
    return last is not None and last.act == "ask_to_resume"


async def comparison_base(version: Version, at: datetime) -> Version | None:
    """Return the version that a reader compares this one with, or None.

    For a version that has not begun, the one in force, however many drafts lie between; for one that is or was in
    force, the one before it. With nothing ever in force, the newest earlier version with another text.
    """
    now = await lifecycle.in_force(version.kind, version.document_id, at)
    if now is not None and await state_of(version, at) in ("draft", "in_review", "submitted", "scheduled"):
        return now
    until = at if version.in_force_from is None else version.in_force_from
    others = StoredDocument.filter(kind=version.kind, document_id=version.document_id)
    row = (
        await others.filter(in_force_from__lte=queries.to_micros(until))
        .exclude(version=version.version)
        .order_by("-in_force_from", "-version")
        .first()
        or await others.filter(version__lt=version.version).exclude(sha256=version.sha256).order_by("-version").first()
    )
    return None if row is None else lifecycle.from_row(row)


@dataclass(frozen=True, slots=True)
class Step:
    """An act on a version: who did it, when, and the reason where one was given."""

    act: str
    staff_id: str
    at: datetime
    reason: str | None


async def steps_of(version: Version) -> list[Step]:
    """Return every act on a version, oldest first."""
    rows = await DocumentStep.filter(
        kind=version.kind, document_id=version.document_id, version=version.version
    ).order_by("number")
    return [Step(row.act, row.staff_id, queries.from_micros(row.at), row.reason) for row in rows]


def name_of(kind: DocumentKind, body: Body) -> dict[str, str]:
    """Return a document's name by language; empty for a draft that has none."""
    name: Any = body.get("title" if kind in (DocumentKind.BENEFITS, DocumentKind.SCHEMES) else "name")
    if kind is DocumentKind.NOTICES and isinstance(texts := body.get("languages"), Mapping):
        name = {language: text.get("title") for language, text in texts.items() if isinstance(text, Mapping)}
    members = name if isinstance(name, Mapping) else {}
    return {language: members[language] for language in LANGUAGES if isinstance(members.get(language), str)}


async def last_name_of(kind: DocumentKind, document_id: str) -> dict[str, str] | None:
    """Return the name of a document's newest version that was ever approved; None where none was."""
    row = (
        await StoredDocument.filter(kind=kind, document_id=document_id, in_force_from__isnull=False)
        .order_by("-version")
        .first()
    )
    return None if row is None else name_of(kind, lifecycle.from_row(row).body)


def differences(before: Any, after: Any, at: tuple[str | int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield the places where two JSON values differ, as `{"pointer", "before", "after"}`.

    `before` is absent for an added member, `after` for a removed one. Lists are compared whole unless all of their
    items are objects.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            path: tuple[str | int, ...] = (*at, str(name))
            if name not in before:
                yield {"pointer": pointer_to(path), "after": after[name]}
            elif name not in after:
                yield {"pointer": pointer_to(path), "before": before[name]}
            else:
                yield from differences(before[name], after[name], path)
    elif _is_list_of_objects(before) and _is_list_of_objects(after):
        for index in range(max(len(before), len(after))):
            if index >= len(before):
                yield {"pointer": pointer_to((*at, index)), "after": after[index]}
            elif index >= len(after):
                yield {"pointer": pointer_to((*at, index)), "before": before[index]}
            else:
                yield from differences(before[index], after[index], (*at, index))
    elif before != after:
        yield {"pointer": pointer_to(at), "before": before, "after": after}


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


async def bodies_in_force(at: datetime) -> dict[str, list[Body]]:
    """Return every document in force at `at`, by kind and ordered by id."""
    return {str(kind): [version.body for version in await lifecycle.all_in_force(kind, at)] for kind in DocumentKind}


async def next_change_at(kinds: Collection[DocumentKind], at: datetime) -> datetime | None:
    """Return the first instant after `at` at which a version of these kinds begins or ends by itself, or None."""
    instants = []
    for column in ("in_force_from", "ended_at"):
        after: dict[str, Any] = {f"{column}__gt": queries.to_micros(at)}
        rows = await StoredDocument.filter(kind__in=list(kinds), **after).order_by(column).limit(1).values(column)
        instants += [row[column] for row in rows]
    return queries.from_micros(min(instants)) if instants else None
