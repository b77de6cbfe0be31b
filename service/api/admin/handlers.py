"""The administrator's door: one life for the seven kinds of catalogue document. Nobody here sees a person."""

from __future__ import annotations

import re
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
from consent.domain.kinds import Finding, Kind, Severity
from consent.kernel.canonical_json import sha256_of
from consent.kernel.errors import Conflict, NotFound, Prohibited
from consent.kernel.faults import Fault, pointer_to
from service.api.admin import schemas as shapes
from service.api.admin import yaml_import
from service.api.admin.queries import named_kind, named_version, tag
from service.auth.access_tokens import Administrator
from service.http import json_io
from service.http.endpoints import Answer, Ask
from service.http.problems import Problem
from service.i18n import findings

ID_OF_A_DOCUMENT = re.compile(r"[a-z0-9][a-z0-9-]{1,62}", re.ASCII)
ID_OF_A_SCHEME = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}", re.ASCII)
"""A scheme is called by its version, which has a dot; what it must be exactly is the gate's business."""
RESERVED = frozenset({"new", "findings"})
"""Ids that are the addresses of something else, so that a document of this name could not be opened."""
YAML = "application/yaml"


async def find(ask: Ask, body: shapes.DocumentBody) -> Answer:
    """What the gate would say. Nothing is kept."""
    kind = named_kind(ask)
    _hashable(ask, body.root)
    return Answer(shapes.Findings(findings=_findings(ask, await _gate(ask)(kind, body.root))))


async def create(ask: Ask, body: shapes.DocumentBody) -> Answer:
    """A first draft."""
    kind, document = named_kind(ask), body.root
    document_id = _id_of(ask, kind, document)
    _hashable(ask, document)
    if await _known(kind, document_id):
        raise Conflict("there is a document of this id; its next version is a PUT")
    drafted = await lifecycle.draft(kind, document_id, document, _staff(ask), ask.at)
    return Answer(await _drafted(ask, drafted), 201)


async def edit(ask: Ask, body: shapes.DocumentBody) -> Answer:
    """The next version as a draft; what is in force stays in force."""
    kind, document = named_kind(ask), body.root
    document_id = ask.request.path_params["id"]
    if _id_of(ask, kind, document) != document_id:
        raise _unfit(ask, f"/{_id_member(kind)}", "not_the_id")
    _hashable(ask, document)
    read = ask.request.headers.get("if-match")
    if read is None:
        raise Problem("precondition_required")
    latest = await versions.latest(kind, document_id)
    if read.strip() not in ("*", tag(latest)):
        raise Problem("precondition_failed")
    drafted = await lifecycle.draft(kind, document_id, document, _staff(ask), ask.at, read=latest.sha256)
    return Answer(await _drafted(ask, drafted), headers={"ETag": tag(drafted)})


async def submit(ask: Ask, _: None) -> Answer:
    """Through the gate: submitted, in review where flagged, refused for good otherwise."""
    found = await named_version(ask)
    submitted, found_now = await lifecycle.submit(
        found.kind, found.document_id, found.version, _staff(ask), ask.at, _gate(ask)
    )
    return Answer(shapes.Submitted(state=submitted.state, findings=_findings(ask, found_now)))


async def discard(ask: Ask, _: None) -> Answer:
    """Give up a draft; what is in force stays in force."""
    found = await named_version(ask)
    given_up = await lifecycle.discard(found.kind, found.document_id, found.version, _staff(ask), ask.at)
    return Answer(shapes.StateAnswer(state=await versions.state_of(given_up, ask.at)))


async def approve(ask: Ask, body: shapes.ApproveBody) -> Answer:
    """The second pair of eyes. The gate looks once more: the world may have moved since the submission."""
    found = await named_version(ask)
    if found.state == "suspended":
        return await resume(ask, None)
    begins = ask.at
    if found.state == "submitted":
        await publish.must_pass(found, ask.at, ask.today)
        begins = _begins(ask, found)
    approved = await lifecycle.approve(
        found.kind, found.document_id, found.version, body.sha256, _staff(ask), ask.at, begins
    )
    stopped = await publish.after_approval(approved, ask.at, ask.today)
    return Answer(shapes.StateAnswer(state=await versions.state_of(approved, ask.at), suspended=stopped or None))


async def suspend(ask: Ask, _: None) -> Answer:
    """Stop what is in force at once; one person suffices."""
    found = await named_version(ask)
    if await versions.state_of(found, ask.at) == "scheduled":
        stopped = await lifecycle.stop_before(found, _staff(ask), ask.at)
        return Answer(shapes.StateAnswer(state=stopped.state))
    await _must_be_in_force(ask, found)
    stopped = await lifecycle.suspend(found.kind, found.document_id, _staff(ask), ask.at)
    return Answer(shapes.StateAnswer(state=stopped.state))


async def resume(ask: Ask, _: None) -> Answer:
    """Ask to start again; another person who asks the same agrees."""
    found = await named_version(ask)
    resumed, started = await publish.resume(found, _staff(ask), ask.at, ask.today)
    return Answer(shapes.StateAnswer(state=await versions.state_of(resumed, ask.at) if started else "resume_requested"))


async def retire(ask: Ask, body: shapes.RetireBody) -> Answer:
    """End what is in force, from a day on."""
    found = await named_version(ask)
    await _must_be_in_force(ask, found)
    try:
        day = date.fromisoformat(body.from_)
    except ValueError:
        raise _unfit(ask, "/from", "invalid_date") from None
    if day < ask.today:
        # What was in force until now has bound people; nobody ends it before today.
        raise _unfit(ask, "/from", "in_the_past")
    ends_at = _midnight(ask, day)
    ended = await lifecycle.retire(found.kind, found.document_id, _staff(ask), ask.at, ends_at)
    return Answer(shapes.StateAnswer(state=await versions.state_of(ended, ask.at)))


