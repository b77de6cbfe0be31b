"""Administrators' reads of the catalogue: lists, versions, differences, dependents. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from consent.documents import lifecycle, versions
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind
from consent.kernel.ascii_text import parse_digits
from consent.kernel.errors import NotFound
from consent.oversight import reviews
from service.api.admin import schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

VERSION_DIGITS = 9
"""Digits of a version number; nine fit the column's 32-bit integer."""


async def list_documents(context: RequestContext, _: None) -> Answer:
    """List documents of a kind by id, each with its newest version; `?state=` filters by that version's state."""
    kind, limit = named_kind(context), json_io.read_limit(context.request)
    chosen = context.request.query_params.get("state")
    if chosen is not None and chosen not in versions.STATES:
        raise Problem("bad_query")
    after = json_io.read_cursor(context.request, str) or ("",)
    alive = await versions.open_versions(kind, context.at)
    in_force = {version.document_id: version.body for version in await lifecycle.all_in_force(kind, context.at)}
    rows = []
    latest = await versions.latest_versions(kind, str(after[0]))
    for version, state in zip(latest, await versions.states_of(latest, context.at), strict=True):
        if chosen in (None, state):
            name = versions.name_of(kind, in_force.get(version.document_id, version.body)) or None
            rows.append(await _row(version, state, name, alive.get(version.document_id, {})))
        if len(rows) > limit:
            break
    return Answer(
        schemas.VersionList(data=rows[:limit], next_cursor=json_io.next_cursor(rows, limit, lambda row: (row.id,)))
    )


async def read_document(context: RequestContext, _: None) -> Answer:
    """Return the newest version of a document; a PUT names its ETag in `If-Match`."""
    return await _version_answer(
        context, await versions.latest_version(named_kind(context), context.request.path_params["id"])
    )


async def read_version(context: RequestContext, _: None) -> Answer:
    """Return one version of a document."""
    return await _version_answer(context, await named_version(context))


async def list_versions(context: RequestContext, _: None) -> Answer:
    """List the versions of a document, newest first; NotFound for an unknown document."""
    kind, document_id, limit = (
        named_kind(context),
        context.request.path_params["id"],
        json_io.read_limit(context.request),
    )
    cursor = json_io.read_cursor(context.request, int)
    # A number outside of the column's range would be an error on PostgreSQL.
    before = None if cursor is None else min(max(cursor[0], 0), 10**VERSION_DIGITS)
    listed = await versions.older_versions(kind, document_id, before, limit + 1)
    rows = [
        schemas.HistoryRow(
            version=version.version,
            state=state,
            sha256=version.sha256,
            in_force_from=None if version.in_force_from is None else json_io.rfc3339(version.in_force_from),
            document=version.body,
        )
        for version, state in zip(listed, await versions.states_of(listed, context.at), strict=True)
    ]
    next_cursor = json_io.next_cursor(rows, limit, lambda row: (row.version,))
    return Answer(schemas.History(data=rows[:limit], next_cursor=next_cursor))


async def steps(context: RequestContext, _: None) -> Answer:
    """Return every act on a version: who, when and why, oldest first; an officer's act with the latest reason given."""
    version = await named_version(context)
    decision = await reviews.decision_of(f"{version.kind}.{version.document_id}.{version.version}")
    rows = []
    for step in await versions.steps_of(version):
        # The decision and its step are written in one transaction, with one time.
        decided = decision.reason if decision is not None and decision.decided_at == step.at else None
        rows.append(
            schemas.StepRow(
                act=step.act, staff_id=step.staff_id, at=json_io.rfc3339(step.at), reason=step.reason or decided
            )
        )
    return Answer(schemas.Steps(data=rows))


async def diff(context: RequestContext, _: None) -> Answer:
    """Return the differences of two versions, `?from=` and `?to=`, as JSON pointers with values."""
    kind, document_id = named_kind(context), context.request.path_params["id"]
    before, after = [
        await lifecycle.get(kind, document_id, version_number(context.request.query_params.get(name, "")))
        for name in ("from", "to")
    ]
    return Answer(schemas.Differences(data=_differences(before, after)))


async def changes(context: RequestContext, _: None) -> Answer:
    """Return the differences of a version from the version in force; drafts in between do not count."""
    version = await named_version(context)
    base = await _comparison_base(context, version)
    if base is None:
        return Answer(schemas.Changes(beside=None, data=[]))
    return Answer(
        schemas.Changes(
            beside=schemas.ComparedVersion(
                id=base.document_id, version=base.version, state=await versions.state_of(base, context.at)
            ),
            data=_differences(base, version),
        )
    )


