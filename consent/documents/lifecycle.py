"""The lifecycle of catalogue documents: draft, submitted, in review, approved, suspended, retired.

SQL text remains for `change_count`, which every request reads to see whether the cached catalogue is stale.

A version is drafted, submitted through a publication check, reviewed by a privacy officer where the check flags it, and
approved by another person, who names the hash that was read. Four eyes are two persons (`staff_id`): nobody decides on
a version if they drafted or submitted it, or a draft since the version approved last, and nobody approves a version
that they passed on as an officer. One person stops a version; resuming it takes two. All functions that write need a
transaction.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from consent.database import queries
from consent.domain.document_kinds import Body, DocumentKind, Finding, Severity
from consent.domain.recipients import Recipient
from consent.events import ledger
from consent.kernel.canonical_json import canonical_json, sha256_of
from consent.kernel.errors import Changed, Conflict, FourEyes, NotFound, Prohibited
from consent.models import CatalogueState, DocumentStep, StoredDocument

PublicationCheck = Callable[[DocumentKind, Body], Awaitable[Sequence[Finding]]]
"""The check of a submitted document; passed in by benefits, since this package does not know benefits."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a document. `in_force_from` is None until an approval, `recipient` without an officer's decision.

    `package_id` is the open package that the version waits in, None on its own.
    """

    kind: DocumentKind
    document_id: str
    version: int
    state: str
    sha256: str
    body: dict[str, Any]
    in_force_from: datetime | None
    recipient: Recipient | None = None
    package_id: str | None = None


SYSTEM_ACTOR = "gate"
"""The actor who suspends a benefit when its service no longer supports it; no staff id can be this."""
DISCARD, SEND_BACK, RECALL = "discard", "send_back", "recall"
"""Acts: discarding a draft; turning a waiting version into a draft again, by an officer or with its package."""
RESUMPTION_ACTS = ("suspend", "ask_to_resume")
"""The acts whose latest tells whether somebody has asked to resume a suspended version."""
ALWAYS_REVIEWED = frozenset({DocumentKind.NOTICES, DocumentKind.SOURCES, DocumentKind.ISSUERS})
"""Kinds that wait for a privacy officer even when the check finds nothing: they decide what people agree to, and
whose passes count."""


async def draft(
    kind: DocumentKind, document_id: str, body: Body, staff_id: str, at: datetime, *, read: str | None = None
) -> Version:
    """Store the next version of a document as a draft; the version in force stays in force.

    `read` is the hash of the latest version as its editor read it.

    Raises:
        Changed: a newer version was stored since.
    """
    latest = await StoredDocument.filter(kind=kind, document_id=document_id).order_by("-version").first()
    if read is not None and (latest is None or latest.sha256 != read):
        raise Changed("there is a newer version than the one that was read")
    version = (latest.version if latest else 0) + 1
    text, sha256 = canonical_json(body).decode(), sha256_of(body)
    await StoredDocument.create(
        kind=kind,
        document_id=document_id,
        version=version,
        state="draft",
        sha256=sha256,
        body=text,
        created_at=queries.to_micros(at),
    )
    drafted = Version(kind, document_id, version, "draft", sha256, dict(body), None)
    await _record_step(drafted, "draft", staff_id, at)
    return drafted


async def submit(
    kind: DocumentKind, document_id: str, version: int, staff_id: str, at: datetime, check: PublicationCheck
) -> tuple[Version, Sequence[Finding]]:
    """Check a draft and submit it for approval; return it with all findings, advice included.

    It becomes `submitted`; or `in_review`, for a privacy officer, when a finding flags it, when it is a notice, a
    source or an issuer, and when it is the first version of a service.

    Raises:
        Prohibited: the check refuses it; holds the refusals. It stays a draft.
        Conflict: it is no draft.
    """
    stored = await get(kind, document_id, version)
    _require_state(stored, "draft")
    findings = await check(kind, stored.body)
    refusals = [finding for finding in findings if finding.severity is Severity.REFUSED]
    if refusals:
        raise Prohibited([asdict(finding) for finding in refusals])
    flagged = kind in ALWAYS_REVIEWED or any(finding.severity is Severity.FLAGGED for finding in findings)
    if kind is DocumentKind.SERVICES and not await _was_ever_approved(kind, document_id):
        flagged = True
    state = "in_review" if flagged else "submitted"
    await _set_state(stored, state, expected="draft")
    await _record_step(stored, "submit", staff_id, at)
    return await get(kind, document_id, version), findings


async def discard_draft(kind: DocumentKind, document_id: str, version: int, staff_id: str, at: datetime) -> Version:
    """Retire a draft; one person suffices. It stays readable, and its author may not decide on the next version."""
    stored = await get(kind, document_id, version)
    await _set_state(stored, "retired", expected="draft")
    await _record_step(stored, DISCARD, staff_id, at)
    return await get(kind, document_id, version)


async def review(kind: DocumentKind, document_id: str, version: int, officer_id: str, at: datetime) -> Version:
    """Pass a flagged version on to approval, as a privacy officer; FourEyes for one of its authors."""
    stored = await get(kind, document_id, version)
    await require_uninvolved(stored, officer_id)
    await _set_state(stored, "submitted", expected="in_review")
    await _record_step(stored, "review", officer_id, at)
    return await get(kind, document_id, version)


async def send_back(kind: DocumentKind, document_id: str, version: int, officer_id: str, at: datetime) -> Version:
    """Turn a flagged version into a draft again, as a privacy officer; FourEyes for one of its authors."""
    stored = await get(kind, document_id, version)
    await require_uninvolved(stored, officer_id)
    _require_state(stored, "in_review")
    await return_to_draft(stored, SEND_BACK, officer_id, at)
    return await get(kind, document_id, version)


async def return_to_draft(version: Version, act: str, staff_id: str, at: datetime) -> None:
    """Turn a version that is submitted or in review into a draft again, by SEND_BACK or RECALL."""
    await _set_state(version, "draft", expected=version.state)
    await _record_step(version, act, staff_id, at)


async def hold_for_review(version: Version, staff_id: str, at: datetime) -> Version:
    """Send a submitted version to a privacy officer instead, as an act of the system; FourEyes for its authors."""
    await require_uninvolved(version, staff_id)
    await _set_state(version, "in_review", expected="submitted")
    await _record_step(version, "submit", SYSTEM_ACTOR, at)
    return await get(version.kind, version.document_id, version.version)


async def approve(version: Version, sha256: str, staff_id: str, at: datetime, in_force_from: datetime) -> Version:
    """Approve a submitted version, to be in force from `in_force_from`; writes a leaf into the policy log.

    Raises:
        FourEyes: the person drafted or submitted it, or passed it on as a privacy officer.
        Changed: `sha256`, the hash of what the person read, is not the version's.
        Conflict: it is not submitted.
    """
    await require_uninvolved(version, staff_id)
    last = await last_step(version, ("review",))
    if last is not None and last.staff_id == staff_id:
        raise FourEyes("the privacy officer who passed a version on cannot also approve it")
    if version.sha256 != sha256:
        raise Changed("the document is not the one that was read; read it again")
    await _set_state(version, "approved", expected="submitted")
    await _only(version).update(in_force_from=queries.to_micros(in_force_from))
    await _record_step(version, "approve", staff_id, at)
    await ledger.enqueue_policy_leaf(version.kind, version.document_id, version.version, version.sha256, in_force_from)
    return await get(version.kind, version.document_id, version.version)


async def suspend(
    kind: DocumentKind, document_id: str, staff_id: str, at: datetime, reason: str | None = None
) -> Version:
    """Suspend the version in force at once; one person suffices. NotFound when none is."""
    return await suspend_version(await _require_in_force(kind, document_id, at), staff_id, at, reason)


async def suspend_version(version: Version, staff_id: str, at: datetime, reason: str | None = None) -> Version:
    """Suspend an approved version, in force or scheduled, until two persons resume it."""
    await _set_state(version, "suspended", expected="approved")
    await _record_step(version, "suspend", staff_id, at, reason)
    return await get(version.kind, version.document_id, version.version)


async def cancel_scheduled(version: Version, staff_id: str, at: datetime, reason: str | None = None) -> Version:
    """Retire an approved version before it is in force; one person suffices. The version in force stays."""
    await _set_state(version, "retired", expected="approved")
    await _only(version).update(in_force_from=None)
    await _record_step(version, "retire", staff_id, at, reason)
    return await get(version.kind, version.document_id, version.version)


async def resume(
    kind: DocumentKind, document_id: str, version: int, staff_id: str, at: datetime
) -> tuple[Version, bool]:
    """Ask to resume a suspended version, or agree to it as the second person; return whether it is approved again.

    Raises:
        Conflict: it is not suspended.
        FourEyes: the same person asked.
    """
    stored = await get(kind, document_id, version)
    _require_state(stored, "suspended")
    last = await last_step(stored, RESUMPTION_ACTS)
    if last is None or last.act == "suspend":
        await _record_step(stored, "ask_to_resume", staff_id, at)
        return stored, False
    if last.staff_id == staff_id:
        raise FourEyes("another person must agree")
    await _set_state(stored, "approved", expected="suspended")
    await _record_step(stored, "resume", staff_id, at)
    return await get(kind, document_id, version), True


async def retire_suspended(
    kind: DocumentKind, document_id: str, version: int, officer_id: str, at: datetime
) -> Version:
    """Retire a suspended version for good, as a privacy officer."""
    stored = await get(kind, document_id, version)
    await _set_state(stored, "retired", expected="suspended")
    await _record_step(stored, "retire", officer_id, at)
    return await get(kind, document_id, version)


async def retire(
    kind: DocumentKind, document_id: str, staff_id: str, at: datetime, ends_at: datetime | None = None
) -> Version:
    """End the version in force for good, now or at `ends_at`. NotFound when none is in force."""
    stored = await _require_in_force(kind, document_id, at)
    if ends_at is not None and ends_at > at:
        await _only(stored).update(ended_at=queries.to_micros(ends_at))
    else:
        await _set_state(stored, "retired", expected="approved")
    await _record_step(stored, "retire", staff_id, at)
    return await get(kind, document_id, stored.version)


async def get(kind: DocumentKind, document_id: str, version: int) -> Version:
    """Return one version, or raise NotFound."""
    row = await StoredDocument.get_or_none(kind=kind, document_id=document_id, version=version)
    if row is None:
        raise NotFound("there is no such version")
    return from_row(row)


async def get_many(kind: DocumentKind, document_id: str, versions: Collection[int]) -> dict[int, Version]:
    """Return versions of one document by number; NotFound when one is missing."""
    if not versions:
        return {}
    rows = await StoredDocument.filter(kind=kind, document_id=document_id, version__in=sorted(versions))
    if len(rows) != len(set(versions)):
        raise NotFound("there is no such version")
    return {row.version: from_row(row) for row in rows}


async def in_force(kind: DocumentKind, document_id: str, at: datetime) -> Version | None:
    """Return the version in force at `at`: the latest that had begun, unless it was suspended, retired or ended."""
    row = (
        await StoredDocument.filter(kind=kind, document_id=document_id, in_force_from__lte=queries.to_micros(at))
        .order_by("-in_force_from", "-version")
        .first()
    )
    return from_row(row) if row is not None and is_binding(row.state, row.ended_at, at) else None


async def _require_in_force(kind: DocumentKind, document_id: str, at: datetime) -> Version:
    stored = await in_force(kind, document_id, at)
    if stored is None:
        raise NotFound("nothing of this name is in force")
    return stored


async def all_in_force(kind: DocumentKind, at: datetime) -> list[Version]:
    """Return the versions of a kind in force at `at`, by document id."""
    rows = await StoredDocument.filter(kind=kind, in_force_from__lte=queries.to_micros(at)).order_by(
        "document_id", "in_force_from", "version"
    )
    latest = {row.document_id: row for row in rows}
    return [from_row(row) for row in latest.values() if is_binding(row.state, row.ended_at, at)]


async def scheduled(kind: DocumentKind, at: datetime) -> list[Version]:
    """Return the approved versions of a kind that begin after `at`, by document id."""
    rows = await StoredDocument.filter(kind=kind, state="approved", in_force_from__gt=queries.to_micros(at)).order_by(
        "document_id", "version"
    )
    return [from_row(row) for row in rows]


async def last_step(version: Version, acts: Collection[str]) -> DocumentStep | None:
    """Return the version's latest step with one of these acts, or None."""
    return (
        await DocumentStep.filter(
            kind=version.kind, document_id=version.document_id, version=version.version, act__in=list(acts)
        )
        .order_by("-number")
        .first()
    )