async def export_catalogue(ask: Ask, _: None) -> Answer | Response:
    """Everything in force, as JSON or (`?format=yaml`) YAML; imported again it has the same hashes."""
    chosen = ask.request.query_params.get("format", "json")
    if chosen not in ("json", "yaml"):
        raise Problem("bad_query")
    found = await versions.catalogue(ask.at)
    if chosen == "json":
        return Answer(shapes.Catalogue(catalogue={kind: [dict(one) for one in all_] for kind, all_ in found.items()}))
    text = yaml.safe_dump({"catalogue": found}, allow_unicode=True, sort_keys=False, width=120)
    return Response(text, media_type=YAML)


async def import_catalogue(ask: Ask, _: None) -> Answer:
    """Drafts of everything in a catalogue, all or nothing; whoever imports has contributed to each of them."""
    raw = await json_io.read_body(ask.request)
    if json_io.media_type(ask.request) == YAML:
        raw = yaml_import.to_json(raw)
    elif json_io.media_type(ask.request) not in json_io.JSON_TYPES:
        raise Problem("not_json")
    body = json_io.parse_line(raw, shapes.CatalogueBody)
    wanted = _checked(ask, body.catalogue)
    drafted, unchanged = [], 0
    for kind, document_id, document in wanted:
        known = await _known(kind, document_id)
        if known is not None and known.sha256 == sha256_of(document):
            unchanged += 1
            continue
        one = await lifecycle.draft(kind, document_id, document, _staff(ask), ask.at)
        drafted.append(
            shapes.VersionRow(id=f"{kind}/{document_id}", version=one.version, state=one.state, sha256=one.sha256)
        )
    return Answer(shapes.Imported(data=drafted, unchanged=unchanged), 201)


def _checked(
    ask: Ask, catalogue: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[tuple[Kind, str, Mapping[str, Any]]]:
    """Every document with its kind and id, each readable; Problem body_invalid with pointers otherwise."""
    faults: list[Fault] = []
    found: list[tuple[Kind, str, Mapping[str, Any]]] = []
    seen = set()
    for name, all_ in catalogue.items():
        try:
            kind = Kind(name)
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
                "detail": findings.sentence(one.code, one.pointer, one.values, ask.language),
            }
            for one in faults[: json_io.ERRORS_MAX]
        ]
        raise Problem("body_invalid", errors=errors)
    return found


async def _drafted(ask: Ask, drafted: Version) -> shapes.Drafted:
    return shapes.Drafted(
        id=drafted.document_id,
        version=drafted.version,
        state=drafted.state,
        sha256=drafted.sha256,
        findings=_findings(ask, await _gate(ask)(drafted.kind, drafted.body)),
    )


async def _must_be_in_force(ask: Ask, found: Version) -> None:
    """Conflict unless the version is in force; Prohibited for a scheme that has begun: people's points stand on it."""
    now = await lifecycle.in_force(found.kind, found.document_id, ask.at)
    if now is None or now.version != found.version:
        raise Conflict("this version is not in force")
    if found.kind is Kind.SCHEMES:
        detail = "what a scheme has given stays until the expiry that was announced"
        raise Prohibited([asdict(Finding("scheme_stopped", "R1", "", Severity.REFUSED, detail))])


async def _known(kind: Kind, document_id: str) -> Version | None:
    try:
        return await versions.latest(kind, document_id)
    except NotFound:
        return None


def _begins(ask: Ask, found: Version) -> datetime:
    """When an approved version comes into force: a scheme on its 1 January, a benefit on its first day, else now."""
    day: date | None = None
    if found.kind is Kind.SCHEMES:
        day = date(int(found.body["from_year"]), 1, 1)
    elif found.kind is Kind.BENEFITS:
        day = date.fromisoformat(found.body["valid"]["from"])
    return ask.at if day is None else max(ask.at, _midnight(ask, day))


def _midnight(ask: Ask, day: date) -> datetime:
    return datetime.combine(day, time(), ask.city.settings.city_zone)


def _id_member(kind: Kind) -> str:
    return "version" if kind is Kind.SCHEMES else ID_MEMBER[kind]


def _id_of(ask: Ask, kind: Kind, document: Mapping[str, Any]) -> str:
    """What a document is called, so that it can be opened by it; everything else about it is the gate's business."""
    name, fits = document.get(_id_member(kind)), ID_OF_A_SCHEME if kind is Kind.SCHEMES else ID_OF_A_DOCUMENT
    if not isinstance(name, str) or not fits.fullmatch(name) or name in RESERVED:
        raise _unfit(ask, f"/{_id_member(kind)}", "required" if name in (None, "") else "id_unfit")
    return name


def _hashable(ask: Ask, document: Mapping[str, Any]) -> None:
    try:
        sha256_of(document)
    except (rfc8785.CanonicalizationError, ValueError):
        raise _unfit(ask, "", "not_canonical") from None


def _gate(ask: Ask) -> lifecycle.Gate:
    return partial(publish.gate, at=ask.at, today=ask.today)


def _staff(ask: Ask) -> str:
    assert isinstance(ask.principal, Administrator)
    return ask.principal.staff_id


def _findings(ask: Ask, found: Sequence[Finding]) -> list[shapes.FindingAnswer]:
    return [shapes.FindingAnswer(**findings.said(one, ask.language)) for one in found]


def _unfit(ask: Ask, pointer: str, code: str) -> Problem:
    """One thing about a body that does not fit, in the reader's language."""
    detail = findings.sentence(code, pointer, {}, ask.language)
    return Problem("body_invalid", errors=[{"pointer": pointer, "code": code, "detail": detail}])
