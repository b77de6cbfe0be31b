"""Administrators' operations on catalogue documents: draft, submit, approve, suspend, retire, export, import.

The eight kinds of document share one lifecycle. No operation here reads a person. Every operation runs in the
request's transaction; NotFound for an unknown kind, id or version, OtherDivision where the caller's token names
no division of the document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

import rfc8785
from starlette.responses import Response

from benefits.catalogue.schema import ID_MEMBER
from benefits.publishing import document_checks
from consent.documents import lifecycle, versions
from consent.documents.lifecycle import Version
from consent.documents.schema import is_document_id
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.kernel.canonical_json import sha256_of
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.errors import Conflict, NotFound, Prohibited
from consent.kernel.faults import Fault, Values
from consent.oversight import draft_refusals
from service.api.admin import schemas, yaml_export
from service.api.admin.queries import named_kind, named_version, tag
from service.api.pass_signer import city_url
from service.api.staff_divisions import require_own
from service.auth.access_tokens import Administrator
from service.http import json_io
from service.http.accept import preferred_media
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem, body_invalid
from service.i18n import findings

RESERVED = frozenset({"new", "findings"})
"""Ids that no document may have: `/v1/admin/{kind}/findings` and the page `new` are addresses of their own."""
YAML = "application/yaml"
DOCUMENT_BYTES_MAX = 64 * 1024
"""Bytes of one document as JSON. The longest of the demonstration, a notice in two languages, has five thousand."""
NO_VALUES: Values = MappingProxyType({})


async def check(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """Return the publication rules' findings about a document, without storing it; refusals are counted for officers.

    Problem body_invalid for a document without canonical JSON.
    """
    kind = named_kind(context)
    _require_fit(context, body.root)
    return Answer(schemas.Findings(findings=finding_answers(context, await checked_preview(context, kind, body.root))))


async def create(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """Store the first draft of a document; 201 with its findings, Conflict when the id is taken."""
    kind, document = named_kind(context), body.root
    document_id = _id_of(context, kind, document)
    _require_fit(context, document)
    await require_own(context, kind, document)
    if await latest_or_none(kind, document_id):
        raise Conflict("there is a document of this id; its next version is a PUT")
    drafted = await lifecycle.draft(kind, document_id, document, staff_id_of(context), context.at)
    return Answer(await _draft_answer(context, drafted), 201)


async def edit(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """Store the next version as a draft; the version in force does not change.

    `If-Match` is required and must be the newest version's ETag or `*`, so that two editors do not overwrite each
    other: Problem precondition_required without it, precondition_failed for an older one, body_invalid when the
    document's id is not the path's.
    """
    kind, document = named_kind(context), body.root
    document_id = context.request.path_params["id"]
    if _id_of(context, kind, document) != document_id:
        raise _body_invalid(context, f"/{id_member(kind)}", "not_the_id")
    _require_fit(context, document)
    read = context.request.headers.get("if-match")
    if read is None:
        raise Problem("precondition_required")
    latest = await versions.latest_version(kind, document_id)
    if read.strip() not in ("*", tag(latest)):
        raise Problem("precondition_failed")
    for body_of_either in (latest.body, document):
        await require_own(context, kind, body_of_either)
    drafted = await lifecycle.draft(kind, document_id, document, staff_id_of(context), context.at, read=latest.sha256)
    return Answer(await _draft_answer(context, drafted), headers={"ETag": tag(drafted)})


async def submit(context: RequestContext, _: None) -> Answer:
    """Submit a draft for approval, or for a privacy officer's review; return its state and findings.

    Prohibited, with the refusals, where a rule refuses the document: it stays a draft. Conflict for no draft.
    """
    version = await _own_version(context)
    submitted, reported = await lifecycle.submit(
        version.kind,
        version.document_id,
        version.version,
        staff_id_of(context),
        context.at,
        _publication_check(context),
    )
    return Answer(schemas.SubmittedAnswer(state=submitted.state, findings=finding_answers(context, reported)))


async def discard(context: RequestContext, _: None) -> Answer:
    """Discard a draft; the version in force does not change."""
    version = await _own_version(context)
    discarded = await lifecycle.discard_draft(
        version.kind, version.document_id, version.version, staff_id_of(context), context.at
    )
    return Answer(schemas.StateAnswer(state=await versions.state_of(discarded, context.at)))


async def approve(context: RequestContext, body: schemas.ApproveBody) -> Answer:
    """Approve a submitted version by its hash, or agree to resume a suspended one.

    The publication rules run again, because other documents may have changed since the submission. A version that they
    flag by now and no officer has read becomes `in_review` instead. Benefits that they refuse on a new version of a
    service are suspended and named in the answer.
    FourEyes when the caller contributed to the version, Changed when the hash is not the version's.
    """
    version = await _own_version(context)
    if version.state == "suspended":
        return await resume(context, None)
    in_force_from = context.at
    if version.state == "submitted":
        reported = await document_checks.require_passed(version, context.at, context.today, city_url(context))
        if await document_checks.hold_unread(version, reported, staff_id_of(context), context.at):
            return Answer(schemas.StateAnswer(state="in_review"))
        in_force_from = begins_at(context, version)
    approved = await lifecycle.approve(version, body.sha256, staff_id_of(context), context.at, in_force_from)
    suspended = await document_checks.suspend_refused_benefits(approved, context.at, context.today)
    return Answer(schemas.StateAnswer(state=await versions.state_of(approved, context.at), suspended=suspended or None))


async def suspend(context: RequestContext, body: schemas.SuspendBody | None) -> Answer:
    """Suspend the version in force at once, or cancel a scheduled one; needs no second person, and may name a reason.

    Conflict for any other state, Prohibited for a scheme in force.
    """
    version, reason = await _own_version(context), None if body is None else body.reason
    if await versions.state_of(version, context.at) == "scheduled":
        ended = await lifecycle.cancel_scheduled(version, staff_id_of(context), context.at, reason)
        return Answer(schemas.StateAnswer(state=ended.state))
    await _require_in_force(context, version)
    ended = await lifecycle.suspend(version.kind, version.document_id, staff_id_of(context), context.at, reason)
    return Answer(schemas.StateAnswer(state=ended.state))


async def resume(context: RequestContext, _: None) -> Answer:
    """Request that a suspended version resume; a second person's request starts it."""
    version = await _own_version(context)
    resumed, started = await document_checks.resume(
        version, staff_id_of(context), context.at, context.today, city_url(context)
    )
    return Answer(
        schemas.StateAnswer(state=await versions.state_of(resumed, context.at) if started else "resume_requested")
    )


