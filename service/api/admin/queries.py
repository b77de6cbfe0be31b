"""What an administrator reads of the catalogue: lists with names, versions, and what a version would change."""

from __future__ import annotations

from collections.abc import Mapping

from consent.documents import lifecycle, versions
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import NotFound
from service.api.admin import schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

VERSION_DIGITS = 9


async def list_documents(context: RequestContext, _: None) -> Answer:
    """Documents of a kind by id, each with its newest version; `?state=` keeps those whose newest is in that state."""
    kind, limit = named_kind(context), json_io.read_limit(context.request)
    wanted = context.request.query_params.get("state")
    if wanted is not None and wanted not in versions.STATES:
        raise Problem("bad_query")
    after = json_io.read_cursor(context.request, str) or ("",)
    alive = await versions.open_versions(kind, context.at)
    in_force = {one.document_id: one.body for one in await lifecycle.all_in_force(kind, context.at)}
    rows = []
    latest = await versions.latest_versions(kind, str(after[0]))
    for one, state in zip(latest, await versions.states_of(latest, context.at), strict=True):
        if wanted in (None, state):
            called = versions.name_of(kind, in_force.get(one.document_id, one.body)) or None
            rows.append(await _row(one, state, called, alive.get(one.document_id, {})))
        if len(rows) > limit:
            break
    more = len(rows) > limit
    return Answer(
        schemas.VersionList(
            data=rows[:limit], next_cursor=json_io.encode_cursor((rows[limit - 1].id,)) if more else None
        )
    )


async def read_document(context: RequestContext, _: None) -> Answer:
    """The newest version; its ETag is what a PUT needs."""
    return await _whole(context, await versions.latest_version(named_kind(context), context.request.path_params["id"]))


async def read_version(context: RequestContext, _: None) -> Answer:
    """One version."""
    return await _whole(context, await named_version(context))


async def diff(context: RequestContext, _: None) -> Answer:
    """Where two versions differ."""
    kind, document_id = named_kind(context), context.request.path_params["id"]
    before, after = [
        await lifecycle.get(kind, document_id, version_number(context.request.query_params.get(name, "")))
        for name in ("from", "to")
    ]
    return Answer(schemas.Differences(data=_differences(before, after)))


async def changes(context: RequestContext, _: None) -> Answer:
    """Where a version differs from what people have: what is in force, whatever drafts lie between."""
    found = await named_version(context)
    before = await _beside(context, found)
    if before is None:
        return Answer(schemas.Changes(beside=None, data=[]))
    return Answer(
        schemas.Changes(
            beside=schemas.ComparedVersion(
                id=before.document_id, version=before.version, state=await versions.state_of(before, context.at)
            ),
            data=_differences(before, found),
        )
    )


STANDING = {
    DocumentKind.PROVIDERS: ((DocumentKind.VENUES, "provider_id"), (DocumentKind.SERVICES, "provider_id")),
    DocumentKind.SERVICES: ((DocumentKind.BENEFITS, "service_id"),),
}
"""Which kinds name a document of a kind, and in which member."""


async def dependents(context: RequestContext, _: None) -> Answer:
    """What is in force and stands on a document: a provider's venues and services, a service's benefits."""
    kind, bearing = named_kind(context), context.request.path_params["id"]
    await versions.latest_version(kind, bearing)
    found: list[schemas.Dependent] = []
    waiting = [(kind, bearing)]
    while waiting:
        here, document_id = waiting.pop(0)
        for above, member in STANDING.get(here, ()):
            for one in await lifecycle.all_in_force(above, context.at):
                if one.body[member] == document_id:
                    found.append(
                        schemas.Dependent(
                            kind=above, id=one.document_id, name=versions.name_of(above, one.body) or None
                        )
                    )
                    waiting.append((above, one.document_id))
    return Answer(schemas.Dependents(data=found))


async def _beside(context: RequestContext, found: Version) -> Version | None:
    """What a version is read against; of a new scheme, which has no past of its own, the scheme that it follows."""
    if (
        found.kind is not DocumentKind.SCHEMES
        or await lifecycle.in_force(found.kind, found.document_id, context.at) is not None
    ):
        return await versions.comparison_base(found, context.at)
    others = [
        one
        for one in (
            *await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at),
            *await lifecycle.scheduled(DocumentKind.SCHEMES, context.at),
        )
        if one.document_id != found.document_id
    ]
    year = found.body.get("from_year")
    before = [one for one in others if not isinstance(year, int) or one.body["from_year"] <= year]
    if not before:
        return await versions.comparison_base(found, context.at)
    return max(before, key=lambda one: int(one.body["from_year"]))


def _differences(before: Version, after: Version) -> list[schemas.Difference]:
    return [schemas.Difference(**one) for one in versions.differences(before.body, after.body)]


async def _row(one: Version, state: str, name: dict[str, str] | None, alive: Mapping[int, str]) -> schemas.VersionRow:
    others = [
        schemas.OtherVersion(version=number, state=said) for number, said in alive.items() if number < one.version
    ]
    return schemas.VersionRow(
        id=one.document_id,
        version=one.version,
        state=state,
        sha256=one.sha256,
        name=name,
        in_force_version=next((number for number, said in alive.items() if said == "in_force"), None),
        resume_requested=await versions.resume_requested(one) or None,
        others=others or None,
    )


async def _whole(context: RequestContext, found: Version) -> Answer:
    now = await lifecycle.in_force(found.kind, found.document_id, context.at)
    return Answer(
        schemas.VersionAnswer(
            id=found.document_id,
            version=found.version,
            state=await versions.state_of(found, context.at),
            sha256=found.sha256,
            in_force_from=None if found.in_force_from is None else json_io.rfc3339(found.in_force_from),
            in_force_version=None if now is None else now.version,
            resume_requested=await versions.resume_requested(found) or None,
            name=versions.name_of(found.kind, found.body) or None,
            document=found.body,
        ),
        headers={"ETag": tag(found)},
    )


async def named_version(context: RequestContext) -> Version:
    """The version that the path names; NotFound for any other."""
    return await lifecycle.get(
        named_kind(context), context.request.path_params["id"], version_number(context.request.path_params["version"])
    )


def named_kind(context: RequestContext) -> DocumentKind:
    """The kind that the path names; NotFound for any other."""
    try:
        return DocumentKind(context.request.path_params["kind"])
    except ValueError:
        raise NotFound("there is no such kind of document") from None


def version_number(text: str) -> int:
    """A version's number as it stands in a path or query; NotFound for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS):
        raise NotFound("there is no such version")
    return int(text)


def tag(found: Version) -> str:
    """The ETag of a version."""
    return f'"{found.version}-{found.sha256[:32]}"'
