"""Administrators' operations on catalogue documents: draft, submit, approve, suspend, retire, export, import.

The seven kinds of document share one lifecycle. No operation here reads a person. Every operation runs in the
request's transaction; NotFound for an unknown kind, id or version, OtherDivision where the caller's token names
no division of the document.
"""

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
from benefits.publishing.rules import texts
from consent.documents import lifecycle, versions
from consent.documents.lifecycle import Version
from consent.documents.schema import is_document_id
from consent.domain.document_kinds import DocumentKind, Finding, Severity
from consent.kernel.canonical_json import sha256_of
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.errors import Conflict, NotFound, Prohibited
from consent.kernel.faults import Fault, pointer_to
from consent.oversight import draft_refusals
from service.api.admin import schemas, yaml_import
from service.api.admin.queries import named_kind, named_version, tag
from service.api.staff_divisions import require_own
from service.auth.access_tokens import Administrator
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem
from service.i18n import findings

RESERVED = frozenset({"new", "findings"})
"""Ids that no document may have: `/v1/admin/{kind}/findings` and the page `new` are addresses of their own."""
FINDINGS_OF_DRAFTS_MAX = 100
"""Drafts of one import that are checked at once: each check reads the catalogue, and nobody reads more findings."""
YAML = "application/yaml"


