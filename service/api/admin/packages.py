"""Administrators' operations on packages: submit drafts together, read, approve, recall.

Each runs in the request's transaction. NotFound for an unknown package or document, OtherDivision where the caller's
token names no division of a document.
"""

from __future__ import annotations

from collections.abc import Sequence

from benefits.publishing import document_checks
from benefits.publishing import packages as package_rules
from consent.database import queries
from consent.documents import lifecycle, packages, versions
from consent.documents.lifecycle import Version
from consent.documents.packages import Package
from consent.domain.document_kinds import Finding
from consent.kernel.errors import Conflict
from service.api.admin import package_schemas
from service.api.admin.handlers import begins_at, finding_answers, staff_id_of
from service.api.pass_signer import city_url
from service.api.staff_divisions import require_own
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem, body_invalid
from service.i18n import findings

WAITING = ("submitted", "in_review")
"""States of the documents of an open package."""


async def submit_package(context: RequestContext, body: package_schemas.PackageBody) -> Answer:
    """Submit drafts as one package; 201 with its hash and the findings of each document.

    A document that waits in another open package recalls that package, and its reviews are void. Prohibited where a
    rule refuses any document: all stay drafts. Conflict where a document has a newer version, or is neither a draft
    nor in an open package.
    """
    members = await _members(context, body)
    submitted, reported = await package_rules.submit(
        members, staff_id_of(context), context.at, context.today, city_url(context)
    )
    return Answer(await _answer(context, submitted, reported), 201)


async def _members(context: RequestContext, body: package_schemas.PackageBody) -> list[Version]:
    """Return the named versions as drafts, each once; recall the open packages that they wait in."""
    named, recalled = set(), set()
    for index, member in enumerate(body.documents):
        if (member.kind, member.id) in named:
            pointer = f"/documents/{index}"
            detail = findings.detail_text("named_twice", pointer, {}, context.language)
            raise body_invalid(pointer, "named_twice", detail)
        named.add((member.kind, member.id))
        version = await lifecycle.get(member.kind, member.id, member.version)
        await require_own(context, version.kind, version.body)
        if (await versions.latest_version(version.kind, version.document_id)).version != version.version:
            raise Conflict("there is a newer version of a document")
        if version.package_id is not None:
            recalled.add(version.package_id)
    for package_id in sorted(recalled):
        await _recall(context, await packages.lock(package_id))
    return [await lifecycle.get(member.kind, member.id, member.version) for member in body.documents]


async def list_packages(context: RequestContext, _: None) -> Answer:
    """List packages, newest first; `?state=open` lists those that wait."""
    limit, state = json_io.read_limit(context.request), context.request.query_params.get("state")
    if state is not None and state not in packages.STATES:
        raise Problem("bad_query")
    rows = await packages.latest(state, json_io.read_keyset(context.request), limit + 1)
    next_cursor = json_io.next_cursor(
        rows, limit, lambda package: (queries.to_micros(package.submitted_at), package.package_id)
    )
    data = [await _answer(context, package, None) for package in rows[:limit]]
    return Answer(package_schemas.PackageList(data=data, next_cursor=next_cursor))


async def read_package(context: RequestContext, _: None) -> Answer:
    """Return a package; while it is open, with the findings of each document as if the others were in force."""
    package = await _named(context)
    reported = None
    if package.state == "open":
        reported = await package_rules.check(
            await packages.members_of(package), context.at, context.today, city_url(context)
        )
    return Answer(await _answer(context, package, reported))


async def approve_package(context: RequestContext, body: package_schemas.ApprovePackageBody) -> Answer:
    """Approve a package by its hash as a second person: every document of it, or none.

    Each document is checked again, by the rules of a document on its own, after those that it names are in force. One
    that the rules now flag and that no officer has read sends the package to an officer instead.
    FourEyes when the caller contributed to any document or passed one on as an officer; Changed for another hash or a
    document with a newer version; Conflict while it waits for an officer; Prohibited where a rule refuses a document.
    """
    package, staff_id = await _named(context), staff_id_of(context)
    await _require_own(context, package)
    await packages.require_current(package, body.sha256)
    if any(member.state != "submitted" for member in await packages.members_of(package)):
        raise Conflict("a privacy officer has to review the package first")
    if await package_rules.hold_unread(package, staff_id, context.at, context.today, city_url(context)):
        return Answer(package_schemas.PackageDecided(package_id=package.package_id, state="in_review"))
    suspended: list[str] = []
    for member in await packages.end(package, "approved", staff_id, context.at):
        reported = await document_checks.require_passed(member, context.at, context.today, city_url(context))
        if await document_checks.is_unread(member, reported):
            raise Conflict("the rules flag a document once the others are in force; submit it on its own")
        approved = await lifecycle.approve(member, member.sha256, staff_id, context.at, begins_at(context, member))
        suspended += await document_checks.suspend_refused_benefits(approved, context.at, context.today)
    return Answer(
        package_schemas.PackageDecided(
            package_id=package.package_id, state="approved", suspended=sorted(suspended) or None
        )
    )


async def recall_package(context: RequestContext, _: None) -> Answer:
    """Turn the documents of an open package into drafts again; one person suffices. Conflict for an ended one."""
    package = await _named(context)
    await _recall(context, package)
    return Answer(package_schemas.PackageDecided(package_id=package.package_id, state="recalled"))


async def _recall(context: RequestContext, package: Package) -> None:
    await _require_own(context, package)
    await packages.recall(package, staff_id_of(context), context.at)


async def _require_own(context: RequestContext, package: Package) -> None:
    for member in await packages.members_of(package):
        await require_own(context, member.kind, member.body)


async def _named(context: RequestContext) -> Package:
    return await packages.lock(context.request.path_params["package_id"])


async def _answer(
    context: RequestContext, package: Package, reported: Sequence[Sequence[Finding]] | None
) -> package_schemas.PackageAnswer:
    """Return a package with the state of each document; `reported` are their findings, None without."""
    members = await packages.members_of(package)
    state = package.state
    if state == "open":
        state = "in_review" if any(member.state == "in_review" for member in members) else "submitted"
    documents = [
        package_schemas.PackagedDocument(
            kind=member.kind,
            id=member.document_id,
            version=member.version,
            state=await versions.state_of(member, context.at),
            sha256=member.sha256,
            name=versions.name_of(member.kind, member.body) or None,
            findings=None if reported is None else finding_answers(context, reported[index]),
        )
        for index, member in enumerate(members)
    ]
    return package_schemas.PackageAnswer(
        package_id=package.package_id,
        sha256=package.sha256,
        state=state,
        changed=package.state == "open" and bool(await packages.changed_members(package)),
        submitted_by=package.submitted_by,
        submitted_at=json_io.rfc3339(package.submitted_at),
        ended_by=package.ended_by,
        ended_at=None if package.ended_at is None else json_io.rfc3339(package.ended_at),
        documents=documents,
    )