async def retire(context: RequestContext, body: schemas.RetireBody) -> Answer:
    """End the version in force at the beginning of a civil day; today ends it now.

    Problem body_invalid for no date or a past day, Conflict unless the version is in force.
    """
    version = await _own_version(context)
    await _require_in_force(context, version)
    day = parse_civil_day(body.from_)
    if day is None:
        raise _body_invalid(context, "/from", "invalid_date")
    if day < context.today:
        # A version in force has bound people until now: an end in the past would rewrite that.
        raise _body_invalid(context, "/from", "in_the_past")
    ends_at = context.app_context.midnight_of(day)
    ended = await lifecycle.retire(version.kind, version.document_id, staff_id_of(context), context.at, ends_at)
    return Answer(schemas.StateAnswer(state=await versions.state_of(ended, context.at)))


async def export_catalogue(context: RequestContext, _: None) -> Answer | Response:
    """Return every document in force as JSON, or as YAML where `?format=` or `Accept` ask for it.

    An import of it has the same hashes.
    """
    accepted = preferred_media(context.request.headers.get("accept", ""), ("application/json", YAML))
    chosen = context.request.query_params.get("format", "yaml" if accepted == YAML else "json")
    if chosen not in ("json", "yaml"):
        raise Problem("bad_query")
    bodies = await versions.bodies_in_force(context.at)
    if chosen == "json":
        return Answer(
            schemas.Catalogue(
                catalogue={kind: [dict(body) for body in documents] for kind, documents in bodies.items()}
            )
        )
    return Response(yaml_export.from_document({"catalogue": bodies}), media_type=YAML)


async def _draft_answer(context: RequestContext, drafted: Version) -> schemas.DraftAnswer:
    return schemas.DraftAnswer(
        id=drafted.document_id,
        version=drafted.version,
        state=drafted.state,
        sha256=drafted.sha256,
        findings=finding_answers(context, await checked_preview(context, drafted.kind, drafted.body)),
    )