async def check(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """Return the publication rules' findings about a document, without storing it; refusals are counted for officers.

    Problem body_invalid for a document without canonical JSON.
    """
    kind = named_kind(context)
    _require_canonical(context, body.root)
    return Answer(schemas.Findings(findings=_findings(context, await checked_preview(context, kind, body.root))))


async def create(context: RequestContext, body: schemas.DocumentBody) -> Answer:
    """Store the first draft of a document; 201 with its findings, Conflict when the id is taken."""
    kind, document = named_kind(context), body.root
    document_id = _id_of(context, kind, document)
    _require_canonical(context, document)
    await require_own(context, kind, document)
    if await _latest_or_none(kind, document_id):
        raise Conflict("there is a document of this id; its next version is a PUT")
    drafted = await lifecycle.draft(kind, document_id, document, _staff_id(context), context.at)
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
        raise _body_invalid(context, f"/{_id_member(kind)}", "not_the_id")
    _require_canonical(context, document)
    read = context.request.headers.get("if-match")
    if read is None:
        raise Problem("precondition_required")
    latest = await versions.latest_version(kind, document_id)
    if read.strip() not in ("*", tag(latest)):
        raise Problem("precondition_failed")
    for body_of_either in (latest.body, document):
        await require_own(context, kind, body_of_either)
    drafted = await lifecycle.draft(kind, document_id, document, _staff_id(context), context.at, read=latest.sha256)
    return Answer(await _draft_answer(context, drafted), headers={"ETag": tag(drafted)})


async def submit(context: RequestContext, _: None) -> Answer:
    """Submit a draft for approval, or for a privacy officer's review; return its state and findings.

    Prohibited, with the refusals, where a rule refuses the document: it stays a draft. Conflict for no draft.
    """
    version = await _own_version(context)
    submitted, reported = await lifecycle.submit(
        version.kind, version.document_id, version.version, _staff_id(context), context.at, _publication_check(context)
    )
    return Answer(schemas.SubmittedAnswer(state=submitted.state, findings=_findings(context, reported)))


async def discard(context: RequestContext, _: None) -> Answer:
    """Discard a draft; the version in force does not change."""
    version = await _own_version(context)
    discarded = await lifecycle.discard_draft(
        version.kind, version.document_id, version.version, _staff_id(context), context.at
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
        reported = await publish.require_passed(version, context.at, context.today)
        if await publish.hold_unread(version, reported, _staff_id(context), context.at):
            return Answer(schemas.StateAnswer(state="in_review"))
        in_force_from = _in_force_from(context, version)
    approved = await lifecycle.approve(version, body.sha256, _staff_id(context), context.at, in_force_from)
    suspended = await publish.suspend_refused_benefits(approved, context.at, context.today)
    return Answer(schemas.StateAnswer(state=await versions.state_of(approved, context.at), suspended=suspended or None))


async def suspend(context: RequestContext, body: schemas.SuspendBody | None) -> Answer:
    """Suspend the version in force at once, or cancel a scheduled one; needs no second person, and may name a reason.

    Conflict for any other state, Prohibited for a scheme in force.
    """
    version, reason = await _own_version(context), None if body is None else body.reason
    if await versions.state_of(version, context.at) == "scheduled":
        ended = await lifecycle.cancel_scheduled(version, _staff_id(context), context.at, reason)
        return Answer(schemas.StateAnswer(state=ended.state))
    await _require_in_force(context, version)
    ended = await lifecycle.suspend(version.kind, version.document_id, _staff_id(context), context.at, reason)
    return Answer(schemas.StateAnswer(state=ended.state))


async def resume(context: RequestContext, _: None) -> Answer:
    """Request that a suspended version resume; a second person's request starts it."""
    version = await _own_version(context)
    resumed, started = await publish.resume(version, _staff_id(context), context.at, context.today)
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
    ends_at = _midnight(context, day)
    ended = await lifecycle.retire(version.kind, version.document_id, _staff_id(context), context.at, ends_at)
    return Answer(schemas.StateAnswer(state=await versions.state_of(ended, context.at)))


async def export_catalogue(context: RequestContext, _: None) -> Answer | Response:
    """Return every document in force as JSON, or as YAML for `?format=yaml`; an import of it has the same hashes."""
    chosen = context.request.query_params.get("format", "json")
    if chosen not in ("json", "yaml"):
        raise Problem("bad_query")
    bodies = await versions.bodies_in_force(context.at)
    if chosen == "json":
        return Answer(
            schemas.Catalogue(
                catalogue={kind: [dict(body) for body in documents] for kind, documents in bodies.items()}
            )
        )
    text = yaml.safe_dump({"catalogue": bodies}, allow_unicode=True, sort_keys=False, width=120)
    return Response(text, media_type=YAML)


async def import_catalogue(context: RequestContext, _: None) -> Answer:
    """Store a draft of every changed document of a JSON or YAML catalogue; one faulty document refuses them all.

    The importer counts as a contributor to each draft and so cannot approve them. A document equal to its newest
    version is counted as unchanged. Problem not_json for another media type, body_invalid with pointers.
    """
    raw = await json_io.read_body(context.request)
    if json_io.media_type(context.request) == YAML:
        raw = yaml_import.to_json(raw)
    elif json_io.media_type(context.request) not in json_io.JSON_TYPES:
        raise Problem("not_json")
    body = json_io.parse_line(raw, schemas.CatalogueBody)
    documents = _checked(context, body.catalogue)
    drafted: list[schemas.ImportedRow] = []
    unchanged = 0
    for kind, document_id, document in documents:
        known = await _latest_or_none(kind, document_id)
        if known is not None and known.sha256 == sha256_of(document):
            unchanged += 1
            continue
        for concerned in (document, *(() if known is None else (known.body,))):
            await require_own(context, kind, concerned)
        version = await lifecycle.draft(kind, document_id, document, _staff_id(context), context.at)
        reported = None
        if len(drafted) < FINDINGS_OF_DRAFTS_MAX:
            reported = _findings(context, await checked_preview(context, kind, document))
        drafted.append(
            schemas.ImportedRow(
                id=f"{kind}/{document_id}",
                version=version.version,
                state=version.state,
                sha256=version.sha256,
                findings=reported,
            )
        )
    return Answer(schemas.ImportAnswer(data=drafted, unchanged=unchanged), 201)


def _checked(
    context: RequestContext, catalogue: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[tuple[DocumentKind, str, Mapping[str, Any]]]:
    """Return (kind, id, document) of every document; Problem body_invalid with pointers when any has a fault of form.

    The problem also names the texts that a rule refuses, so that nobody learns of them one import later.
    """
    faults: list[Fault] = []
    documents: list[tuple[DocumentKind, str, Mapping[str, Any]]] = []
    faults_of_rules: list[Finding] = []
    seen = set()
    for name, listed in catalogue.items():
        try:
            kind = DocumentKind(name)
        except ValueError:
            faults.append(Fault(f"/catalogue{pointer_to((name,))}", "unknown_field", ""))
            continue
        for index, document in enumerate(listed):
            place = f"/catalogue/{name}/{index}"
            shape = publish.shape_faults(kind, document)
            faults += [replace(fault, pointer=place + fault.pointer) for fault in shape]
            refused = [finding for finding in texts.check(kind, document) if finding.severity is Severity.REFUSED]
            faults_of_rules += [replace(finding, pointer=place + finding.pointer) for finding in refused]
            if shape:
                continue
            document_id = str(document[_id_member(kind)])
            if document_id in RESERVED:
                faults.append(Fault(f"{place}/{_id_member(kind)}", "id_unfit", ""))
            if (kind, document_id) in seen:
                faults.append(Fault(place, "named_twice", ""))
            seen.add((kind, document_id))
            documents.append((kind, document_id, document))
    if faults:
        all_faults: list[Fault | Finding] = [*faults, *faults_of_rules]
        errors = [
            {
                "pointer": fault.pointer,
                "code": fault.code,
                "detail": findings.detail_text(fault.code, fault.pointer, fault.values, context.language),
            }
            for fault in all_faults[: json_io.ERRORS_MAX]
        ]
        raise Problem("body_invalid", errors=errors)
    return documents


async def _draft_answer(context: RequestContext, drafted: Version) -> schemas.DraftAnswer:
    return schemas.DraftAnswer(
        id=drafted.document_id,
        version=drafted.version,
        state=drafted.state,
        sha256=drafted.sha256,
        findings=_findings(context, await checked_preview(context, drafted.kind, drafted.body)),
    )


async def checked_preview(
    context: RequestContext, kind: DocumentKind, document: Mapping[str, Any]
) -> Sequence[Finding]:
    """Return the findings of a draft or preview, and count its refusals by member of staff and day."""
    reported = await publish.check(kind, document, context.at, context.today)
    await draft_refusals.count(_staff_id(context), reported, context.today)
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


async def _latest_or_none(kind: DocumentKind, document_id: str) -> Version | None:
    try:
        return await versions.latest_version(kind, document_id)
    except NotFound:
        return None


def _in_force_from(context: RequestContext, version: Version) -> datetime:
    """Return the start of an approved version: a scheme's 1 January, a benefit's first day, otherwise now."""
    day: date | None = None
    if version.kind is DocumentKind.SCHEMES:
        day = date(int(version.body["from_year"]), 1, 1)
    elif version.kind is DocumentKind.BENEFITS:
        day = date.fromisoformat(version.body["valid"]["from"])
    return context.at if day is None else max(context.at, _midnight(context, day))


def _midnight(context: RequestContext, day: date) -> datetime:
    return datetime.combine(day, time(), context.app_context.settings.city_zone)


def _id_member(kind: DocumentKind) -> str:
    return "version" if kind is DocumentKind.SCHEMES else ID_MEMBER[kind]


def _id_of(context: RequestContext, kind: DocumentKind, document: Mapping[str, Any]) -> str:
    """Return the document's id; Problem body_invalid for one that no path could name. Checks nothing else."""
    name = document.get(_id_member(kind))
    if not isinstance(name, str) or not is_document_id(kind, name) or name in RESERVED:
        raise _body_invalid(context, f"/{_id_member(kind)}", "required" if name in (None, "") else "id_unfit")
    return name


def _require_canonical(context: RequestContext, document: Mapping[str, Any]) -> None:
    try:
        sha256_of(document)
    except (rfc8785.CanonicalizationError, ValueError):
        raise _body_invalid(context, "", "not_canonical") from None


def _publication_check(context: RequestContext) -> lifecycle.PublicationCheck:
    return partial(publish.check, at=context.at, today=context.today)


def _staff_id(context: RequestContext) -> str:
    assert isinstance(context.principal, Administrator)
    return context.principal.staff_id


def _findings(context: RequestContext, reported: Sequence[Finding]) -> list[schemas.FindingAnswer]:
    return [schemas.FindingAnswer(**findings.localize(finding, context.language)) for finding in reported]


def _body_invalid(context: RequestContext, pointer: str, code: str) -> Problem:
    """Build a Problem body_invalid with one error, in the request's language."""
    detail = findings.detail_text(code, pointer, {}, context.language)
    return Problem("body_invalid", errors=[{"pointer": pointer, "code": code, "detail": detail}])