DEPENDENT_MEMBERS = {
    DocumentKind.PROVIDERS: ((DocumentKind.VENUES, "provider_id"), (DocumentKind.SERVICES, "provider_id")),
    DocumentKind.SERVICES: ((DocumentKind.BENEFITS, "service_id"),),
}
"""Kinds whose documents name a document of the kind, each with the member that holds the id."""


async def dependents(context: RequestContext, _: None) -> Answer:
    """List the documents in force that depend on a document, directly or through another one.

    A provider has venues and services, a service has benefits.
    """
    kind, document_id = named_kind(context), context.request.path_params["id"]
    await versions.latest_version(kind, document_id)
    rows: list[schemas.Dependent] = []
    waiting = [(kind, document_id)]
    while waiting:
        kind, named = waiting.pop(0)
        for dependent_kind, member in DEPENDENT_MEMBERS.get(kind, ()):
            for document in await lifecycle.all_in_force(dependent_kind, context.at):
                if document.body[member] == named:
                    rows.append(
                        schemas.Dependent(
                            kind=dependent_kind,
                            id=document.document_id,
                            name=versions.name_of(dependent_kind, document.body) or None,
                        )
                    )
                    waiting.append((dependent_kind, document.document_id))
    return Answer(schemas.Dependents(data=rows))


async def _comparison_base(context: RequestContext, version: Version) -> Version | None:
    """Return the version to compare with; for a scheme that has none in force, the scheme of the years before."""
    if (
        version.kind is not DocumentKind.SCHEMES
        or await lifecycle.in_force(version.kind, version.document_id, context.at) is not None
    ):
        return await versions.comparison_base(version, context.at)
    others = [
        scheme
        for scheme in (
            *await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at),
            *await lifecycle.scheduled(DocumentKind.SCHEMES, context.at),
        )
        if scheme.document_id != version.document_id
    ]
    year = version.body.get("from_year")
    earlier = [scheme for scheme in others if not isinstance(year, int) or scheme.body["from_year"] <= year]
    if not earlier:
        return await versions.comparison_base(version, context.at)
    return max(earlier, key=lambda scheme: int(scheme.body["from_year"]))


def _differences(before: Version, after: Version) -> list[schemas.Difference]:
    return [schemas.Difference(**difference) for difference in versions.differences(before.body, after.body)]


async def _row(
    version: Version, state: str, name: dict[str, str] | None, open_states: Mapping[int, str]
) -> schemas.VersionRow:
    others = [
        schemas.OtherVersion(version=number, state=other_state)
        for number, other_state in open_states.items()
        if number < version.version
    ]
    return schemas.VersionRow(
        id=version.document_id,
        version=version.version,
        state=state,
        sha256=version.sha256,
        name=name,
        in_force_version=next(
            (number for number, other_state in open_states.items() if other_state == "in_force"), None
        ),
        resume_requested=await versions.resume_requested(version) or None,
        others=others or None,
    )


async def _version_answer(context: RequestContext, version: Version) -> Answer:
    in_force = await lifecycle.in_force(version.kind, version.document_id, context.at)
    return Answer(
        schemas.VersionAnswer(
            id=version.document_id,
            version=version.version,
            state=await versions.state_of(version, context.at),
            sha256=version.sha256,
            in_force_from=None if version.in_force_from is None else json_io.rfc3339(version.in_force_from),
            in_force_version=None if in_force is None else in_force.version,
            resume_requested=await versions.resume_requested(version) or None,
            package_id=version.package_id,
            name=versions.name_of(version.kind, version.body) or None,
            document=version.body,
        ),
        headers={"ETag": tag(version)},
    )


async def named_version(context: RequestContext) -> Version:
    """Return the version that the path names; NotFound when there is none."""
    return await lifecycle.get(
        named_kind(context), context.request.path_params["id"], version_number(context.request.path_params["version"])
    )


def named_kind(context: RequestContext) -> DocumentKind:
    """Return the kind that the path names; NotFound when there is none."""
    try:
        return DocumentKind(context.request.path_params["kind"])
    except ValueError:
        raise NotFound("there is no such kind of document") from None


def version_number(text: str) -> int:
    """Parse a version number from a path or query; NotFound for other text, which can name no version."""
    number = parse_digits(text, VERSION_DIGITS)
    if number is None:
        raise NotFound("there is no such version")
    return number


def tag(version: Version) -> str:
    """Return the ETag of a version: its number and the first 32 hex digits of its hash."""
    return f'"{version.version}-{version.sha256[:32]}"'