async def checked_preview(
    context: RequestContext, kind: DocumentKind, document: Mapping[str, Any]
) -> Sequence[Finding]:
    """Return the findings of a draft or preview, and count its refusals by member of staff and day."""
    reported = await document_checks.check(kind, document, context.at, context.today, city_url(context))
    await draft_refusals.count(staff_id_of(context), reported, context.today)
    return reported


async def _own_version(context: RequestContext) -> Version:
    """Return the version that the path names; OtherDivision for a document of another division."""
    version = await named_version(context)
    await require_own(context, version.kind, version.body)
    return version


async def _require_in_force(context: RequestContext, version: Version) -> None:
    """Raise Conflict unless the version is in force, and Prohibited for a scheme: points given must not be lost."""
    now = await lifecycle.in_force(version.kind, version.document_id, context.at)
    if now is None or now.version != version.version:
        raise Conflict("this version is not in force")
    if version.kind is DocumentKind.SCHEMES:
        detail = "what a scheme has given stays until the expiry that was announced"
        raise Prohibited([asdict(Finding("scheme_stopped", "R1", "", Severity.REFUSED, detail))])


async def latest_or_none(kind: DocumentKind, document_id: str) -> Version | None:
    """Return the newest version of a document, or None where there is none."""
    try:
        return await versions.latest_version(kind, document_id)
    except NotFound:
        return None


def begins_at(context: RequestContext, version: Version) -> datetime:
    """Return the start of an approved version: a scheme's 1 January, a benefit's first day, otherwise now."""
    day: date | None = None
    if version.kind is DocumentKind.SCHEMES:
        day = date(int(version.body["from_year"]), 1, 1)
    elif version.kind is DocumentKind.BENEFITS:
        day = date.fromisoformat(version.body["valid"]["from"])
    return context.at if day is None else max(context.at, context.app_context.midnight_of(day))


def id_member(kind: DocumentKind) -> str:
    """Return the name of the member that holds a document's id."""
    return "version" if kind is DocumentKind.SCHEMES else ID_MEMBER[kind]


def _id_of(context: RequestContext, kind: DocumentKind, document: Mapping[str, Any]) -> str:
    """Return the document's id; Problem body_invalid for one that no path could name. Checks nothing else."""
    name = document.get(id_member(kind))
    if not isinstance(name, str) or not is_document_id(kind, name) or name in RESERVED:
        raise _body_invalid(context, f"/{id_member(kind)}", "required" if name in (None, "") else "id_unfit")
    return name


def size_faults(document: Mapping[str, Any]) -> Sequence[Fault]:
    """Return the fault of a document that is too large or has no canonical JSON, before any rule reads it."""
    try:
        if len(json_io.to_bytes(document)) > DOCUMENT_BYTES_MAX:
            return [Fault("", "document_too_large", "", {"most": DOCUMENT_BYTES_MAX // 1024})]
        sha256_of(document)
    except (rfc8785.CanonicalizationError, ValueError, TypeError):  # TypeError: orjson refuses more than 64 bits
        return [Fault("", "not_canonical", "")]
    return []


def _require_fit(context: RequestContext, document: Mapping[str, Any]) -> None:
    for fault in size_faults(document):
        raise _body_invalid(context, fault.pointer, fault.code, fault.values)


def _publication_check(context: RequestContext) -> lifecycle.PublicationCheck:
    return partial(document_checks.check, at=context.at, today=context.today, city_url=city_url(context))


def staff_id_of(context: RequestContext) -> str:
    """Return the id of the administrator who sends the request."""
    assert isinstance(context.principal, Administrator)
    return context.principal.staff_id


def finding_answers(context: RequestContext, reported: Sequence[Finding]) -> list[schemas.FindingAnswer]:
    """Return findings as answers in the language of the request."""
    return [schemas.FindingAnswer(**findings.localize(finding, context.language)) for finding in reported]


def _body_invalid(context: RequestContext, pointer: str, code: str, values: Values = NO_VALUES) -> Problem:
    """Build a Problem body_invalid with one error, in the request's language."""
    detail = findings.detail_text(code, pointer, values, context.language)
    return body_invalid(pointer, code, detail)
