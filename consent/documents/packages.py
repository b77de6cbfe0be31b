"""Packages: drafts that are submitted, reviewed and approved together, by the hash of all of them.

A package names versions, whose text never changes. Its members wait with their `package_id` until the package ends, and
the lifecycle refuses a decision about one of them alone. A newer version of a member would make another hash: the
package can then no longer be decided, and a new one begins without its review. All functions that write need a
transaction; those that decide about a package need one that `lock` returned.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from tortoise.queryset import QuerySet

from consent.crypto.blind_index import new_id
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.documents import lifecycle, versions
from consent.documents.lifecycle import RECALL, SEND_BACK, PublicationCheck, Version
from consent.documents.versions import VersionReference
from consent.domain.document_kinds import DocumentKind, Finding
from consent.kernel.canonical_json import canonical_json, sha256_of
from consent.kernel.errors import Changed, Conflict, NotFound
from consent.models import StoredDocument, StoredPackage

ORDER = (
    DocumentKind.PROVIDERS,
    DocumentKind.SOURCES,
    DocumentKind.VENUES,
    DocumentKind.SERVICES,
    DocumentKind.BENEFITS,
    DocumentKind.SCHEMES,
    DocumentKind.NOTICES,
    DocumentKind.ISSUERS,
)
"""Kinds in the order of approval: each after those that its documents name."""
NAMED_BY_OTHERS = frozenset({DocumentKind.PROVIDERS, DocumentKind.VENUES, DocumentKind.SERVICES})
"""Kinds that the publication rules of other documents read."""
STATES = ("open", "approved", "returned", "recalled")
"""Stored states: waiting, approved, returned by an officer, recalled by an administrator."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package and the versions it names, in ORDER; `ended_at` and `ended_by` are None while it is open."""

    package_id: str
    sha256: str
    state: str
    members: tuple[VersionReference, ...]
    submitted_at: datetime
    submitted_by: str
    ended_at: datetime | None
    ended_by: str | None


def in_order(members: Sequence[Version]) -> list[Version]:
    """Return versions in ORDER of their kinds, and by id within a kind, so that equal packages have one hash."""
    return sorted(members, key=lambda version: (ORDER.index(version.kind), version.document_id))


async def open_package(members: Sequence[Version], staff_id: str, at: datetime) -> Package:
    """Store a package of versions that have just been submitted; return it."""
    package_id, ordered = new_id(), in_order(members)
    named = {
        "documents": [
            {
                "kind": str(version.kind),
                "id": version.document_id,
                "version": version.version,
                "sha256": version.sha256,
            }
            for version in ordered
        ]
    }
    await StoredPackage.create(
        package_id=package_id,
        sha256=sha256_of(named),
        state="open",
        members=canonical_json(named).decode(),
        submitted_at=queries.to_micros(at),
        submitted_by=staff_id,
    )
    await _keep_in(package_id, ordered)
    return await get(package_id)


async def get(package_id: str) -> Package:
    """Return a package, open or ended; NotFound where there is none."""
    row = await StoredPackage.get_or_none(package_id=package_id)
    if row is None:
        raise NotFound("there is no such package")
    return _from_row(row)


async def lock(package_id: str) -> Package:
    """Lock a package until the running transaction ends, and return it; NotFound where there is none.

    Members read after it are those of the last decision, since every decision locks the package. A check takes the
    lock too: it writes states and writes them back.
    """
    row = await StoredPackage.filter(package_id=package_id).select_for_update().get_or_none()
    if row is None:
        raise NotFound("there is no such package")
    return _from_row(row)


async def get_many(package_ids: Collection[str]) -> dict[str, Package]:
    """Return packages by id, with one query; a missing one is left out."""
    rows = await StoredPackage.filter(package_id__in=sorted(package_ids)) if package_ids else []
    return {row.package_id: _from_row(row) for row in rows}


async def latest(state: str | None, before: Cursor | None, limit: int) -> list[Package]:
    """Return packages in a state (any, if None), newest first, after the cursor (submitted at, package id)."""
    chosen = {} if state is None else {"state": state}
    rows = (
        await StoredPackage.filter(paging.older_than(before, "submitted_at", "package_id"), **chosen)
        .order_by("-submitted_at", "-package_id")
        .limit(limit)
    )
    return [_from_row(row) for row in rows]


async def members_of(package: Package) -> list[Version]:
    """Return the versions of a package, in their order."""
    known = await versions.by_reference(package.members)
    return [known[reference] for reference in package.members]


async def changed_members(package: Package) -> list[VersionReference]:
    """Return the members of which there is a newer version, so that the package's hash is no longer theirs."""
    changed = []
    for kind, document_id, version in package.members:
        if (await versions.latest_version(kind, document_id)).version != version:
            changed.append((kind, document_id, version))
    return changed


async def require_current(package: Package, sha256: str) -> None:
    """Check that a package may be decided by somebody who read `sha256`.

    Raises:
        Conflict: it has ended.
        Changed: it has another hash, or a member has a newer version.
    """
    if package.state != "open":
        raise Conflict(f"the package is {package.state}")
    if package.sha256 != sha256 or await changed_members(package):
        raise Changed("a document of the package is not the one that was read; recall it and submit it again")


