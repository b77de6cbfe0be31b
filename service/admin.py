"""The administrator's door: one life for the seven kinds of catalogue document. Nobody here sees a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, time
from functools import partial
from typing import Any

import rfc8785
import yaml
from starlette.responses import Response

from benefits import publishing
from benefits.documents import ID_MEMBER
from consent import documents, versions
from consent.canonical import sha256_of
from consent.documents import Version
from consent.errors import Conflict, NotFound, Prohibited
from consent.faults import pointer_to
from consent.kinds import Finding, Kind, Severity
from service import catalogue_text, findings, wire
from service.doors import Answer, Ask
from service.identity import Administrator
from service.problems import Problem
from service.shapes import admin as shapes

ID_MAX = 64
YAML = "application/yaml"


async def find(ask: Ask, body: shapes.DocumentBody) -> Answer:
    """What the gate would say. Nothing is kept."""
    kind = named_kind(ask)
    _hashable(body.root)
    return Answer(shapes.Findings(findings=_findings(ask, await _gate(ask)(kind, body.root))))


async def create(ask: Ask, body: shapes.DocumentBody) -> Answer:
    """A first draft."""
    kind, document = named_kind(ask), body.root
    document_id = _id_of(kind, document)
    _hashable(document)
    if await _known(kind, document_id):
        raise Conflict("there is a document of this id; its next version is a PUT")
    drafted = await documents.draft(kind, document_id, document, _staff(ask), ask.at)
    return Answer(await _drafted(ask, drafted), 201)


async def edit(ask: Ask, body: shapes.DocumentBody) -> Answer:
    """The next version as a draft; what is in force stays in force."""
    kind, document = named_kind(ask), body.root
    document_id = ask.request.path_params["id"]
    if _id_of(kind, document) != document_id:
        raise Problem("body_invalid", errors=[{"pointer": f"/{_id_member(kind)}", "code": "not_the_id", "detail": "-"}])
    _hashable(document)
    read = ask.request.headers.get("if-match")
    if read is None:
        raise Problem("precondition_required")
    latest = await versions.latest(kind, document_id)
    if read.strip() not in ("*", _tag(latest)):
        raise Problem("precondition_failed")
    drafted = await documents.draft(kind, document_id, document, _staff(ask), ask.at, read=latest.sha256)
    return Answer(await _drafted(ask, drafted), headers={"ETag": _tag(drafted)})


async def list_documents(ask: Ask, _: None) -> Answer:
    """Documents of a kind by id, each with its newest version; `?state=` keeps those in that state."""
    kind, limit = named_kind(ask), wire.read_limit(ask.request)
    wanted = ask.request.query_params.get("state")
    if wanted is not None and wanted not in versions.STATES:
        raise Problem("bad_query")
    after = wire.read_cursor(ask.request, str) or ("",)
    rows = []
    for one in await versions.newest(kind, str(after[0])):
        state = await versions.state_of(one, ask.at)
        if wanted in (None, state):
            rows.append(shapes.VersionRow(id=one.document_id, version=one.version, state=state, sha256=one.sha256))
        if len(rows) > limit:
            break
    more = len(rows) > limit
    return Answer(
        shapes.VersionList(data=rows[:limit], next_cursor=wire.encode_cursor((rows[limit - 1].id,)) if more else None)
    )


async def read_document(ask: Ask, _: None) -> Answer:
    """The newest version; its ETag is what a PUT needs."""
    return await _whole(ask, await versions.latest(named_kind(ask), ask.request.path_params["id"]))


async def read_version(ask: Ask, _: None) -> Answer:
    """One version."""
    return await _whole(ask, await named_version(ask))


async def diff(ask: Ask, _: None) -> Answer:
    """Where two versions differ."""
    kind, document_id = named_kind(ask), ask.request.path_params["id"]
    before, after = [
        await documents.get(kind, document_id, _number(ask.request.query_params.get(name, "")))
        for name in ("from", "to")
    ]
    found = [shapes.Difference(**one) for one in versions.differences(before.body, after.body)]
    return Answer(shapes.Differences(data=found))


async def submit(ask: Ask, _: None) -> Answer:
    """Through the gate: submitted, in review where flagged, refused for good otherwise."""
    found = await named_version(ask)
    submitted, found_now = await documents.submit(
        found.kind, found.document_id, found.version, _staff(ask), ask.at, _gate(ask)
    )
    return Answer(shapes.Submitted(state=submitted.state, findings=_findings(ask, found_now)))


async def approve(ask: Ask, body: shapes.ApproveBody) -> Answer:
    """The second pair of eyes. The gate looks once more: the world may have moved since the submission."""
    found = await named_version(ask)
    if found.state == "suspended":
        return await resume(ask, None)
    begins = ask.at
    if found.state == "submitted":
        await publishing.must_pass(found, ask.at, ask.today)
        begins = _begins(ask, found)
    approved = await documents.approve(
        found.kind, found.document_id, found.version, body.sha256, _staff(ask), ask.at, begins
    )
    stopped = await publishing.after_approval(approved, ask.at, ask.today)
    return Answer(shapes.StateAnswer(state=await versions.state_of(approved, ask.at), suspended=stopped or None))


async def suspend(ask: Ask, _: None) -> Answer:
    """Stop what is in force at once; one person suffices."""
    found = await named_version(ask)
    if await versions.state_of(found, ask.at) == "scheduled":
        stopped = await documents.stop_before(found, _staff(ask), ask.at)
        return Answer(shapes.StateAnswer(state=stopped.state))
    await _must_be_in_force(ask, found)
    stopped = await documents.suspend(found.kind, found.document_id, _staff(ask), ask.at)
    return Answer(shapes.StateAnswer(state=stopped.state))


async def resume(ask: Ask, _: None) -> Answer:
    """Ask to start again; another person who asks the same agrees."""
    found = await named_version(ask)
    resumed, started = await publishing.resume(found, _staff(ask), ask.at, ask.today)
    return Answer(shapes.StateAnswer(state=await versions.state_of(resumed, ask.at) if started else "resume_requested"))


async def retire(ask: Ask, body: shapes.RetireBody) -> Answer:
    """End what is in force, from a day on."""
    found = await named_version(ask)
    await _must_be_in_force(ask, found)
    try:
        ends_at = _midnight(ask, date.fromisoformat(body.from_))
    except ValueError:
        raise Problem("body_invalid", errors=[{"pointer": "/from", "code": "invalid_date", "detail": "-"}]) from None
    ended = await documents.retire(found.kind, found.document_id, _staff(ask), ask.at, ends_at)
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
    raw = await wire.read_body(ask.request)
    if wire.media_type(ask.request) == YAML:
        raw = catalogue_text.to_json(raw)
    elif wire.media_type(ask.request) not in wire.JSON_TYPES:
        raise Problem("not_json")
    body = wire.parse_line(raw, shapes.CatalogueBody)
    wanted = _checked(body.catalogue)
    drafted, unchanged = [], 0
    for kind, document_id, document in wanted:
        known = await _known(kind, document_id)
        if known is not None and known.sha256 == sha256_of(document):
            unchanged += 1
            continue
        one = await documents.draft(kind, document_id, document, _staff(ask), ask.at)
        drafted.append(
            shapes.VersionRow(id=f"{kind}/{document_id}", version=one.version, state=one.state, sha256=one.sha256)
        )
    return Answer(shapes.Imported(data=drafted, unchanged=unchanged), 201)


def _checked(catalogue: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[Kind, str, Mapping[str, Any]]]:
    """Every document with its kind and id, each readable; Problem body_invalid with pointers otherwise."""
    faults, found, seen = [], [], set()
    for name, all_ in catalogue.items():
        try:
            kind = Kind(name)
        except ValueError:
            faults.append({"pointer": f"/catalogue/{pointer_to((name,))[1:]}", "code": "unknown_field", "detail": "-"})
            continue
        for index, document in enumerate(all_):
            here = f"/catalogue/{name}/{index}"
            wrong = publishing.shape_faults(kind, document)
            faults += [{"pointer": here + one.pointer, "code": one.code, "detail": one.detail} for one in wrong]
            if wrong:
                continue
            document_id = str(document[_id_member(kind)])
            if (kind, document_id) in seen:
                faults.append({"pointer": here, "code": "named_twice", "detail": "each document is there once"})
            seen.add((kind, document_id))
            found.append((kind, document_id, document))
    if faults:
        raise Problem("body_invalid", errors=faults[: wire.ERRORS_MAX])
    return found


async def _whole(ask: Ask, found: Version) -> Answer:
    return Answer(
        shapes.VersionAnswer(
            id=found.document_id,
            version=found.version,
            state=await versions.state_of(found, ask.at),
            sha256=found.sha256,
            in_force_from=None if found.in_force_from is None else wire.rfc3339(found.in_force_from),
            document=found.body,
        ),
        headers={"ETag": _tag(found)},
    )


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
    now = await documents.in_force(found.kind, found.document_id, ask.at)
    if now is None or now.version != found.version:
        raise Conflict("this version is not in force")
    if found.kind is Kind.SCHEMES:
        detail = "what a scheme has given stays until the expiry that was announced"
        raise Prohibited([asdict(Finding("scheme_stopped", "R1", "", Severity.REFUSED, detail))])


async def named_version(ask: Ask) -> Version:
    """The version that the path names; NotFound for any other."""
    return await documents.get(
        named_kind(ask), ask.request.path_params["id"], _number(ask.request.path_params["version"])
    )


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


def named_kind(ask: Ask) -> Kind:
    """The kind that the path names; NotFound for any other."""
    try:
        return Kind(ask.request.path_params["kind"])
    except ValueError:
        raise NotFound("there is no such kind of document") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise NotFound("there is no such version")
    return int(text)


def _id_member(kind: Kind) -> str:
    return "version" if kind is Kind.SCHEMES else ID_MEMBER[kind]


def _id_of(kind: Kind, document: Mapping[str, Any]) -> str:
    """What a document is called; everything else about it is the gate's business."""
    name = document.get(_id_member(kind))
    if not isinstance(name, str) or not name.isascii() or not name.isprintable() or not 1 <= len(name) <= ID_MAX:
        fault = {"pointer": f"/{_id_member(kind)}", "code": "required", "detail": "a document has a name of its own"}
        raise Problem("body_invalid", errors=[fault])
    return name


def _hashable(document: Mapping[str, Any]) -> None:
    try:
        sha256_of(document)
    except (rfc8785.CanonicalizationError, ValueError):
        fault = {"pointer": "", "code": "not_canonical", "detail": "a number or text that canonical JSON cannot hold"}
        raise Problem("body_invalid", errors=[fault]) from None


def _tag(found: Version) -> str:
    return f'"{found.version}-{found.sha256[:32]}"'


def _gate(ask: Ask) -> documents.Gate:
    return partial(publishing.gate, at=ask.at, today=ask.today)


def _staff(ask: Ask) -> str:
    assert isinstance(ask.principal, Administrator)
    return ask.principal.staff_id


def _findings(ask: Ask, found: Sequence[Finding]) -> list[shapes.FindingAnswer]:
    return [
        shapes.FindingAnswer(
            **{**asdict(one), "detail": findings.sentence(one.code, one.rule, one.detail, ask.language)}
        )
        for one in found
    ]
