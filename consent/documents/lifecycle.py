"""The one life of every document that binds people: draft, gate, second person, in force at a date.

Seven kinds, one road: a version is drafted, submitted through the gate that is handed in, reviewed by a privacy
officer where the gate flags it, and approved by somebody else who names the hash that was read. Four eyes are two
persons (`staff_id`); whoever touched any draft of the version is excluded. One person stops, two start again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from consent.database import queries
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.events import ledger
from consent.kernel.canonical_json import canonical_json, sha256_of
from consent.kernel.errors import Changed, Conflict, FourEyes, NotFound, Prohibited

Body = Mapping[str, Any]


PublicationCheck = Callable[[DocumentKind, Body], Awaitable[Sequence[Finding]]]
"""What a document must pass; benefits hands it in, because this room cannot know what a benefit is."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document."""

    kind: DocumentKind
    document_id: str
    version: int
    state: str
    sha256: str
    body: dict[str, Any]
    in_force_from: datetime | None


SYSTEM_ACTOR = "gate"
"""Who stops a document whose ground was taken away: nobody's staff id."""
DISCARD = "discard"
"""The act of giving up a draft."""
ALWAYS_REVIEWED = frozenset({DocumentKind.NOTICES, DocumentKind.SOURCES})
"""CONTRACT 8: these wait for a privacy officer whatever the gate finds."""


async def draft(
    kind: DocumentKind, document_id: str, body: Body, staff_id: str, at: datetime, *, read: str | None = None
) -> Version:
    """Store the next version as a draft. What is in force stays in force.

    `read` is the hash of the latest version as its editor read it: Changed when there is a newer one.
    """
    latest = await queries.fetch_one(
        "SELECT version, sha256 FROM document WHERE kind = $1 AND document_id = $2 ORDER BY version DESC LIMIT 1",
        kind,
        document_id,
    )
    if read is not None and (latest is None or latest["sha256"] != read):
        raise Changed("there is a newer version than the one that was read")
    version = (latest["version"] if latest else 0) + 1
    text, sha256 = canonical_json(body).decode(), sha256_of(body)
    await queries.execute(
        "INSERT INTO document (kind, document_id, version, state, sha256, body, created_at)"
        " VALUES ($1, $2, $3, 'draft', $4, $5, $6)",
        kind,
        document_id,
        version,
        sha256,
        text,
        queries.to_micros(at),
    )
    drafted = Version(kind, document_id, version, "draft", sha256, dict(body), None)
    await _step(drafted, "draft", staff_id, at)
    return drafted


async def submit(
    kind: DocumentKind, document_id: str, version: int, staff_id: str, at: datetime, gate: PublicationCheck
) -> tuple[Version, Sequence[Finding]]:
    """Put a draft through the gate: submitted, or in_review when flagged; Prohibited when refused."""
    found = await get(kind, document_id, version)
    _must_be(found, "draft")
    findings = await gate(kind, found.body)
    refusals = [finding for finding in findings if finding.severity is Severity.REFUSED]
    if refusals:
        raise Prohibited([asdict(finding) for finding in refusals])
    flagged = kind in ALWAYS_REVIEWED or any(finding.severity is Severity.FLAGGED for finding in findings)
    if kind is DocumentKind.SERVICES and not await _was_ever_approved(kind, document_id):
        flagged = True
    state = "in_review" if flagged else "submitted"
    await _set_state(found, state, expected="draft")
    await _step(found, "submit", staff_id, at)
    return await get(kind, document_id, version), findings


async def discard_draft(kind: DocumentKind, document_id: str, version: int, staff_id: str, at: datetime) -> Version:
    """Give up a draft; one person suffices, and it stays readable. Whoever wrote it still counts as its author."""
    found = await get(kind, document_id, version)
    await _set_state(found, "retired", expected="draft")
    await _step(found, DISCARD, staff_id, at)
    return await get(kind, document_id, version)


async def review(kind: DocumentKind, document_id: str, version: int, officer_id: str, at: datetime) -> Version:
    """A privacy officer, who has had no hand in it, lets a flagged version go on to approval."""
    found = await get(kind, document_id, version)
    await _must_be_another(found, officer_id)
    await _set_state(found, "submitted", expected="in_review")
    await _step(found, "review", officer_id, at)
    return await get(kind, document_id, version)


async def send_back(kind: DocumentKind, document_id: str, version: int, officer_id: str, at: datetime) -> Version:
    """A privacy officer, who has had no hand in it, does not let a flagged version go on: it is a draft again."""
    found = await get(kind, document_id, version)
    await _must_be_another(found, officer_id)
    await _set_state(found, "draft", expected="in_review")
    await _step(found, "send_back", officer_id, at)
    return await get(kind, document_id, version)