def is_binding(state: str, ended_at: int | None, at: datetime) -> bool:
    """Report whether the latest begun version of a document binds at `at`, by its stored state and end."""
    return state == "approved" and (ended_at is None or ended_at > queries.to_micros(at))


def from_row(row: StoredDocument) -> Version:
    """Return a stored version with its body parsed."""
    return Version(
        DocumentKind(row.kind),
        row.document_id,
        row.version,
        row.state,
        row.sha256,
        json.loads(row.body),
        None if row.in_force_from is None else queries.from_micros(row.in_force_from),
        None if row.recipient is None else Recipient(row.recipient),
        row.package_id,
    )


def _only(version: Version) -> QuerySet[StoredDocument]:
    return StoredDocument.filter(kind=version.kind, document_id=version.document_id, version=version.version)


def _require_state(version: Version, state: str) -> None:
    if version.state != state:
        raise Conflict(f"this needs a version in state {state}; it is {version.state}")


async def _set_state(version: Version, state: str, expected: str) -> None:
    # Two requests may act on one version at once: only the one whose UPDATE changes the row continues.
    if not await _only(version).filter(state=expected).update(state=state):
        raise Conflict(f"this needs a version in state {expected}")


async def require_uninvolved(version: Version, staff_id: str) -> None:
    """Raise FourEyes for a person who drafted or submitted the version, or a draft since the last approved version.

    Conflict for a member of an open package, which is decided as a whole.
    """
    if version.package_id is not None:
        raise Conflict("this version is part of a package; decide the package")
    approved = (
        await StoredDocument.filter(
            kind=version.kind,
            document_id=version.document_id,
            version__lt=version.version,
            in_force_from__isnull=False,
        )
        .order_by("-version")
        .limit(1)
        .values("version")
    )
    involved = await DocumentStep.filter(
        kind=version.kind,
        document_id=version.document_id,
        version__gt=approved[0]["version"] if approved else 0,
        version__lte=version.version,
        staff_id=staff_id,
        act__in=["draft", "submit"],
    ).exists()
    if involved:
        raise FourEyes("whoever contributed to a version, or to a draft it grew from, cannot decide on it")


async def _was_ever_approved(kind: DocumentKind, document_id: str) -> bool:
    return await StoredDocument.filter(kind=kind, document_id=document_id, in_force_from__isnull=False).exists()


async def _record_step(version: Version, act: str, staff_id: str, at: datetime, reason: str | None = None) -> None:
    """Append a step to the version's history and raise the catalogue's number of changes."""
    steps = await DocumentStep.filter(
        kind=version.kind, document_id=version.document_id, version=version.version
    ).count()
    await DocumentStep.create(
        kind=version.kind,
        document_id=version.document_id,
        version=version.version,
        number=steps + 1,
        act=act,
        staff_id=staff_id,
        sha256=version.sha256,
        at=queries.to_micros(at),
        reason=reason,
    )
    await CatalogueState.filter(singleton=1).update(changes=F("changes") + 1)
