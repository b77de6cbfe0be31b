"""The steps of all catalogue documents in one list, newest first: who did what and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.expressions import Q

from consent.database import queries
from consent.documents import versions
from consent.documents.versions import Step, VersionReference
from consent.domain.document_kinds import DocumentKind
from consent.models import DocumentStep

ACTS = (
    "draft", "submit", "recall", "review", "send_back", "approve", "suspend", "ask_to_resume", "resume", "retire",
    "discard",
)  # fmt: skip
"""Every act that the lifecycle of documents records."""
KEY = ("at", "kind", "document_id", "version", "number")
"""The order of the list, each descending; together they name one step."""
StepCursor = tuple[int, str, str, int, int]
"""The values of KEY of the last row of the page before."""


@dataclass(frozen=True, slots=True)
class StepFilter:
    """The steps to list: by kind of document, act and person, from `since` until before `until`; None leaves open."""

    kind: DocumentKind | None = None
    act: str | None = None
    staff_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentActivity:
    """A step with the version it is about, the name of that version by language, and its place in the list."""

    step: Step
    version: VersionReference
    name: dict[str, str]
    cursor: StepCursor


async def latest(chosen: StepFilter, before: StepCursor | None, limit: int) -> list[DocumentActivity]:
    """Return up to `limit` steps after the cursor, newest first, with two queries."""
    members: dict[str, Any] = {
        "kind": chosen.kind,
        "act": chosen.act,
        "staff_id": chosen.staff_id,
        "at__gte": None if chosen.since is None else queries.to_micros(chosen.since),
        "at__lt": None if chosen.until is None else queries.to_micros(chosen.until),
    }
    rows = (
        await DocumentStep.filter(_after(before), **{name: at for name, at in members.items() if at is not None})
        .order_by(*(f"-{column}" for column in KEY))
        .limit(limit)
    )
    known = await versions.by_reference({_reference(row) for row in rows})
    return [
        DocumentActivity(
            Step(row.act, row.staff_id, queries.from_micros(row.at), row.reason),
            _reference(row),
            versions.name_of(DocumentKind(row.kind), known[_reference(row)].body),
            (row.at, row.kind, row.document_id, row.version, row.number),
        )
        for row in rows
    ]


def _after(cursor: StepCursor | None) -> Q:
    """Return the filter of the rows behind the cursor in the descending order of KEY; all rows without one."""
    if cursor is None:
        return Q()
    behind = Q()
    for index, column in enumerate(KEY):
        members: dict[str, Any] = {**dict(zip(KEY[:index], cursor, strict=False)), f"{column}__lt": cursor[index]}
        behind |= Q(**members)
    return behind


def _reference(row: DocumentStep) -> VersionReference:
    return DocumentKind(row.kind), row.document_id, row.version