async def approve(
    kind: DocumentKind,
    document_id: str,
    version: int,
    sha256: str,
    staff_id: str,
    at: datetime,
    in_force_from: datetime,
) -> Version:
    """A second person approves exactly what was read; in force from `in_force_from`."""
    found = await get(kind, document_id, version)
    await _must_be_another(found, staff_id)
    if found.sha256 != sha256:
        raise Changed("the document is not the one that was read; read it again")
    await _set_state(found, "approved", expected="submitted")
    await queries.execute(
        "UPDATE document SET in_force_from = $4 WHERE kind = $1 AND document_id = $2 AND version = $3",
        kind,
        document_id,
        version,
        queries.to_micros(in_force_from),
    )
    await _step(found, "approve", staff_id, at)
    await ledger.policy(kind, document_id, version, found.sha256, in_force_from)
    return await get(kind, document_id, version)


async def suspend(kind: DocumentKind, document_id: str, staff_id: str, at: datetime) -> Version:
    """Stop what is in force at once; one person suffices."""
    found = await in_force(kind, document_id, at)
    if found is None:
        raise NotFound("nothing of this name is in force")
    return await suspend_version(found, staff_id, at)


async def suspend_version(version: Version, staff_id: str, at: datetime) -> Version:
    """Stop an approved version, begun or not, until two start it again."""
    await _set_state(version, "suspended", expected="approved")
    await _step(version, "suspend", staff_id, at)
    return await get(version.kind, version.document_id, version.version)


async def cancel_scheduled(version: Version, staff_id: str, at: datetime) -> Version:
    """Call off an approved version that has not begun yet; one person suffices. What is in force goes on."""
    await _set_state(version, "retired", expected="approved")
    await queries.execute(
        "UPDATE document SET in_force_from = NULL WHERE kind = $1 AND document_id = $2 AND version = $3",
        version.kind,
        version.document_id,
        version.version,
    )
    await _step(version, "retire", staff_id, at)
    return await get(version.kind, version.document_id, version.version)


async def resume(
    kind: DocumentKind, document_id: str, version: int, staff_id: str, at: datetime
) -> tuple[Version, bool]:
    """Start a suspended version again: the first person asks, another one agrees; whether it is in force now."""
    found = await get(kind, document_id, version)
    _must_be(found, "suspended")
    asked = await queries.fetch_one(
        "SELECT act, staff_id FROM document_step WHERE kind = $1 AND document_id = $2 AND version = $3"
        " AND act IN ('suspend', 'ask_to_resume') ORDER BY number DESC LIMIT 1",
        kind,
        document_id,
        version,
    )
    if asked is None or asked["act"] == "suspend":
        await _step(found, "ask_to_resume", staff_id, at)
        return found, False
    if asked["staff_id"] == staff_id:
        raise FourEyes("another person must agree")
    await _set_state(found, "approved", expected="suspended")
    await _step(found, "resume", staff_id, at)
    return await get(kind, document_id, version), True


async def retire_suspended(
    kind: DocumentKind, document_id: str, version: int, officer_id: str, at: datetime
) -> Version:
    """A privacy officer ends a version that the gate has stopped; it does not come back."""
    found = await get(kind, document_id, version)
    await _set_state(found, "retired", expected="suspended")
    await _step(found, "retire", officer_id, at)
    return await get(kind, document_id, version)


async def retire(
    kind: DocumentKind, document_id: str, staff_id: str, at: datetime, ends_at: datetime | None = None
) -> Version:
    """End what is in force for good: from now on, or at `ends_at`."""
    found = await in_force(kind, document_id, at)
    if found is None:
        raise NotFound("nothing of this name is in force")
    if ends_at is not None and ends_at > at:
        await queries.execute(
            "UPDATE document SET ended_at = $4 WHERE kind = $1 AND document_id = $2 AND version = $3",
            kind,
            document_id,
            found.version,
            queries.to_micros(ends_at),
        )
    else:
        await _set_state(found, "retired", expected="approved")
    await _step(found, "retire", staff_id, at)
    return await get(kind, document_id, found.version)


async def get(kind: DocumentKind, document_id: str, version: int) -> Version:
    """One version, or NotFound."""
    row = await queries.fetch_one(
        "SELECT * FROM document WHERE kind = $1 AND document_id = $2 AND version = $3", kind, document_id, version
    )
    if row is None:
        raise NotFound("there is no such version")
    return _version(row)


async def in_force(kind: DocumentKind, document_id: str, at: datetime) -> Version | None:
    """What binds at `at`: the latest version begun by then, unless it was suspended or retired."""
    row = await queries.fetch_one(
        "SELECT * FROM document WHERE kind = $1 AND document_id = $2 AND in_force_from <= $3"
        " ORDER BY in_force_from DESC, version DESC LIMIT 1",
        kind,
        document_id,
        queries.to_micros(at),
    )
    return _version(row) if row and _binds(row, at) else None


