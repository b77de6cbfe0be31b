"""Publication rules for packages: each rule holds for each member, as if the other members were in force.

The check of a package adds nothing to the check of one document and leaves nothing out of it: a member is compared with
the catalogue in which the others are in force. At the approval each member is checked once more in that catalogue, by
the same function as a document on its own. All functions need the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from typing import Any

from benefits.publishing import document_checks
from benefits.publishing.rules import names
from consent.documents import lifecycle, packages
from consent.documents.lifecycle import Version
from consent.documents.packages import Package
from consent.domain.document_kinds import Body, DocumentKind, Finding, Severity
from consent.kernel.errors import Conflict, Prohibited


async def check(members: Sequence[Version], at: datetime, today: date, city_url: str = "") -> list[Sequence[Finding]]:
    """Return the findings of each member as if the others were in force, but for those that no rule could read."""
    rules = partial(document_checks.check, at=at, today=today, city_url=city_url)
    readable = [member for member in members if not document_checks.shape_faults(member.kind, member.body)]
    reported = dict(zip(map(_key, readable), await packages.check_each(readable, at, rules), strict=True))
    for member in members:
        if _key(member) not in reported:
            reported[_key(member)] = await rules(member.kind, member.body)
    return [reported[_key(member)] for member in members]


async def submit(
    members: Sequence[Version], staff_id: str, at: datetime, today: date, city_url: str = ""
) -> tuple[Package, list[Sequence[Finding]]]:
    """Submit drafts as one package; return it and the findings of each member in the package's order.

    Raises:
        Prohibited: the rules refuse a member; holds every refusal, its pointer under `/documents/INDEX` of `members`.
        Conflict: a member is no draft, or changes whom people agreed with, which an officer decides on its own.
    """
    if any(member.state != "draft" for member in members):
        raise Conflict("a document is no draft")
    reported = dict(zip(map(_key, members), await check(members, at, today, city_url), strict=True))
    refused = [
        _refusal(finding, index)
        for index, member in enumerate(members)
        for finding in reported[_key(member)]
        if finding.severity is Severity.REFUSED
    ]
    if refused:
        raise Prohibited(refused)
    ordered = packages.in_order(members)
    for member in ordered:
        findings = reported[_key(member)]
        if names.asks_for_recipient(findings):
            raise Conflict("a document that changes whom people agreed with is submitted on its own")

        async def known(_: DocumentKind, __: Body, of_member: Sequence[Finding] = findings) -> Any:
            return of_member

        await lifecycle.submit(member.kind, member.document_id, member.version, staff_id, at, known)
    opened = await packages.open_package(ordered, staff_id, at)
    return opened, [reported[_key(member)] for member in ordered]


async def hold_unread(package: Package, staff_id: str, at: datetime, today: date, city_url: str = "") -> bool:
    """Send members that the rules now flag and no officer has read to an officer; return True if there were any.

    Raises:
        Prohibited: the rules now refuse a member.
    """
    members = await packages.members_of(package)
    reported = await check(members, at, today, city_url)
    refused = [
        _refusal(finding, index)
        for index, findings in enumerate(reported)
        for finding in findings
        if finding.severity is Severity.REFUSED
    ]
    if refused:
        raise Prohibited(refused)
    unread = [
        member
        for member, findings in zip(members, reported, strict=True)
        if await document_checks.is_unread(member, findings)
    ]
    if unread:
        await packages.hold_for_review(package, unread, staff_id, at)
    return bool(unread)


def _refusal(finding: Finding, index: int) -> dict[str, Any]:
    return {**asdict(finding), "pointer": f"/documents/{index}{finding.pointer}"}


def _key(version: Version) -> tuple[DocumentKind, str]:
    return version.kind, version.document_id
