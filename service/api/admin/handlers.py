"""The administrator's door: one life for the seven kinds of catalogue document. Nobody here sees a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, time
from functools import partial
from typing import Any

import rfc8785
import yaml
from starlette.responses import Response

from benefits.catalogue.schema import ID_MEMBER
from benefits.publishing import publish
from consent.documents import lifecycle, versions
from consent.documents.lifecycle import Version
from consent.documents.schema import is_document_id
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.kernel.canonical_json import sha256_of
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.errors import Conflict, NotFound, Prohibited
from consent.kernel.faults import Fault, pointer_to
from service.api.admin import schemas, yaml_import
from service.api.admin.queries import named_kind, named_version, tag
from service.auth.access_tokens import Administrator
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem
from service.i18n import findings

"""A scheme is called by its version, which has a dot; what it must be exactly is the gate's business."""
RESERVED = frozenset({"new", "findings"})
"""Ids that are the addresses of something else, so that a document of this name could not be opened."""
YAML = "application/yaml"


async def find(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """What the gate would say. Nothing is kept."""
    kind = named_kind(context)
    _hashable(context, body.root)
    return Answer(schemas.Findings(findings=_findings(context, await _gate(context)(kind, body.root))))


async def create(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """A first draft."""
    kind, document = named_kind(context), body.root
    document_id = _id_of(context, kind, document)
    _hashable(context, document)
    if await _known(kind, document_id):
        raise Conflict("there is a document of this id; its next version is a PUT")
    drafted = await lifecycle.draft(kind, document_id, document, _staff(context), context.at)
    return Answer(await _drafted(context, drafted), 201)


async def edit(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """The next version as a draft; what is in force stays in force."""
    kind, document = named_kind(context), body.root
    document_id = context.request.path_params["id"]
    if _id_of(context, kind, document) != document_id:
        raise _unfit(context, f"/{_id_member(kind)}", "not_the_id")
    _hashable(context, document)
    read = context.request.headers.get("if-match")
    if read is None:
        raise Problem("precondition_required")
    latest = await versions.latest_version(kind, document_id)
    if read.strip() not in ("*", tag(latest)):
        raise Problem("precondition_failed")
    drafted = await lifecycle.draft(kind, document_id, document, _staff(context), context.at, read=latest.sha256)
    return Answer(await _drafted(context, drafted), headers={"ETag": tag(drafted)})


async def submit(context: RequestContext, _: None) -> Answer:
    """Through the gate: submitted, in review where flagged, refused for good otherwise."""
    found = await named_version(context)
    submitted, found_now = await lifecycle.submit(
        found.kind, found.document_id, found.version, _staff(context), context.at, _gate(context)
    )
    return Answer(schemas.SubmittedAnswer(state=submitted.state, findings=_findings(context, found_now)))


async def discard(context: RequestContext, _: None) -> Answer:
    """Give up a draft; what is in force stays in force."""
    found = await named_version(context)
    given_up = await lifecycle.discard_draft(found.kind, found.document_id, found.version, _staff(context), context.at)
    return Answer(schemas.StateAnswer(state=await versions.state_of(given_up, context.at)))


async def approve(context: RequestContext, body: schemas.ApproveBody) -> Answer:
    """The second pair of eyes. The gate looks once more: the world may have moved since the submission."""
    found = await named_version(context)
    if found.state == "suspended":
        return await resume(context, None)
    begins = context.at
    if found.state == "submitted":
        await publish.require_passed(found, context.at, context.today)
        begins = _begins(context, found)
    approved = await lifecycle.approve(found, body.sha256, _staff(context), context.at, begins)
    stopped = await publish.suspend_refused_benefits(approved, context.at, context.today)
    return Answer(schemas.StateAnswer(state=await versions.state_of(approved, context.at), suspended=stopped or None))


async def suspend(context: RequestContext, _: None) -> Answer:
    """Stop what is in force at once; one person suffices."""
    found = await named_version(context)
    if await versions.state_of(found, context.at) == "scheduled":
        stopped = await lifecycle.cancel_scheduled(found, _staff(context), context.at)
        return Answer(schemas.StateAnswer(state=stopped.state))
    await _must_be_in_force(context, found)
    stopped = await lifecycle.suspend(found.kind, found.document_id, _staff(context), context.at)
    return Answer(schemas.StateAnswer(state=stopped.state))


async def resume(context: RequestContext, _: None) -> Answer:
    """Ask to start again; another person who asks the same agrees."""
    found = await named_version(context)
    resumed, started = await publish.resume(found, _staff(context), context.at, context.today)
    return Answer(
        schemas.StateAnswer(state=await versions.state_of(resumed, context.at) if started else "resume_requested")
    )


async def retire(context: RequestContext, body: schemas.RetireBody) -> Answer:
    """End what is in force, from a day on."""
    found = await named_version(context)
    await _must_be_in_force(context, found)
    day = parse_civil_day(body.from_)
    if day is None:
        raise _unfit(context, "/from", "invalid_date")
    if day < context.today:
        # What was in force until now has bound people; nobody ends it before today.
        raise _unfit(context, "/from", "in_the_past")
    ends_at = _midnight(context, day)
    ended = await lifecycle.retire(found.kind, found.document_id, _staff(context), context.at, ends_at)
    return Answer(schemas.StateAnswer(state=await versions.state_of(ended, context.at)))


async def export_catalogue(context: RequestContext, _: None) -> Answer | Response:
    """Everything in force, as JSON or (`?format=yaml`) YAML; imported again it has the same hashes."""
    chosen = context.request.query_params.get("format", "json")
    if chosen not in ("json", "yaml"):
        raise Problem("bad_query")
    found = await versions.bodies_in_force(context.at)
    if chosen == "json":
        return Answer(schemas.Catalogue(catalogue={kind: [dict(one) for one in all_] for kind, all_ in found.items()}))
    text = yaml.safe_dump({"catalogue": found}, allow_unicode=True, sort_keys=False, width=120)
    return Response(text, media_type=YAML)


async def import_catalogue(context: RequestContext, _: None) -> Answer:
    """Drafts of everything in a catalogue, all or nothing; whoever imports has contributed to each of them."""
    raw = await json_io.read_body(context.request)
    if json_io.media_type(context.request) == YAML:
        raw = yaml_import.to_json(raw)
    elif json_io.media_type(context.request) not in json_io.JSON_TYPES:
        raise Problem("not_json")
    body = json_io.parse_line(raw, schemas.CatalogueBody)
    wanted = _checked(context, body.catalogue)
    drafted, unchanged = [], 0
    for kind, document_id, document in wanted:
        known = await _known(kind, document_id)
        if known is not None and known.sha256 == sha256_of(document):
            unchanged += 1
            continue
        one = await lifecycle.draft(kind, document_id, document, _staff(context), context.at)
        drafted.append(
            schemas.VersionRow(id=f"{kind}/{document_id}", version=one.version, state=one.state, sha256=one.sha256)
        )
    return Answer(schemas.ImportAnswer(data=drafted, unchanged=unchanged), 201)


def _checked(
    context: RequestContext, catalogue: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[tuple[DocumentKind, str, Mapping[str, Any]]]:
    """Every document with its kind and id, each readable; Problem body_invalid with pointers otherwise."""
    faults: list[Fault] = []
    found: list[tuple[DocumentKind, str, Mapping[str, Any]]] = []
    seen = set()
    for name, all_ in catalogue.items():
        try:
            kind = DocumentKind(name)
        except ValueError:
            faults.append(Fault(f"/catalogue{pointer_to((name,))}", "unknown_field", ""))
            continue
        for index, document in enumerate(all_):
            here = f"/catalogue/{name}/{index}"
            wrong = publish.shape_faults(kind, document)
            faults += [replace(one, pointer=here + one.pointer) for one in wrong]
            if wrong:
                continue
            document_id = str(document[_id_member(kind)])
            if document_id in RESERVED:
                faults.append(Fault(f"{here}/{_id_member(kind)}", "id_unfit", ""))
            if (kind, document_id) in seen:
                faults.append(Fault(here, "named_twice", ""))
            seen.add((kind, document_id))
            found.append((kind, document_id, document))
    if faults:
        errors = [
            {
                "pointer": one.pointer,
                "code": one.code,
                "detail": findings.detail_text(one.code, one.pointer, one.values, context.language),
            }
            for one in faults[: json_io.ERRORS_MAX]
        ]
        raise Problem("body_invalid", errors=errors)
    return found


async def _drafted(context: RequestContext, drafted: Version) -> schemas.DraftAnswer:
    return schemas.DraftAnswer(
        id=drafted.document_id,
        version=drafted.version,
        state=drafted.state,
        sha256=drafted.sha256,
        findings=_findings(context, await _gate(context)(drafted.kind, drafted.body)),
    )


async def _must_be_in_force(context: RequestContext, found: Version) -> None:
    """Conflict unless the version is in force; Prohibited for a scheme that has begun: people's points stand on it."""
    now = await lifecycle.in_force(found.kind, found.document_id, context.at)
    if now is None or now.version != found.version:
        raise Conflict("this version is not in force")
    if found.kind is DocumentKind.SCHEMES:
        detail = "what a scheme has given stays until the expiry that was announced"
        raise Prohibited([asdict(Finding("scheme_stopped", "R1", "", Severity.REFUSED, detail))])


async def _known(kind: DocumentKind, document_id: str) -> Version | None:
    try:
        return await versions.latest_version(kind, document_id)
    except NotFound:
        return None


def _begins(context: RequestContext, found: Version) -> datetime:
    """When an approved version comes into force: a scheme on its 1 January, a benefit on its first day, else now."""
    day: date | None = None
    if found.kind is DocumentKind.SCHEMES:
        day = date(int(found.body["from_year"]), 1, 1)
    elif found.kind is DocumentKind.BENEFITS:
        day = date.fromisoformat(found.body["valid"]["from"])
    return context.at if day is None else max(context.at, _midnight(context, day))


def _midnight(context: RequestContext, day: date) -> datetime:
    return datetime.combine(day, time(), context.app_context.settings.city_zone)


def _id_member(kind: DocumentKind) -> str:
    return "version" if kind is DocumentKind.SCHEMES else ID_MEMBER[kind]


def _id_of(context: RequestContext, kind: DocumentKind, document: Mapping[str, Any]) -> str:
    """What a document is called, so that it can be opened by it; everything else about it is the gate's business."""
    name = document.get(_id_member(kind))
    if not isinstance(name, str) or not is_document_id(kind, name) or name in RESERVED:
        raise _unfit(context, f"/{_id_member(kind)}", "required" if name in (None, "") else "id_unfit")
    return name


def _hashable(context: RequestContext, document: Mapping[str, Any]) -> None:
    try:
        sha256_of(document)
    except (rfc8785.CanonicalizationError, ValueError):
        raise _unfit(context, "", "not_canonical") from None


def _gate(context: RequestContext) -> lifecycle.PublicationCheck:
    return partial(publish.check, at=context.at, today=context.today)


def _staff(context: RequestContext) -> str:
    assert isinstance(context.principal, Administrator)
    return context.principal.staff_id


def _findings(context: RequestContext, found: Sequence[Finding]) -> list[schemas.FindingAnswer]:
    return [schemas.FindingAnswer(**findings.localize(one, context.language)) for one in found]


def _unfit(context: RequestContext, pointer: str, code: str) -> Problem:
    """One thing about a body that does not fit, in the reader's language."""
    detail = findings.detail_text(code, pointer, {}, context.language)
    return Problem("body_invalid", errors=[{"pointer": pointer, "code": code, "detail": detail}])