async def all_in_force(kind: DocumentKind, at: datetime) -> list[Version]:
    """Everything of a kind that binds at `at`, by id."""
    found = await queries.fetch_all(
        "SELECT * FROM document WHERE kind = $1 AND in_force_from <= $2 ORDER BY document_id, in_force_from, version",
        kind,
        queries.to_micros(at),
    )
    latest = {row["document_id"]: row for row in found}
    return [_version(row) for row in latest.values() if _binds(row, at)]


async def scheduled(kind: DocumentKind, at: datetime) -> list[Version]:
    """Everything of a kind that was approved and begins after `at`, by id."""
    found = await queries.fetch_all(
        "SELECT * FROM document WHERE kind = $1 AND state = 'approved' AND in_force_from > $2"
        " ORDER BY document_id, version",
        kind,
        queries.to_micros(at),
    )
    return [_version(row) for row in found]


async def change_count() -> int:
    """A number that rises with every act on any document."""
    found = await queries.fetch_one("SELECT changes FROM catalogue_state")
    assert found is not None
    return int(found["changes"])


async def next_change_at(kinds: Sequence[DocumentKind], at: datetime) -> datetime | None:
    """The first instant after `at` at which something of these kinds begins or ends of itself, or None."""
    among = ", ".join(f"${place}" for place in range(2, 2 + len(kinds)))
    found = await queries.fetch_one(
        f"SELECT min(moment) AS moment FROM (SELECT in_force_from AS moment FROM document WHERE in_force_from > $1"
        f" AND kind IN ({among}) UNION ALL SELECT ended_at FROM document WHERE ended_at > $1 AND kind IN ({among})"
        ") later",
        queries.to_micros(at),
        *kinds,
    )
    return None if found is None or found["moment"] is None else queries.from_micros(found["moment"])


async def versions_between(kind: DocumentKind, document_id: str, after: int, to: int) -> list[Version]:
    """Versions after `after` up to `to` that ever were in force, oldest first."""
    found = await queries.fetch_all(
        "SELECT * FROM document WHERE kind = $1 AND document_id = $2 AND version > $3 AND version <= $4"
        " AND in_force_from IS NOT NULL ORDER BY version",
        kind,
        document_id,
        after,
        to,
    )
    return [_version(row) for row in found]


def _binds(row: queries.Row, at: datetime) -> bool:
    return row["state"] == "approved" and (row["ended_at"] is None or row["ended_at"] > queries.to_micros(at))


def _version(row: queries.Row) -> Version:
    begins = row["in_force_from"]
    return Version(
        DocumentKind(row["kind"]),
        row["document_id"],
        row["version"],
        row["state"],
        row["sha256"],
        json.loads(row["body"]),
        None if begins is None else queries.from_micros(begins),
    )


def _must_be(found: Version, state: str) -> None:
    if found.state != state:
        raise Conflict(f"this needs a version in state {state}; it is {found.state}")


async def _set_state(found: Version, state: str, expected: str) -> None:
    changed = await queries.execute(
        "UPDATE document SET state = $4 WHERE kind = $1 AND document_id = $2 AND version = $3 AND state = $5",
        found.kind,
        found.document_id,
        found.version,
        state,
        expected,
    )
    if not changed:
        raise Conflict(f"this needs a version in state {expected}")


async def _must_be_another(found: Version, staff_id: str) -> None:
    touched = await queries.fetch_one(
        "SELECT 1 AS touched FROM document_step WHERE kind = $1 AND document_id = $2 AND version <= $3"
        " AND staff_id = $4 AND act IN ('draft', 'submit')"
        " AND version > (SELECT coalesce(max(version), 0) FROM document"
        " WHERE kind = $1 AND document_id = $2 AND version < $3 AND in_force_from IS NOT NULL)",
        found.kind,
        found.document_id,
        found.version,
        staff_id,
    )
    if touched:
        raise FourEyes("whoever contributed to a version, or to a draft it grew from, cannot decide on it")


async def _was_ever_approved(kind: DocumentKind, document_id: str) -> bool:
    return (
        await queries.fetch_one(
            "SELECT 1 AS approved FROM document WHERE kind = $1 AND document_id = $2 AND in_force_from IS NOT NULL",
            kind,
            document_id,
        )
        is not None
    )


async def _step(found: Version, act: str, staff_id: str, at: datetime) -> None:
    count = await queries.fetch_one(
        "SELECT count(*) AS steps FROM document_step WHERE kind = $1 AND document_id = $2 AND version = $3",
        found.kind,
        found.document_id,
        found.version,
    )
    assert count is not None
    await queries.execute(
        "INSERT INTO document_step (kind, document_id, version, number, act, staff_id, sha256, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        found.kind,
        found.document_id,
        found.version,
        count["steps"] + 1,
        act,
        staff_id,
        found.sha256,
        queries.to_micros(at),
    )
    await queries.execute("UPDATE catalogue_state SET changes = changes + 1")