async def end(package: Package, state: str, staff_id: str, at: datetime) -> list[Version]:
    """End an open package and return its members, which no longer belong to it; Conflict where it has ended."""
    ended = await StoredPackage.filter(package_id=package.package_id, state="open").update(
        state=state, ended_at=queries.to_micros(at), ended_by=staff_id
    )
    # Two decisions may arrive at once: only the one whose UPDATE changes the row continues.
    if not ended:
        raise Conflict("the package has ended")
    return await _free_members(package)


async def recall(package: Package, staff_id: str, at: datetime) -> None:
    """End an open package and turn its members into drafts again; one person suffices."""
    for member in await end(package, "recalled", staff_id, at):
        await lifecycle.return_to_draft(member, RECALL, staff_id, at)


async def send_back(package: Package, officer_id: str, at: datetime) -> None:
    """End an open package as a privacy officer, and turn its members into drafts; FourEyes for an author of one."""
    for member in await end(package, "returned", officer_id, at):
        await lifecycle.require_uninvolved(member, officer_id)
        await lifecycle.return_to_draft(member, SEND_BACK, officer_id, at)


async def review(package: Package, officer_id: str, at: datetime) -> list[Version]:
    """Record the review of the members that a privacy officer has to review, and return those; they wait for approval.

    Raises:
        FourEyes: the officer is an author of any member.
        Conflict: no member waits for an officer.
    """
    members = await _free_members(package)
    for member in members:
        await lifecycle.require_uninvolved(member, officer_id)
    reviewed = [member for member in members if member.state == "in_review"]
    if not reviewed:
        raise Conflict("no document of the package waits for a review")
    for member in reviewed:
        await lifecycle.review(member.kind, member.document_id, member.version, officer_id, at)
    await _keep_in(package.package_id, members)
    return reviewed


async def hold_for_review(package: Package, flagged: Sequence[Version], staff_id: str, at: datetime) -> None:
    """Send members that the rules now flag to a privacy officer; FourEyes where `staff_id` is an author of any."""
    members = {(member.kind, member.document_id): member for member in await _free_members(package)}
    for member in members.values():
        await lifecycle.require_uninvolved(member, staff_id)
    for version in flagged:
        await lifecycle.hold_for_review(members[version.kind, version.document_id], staff_id, at)
    await _keep_in(package.package_id, list(members.values()))


async def check_each(members: Sequence[Version], at: datetime, check: PublicationCheck) -> list[Sequence[Finding]]:
    """Return the findings of each member as if the others were in force or submitted already.

    They are written so while the rules read, and undone after it; nothing is recorded, and when a check fails the
    caller's transaction undoes the writes. Each member's row is restored before its own check, so that it is never
    compared with itself. The members are drafts, or those of a package that is locked.

    Raises:
        Conflict: somebody has decided about a member since it was read.
    """
    # In one order for everybody: two submissions that name the same documents would else wait for each other.
    for member in in_order(members):
        await _write_as_decided(member, at)
    findings = []
    for member in members:
        await _write_back(member, at)
        findings.append(await check(member.kind, member.body))
        await _write_as_decided(member, at)
    for member in members:
        await _write_back(member, at)
    return findings


async def _write_as_decided(member: Version, at: datetime) -> None:
    """Write a member as in force, or as submitted where the rules of others do not read its kind."""
    state, begins = _as_decided(member.kind, at)
    await _replace_state(member, (member.state, None), (state, begins))


async def _write_back(member: Version, at: datetime) -> None:
    await _replace_state(member, _as_decided(member.kind, at), (member.state, None))


def _as_decided(kind: DocumentKind, at: datetime) -> tuple[str, int | None]:
    """Return the state and the beginning that a member of a kind is checked with."""
    return ("approved", queries.to_micros(at)) if kind in NAMED_BY_OTHERS else ("submitted", None)


async def _replace_state(member: Version, expected: tuple[str, int | None], new: tuple[str, int | None]) -> None:
    """Write state and beginning of a member over the expected ones; Conflict where it has others."""
    begins = {"in_force_from__isnull": True} if expected[1] is None else {"in_force_from": expected[1]}
    if not await _row_of(member).filter(state=expected[0], **begins).update(state=new[0], in_force_from=new[1]):
        raise Conflict("somebody has decided about a document of the package; read it again")


async def _keep_in(package_id: str, members: Sequence[Version]) -> None:
    for member in members:
        await _row_of(member).update(package_id=package_id)


async def _free_members(package: Package) -> list[Version]:
    """Take the members out of their package, so that the lifecycle decides about each; return them in their order."""
    await StoredDocument.filter(package_id=package.package_id).update(package_id=None)
    return await members_of(package)


def _row_of(version: Version) -> QuerySet[StoredDocument]:
    return StoredDocument.filter(kind=version.kind, document_id=version.document_id, version=version.version)


def _from_row(row: StoredPackage) -> Package:
    named = json.loads(row.members)["documents"]
    return Package(
        row.package_id,
        row.sha256,
        row.state,
        tuple((DocumentKind(member["kind"]), member["id"], member["version"]) for member in named),
        queries.from_micros(row.submitted_at),
        row.submitted_by,
        None if row.ended_at is None else queries.from_micros(row.ended_at),
        row.ended_by,
    )
