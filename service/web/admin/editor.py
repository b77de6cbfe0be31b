"""The editor of catalogue documents: what the gate says as one writes, and what happens when two write at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from itertools import groupby
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response

from benefits.catalogue.schema import ID_MEMBER
from benefits.rules.vocabulary import EffectKind
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import Dimension
from service.web.admin.common import faults_of, findings_of, kind_of, placed
from service.web.api_client import Reply
from service.web.forms import fields, labels_of_fields, parse
from service.web.page import Page, expect

FIELDS_DRAWN_MAX = 2_048
"""Fields kept as they are drawn; all kinds in both languages are about a thousand."""


@dataclass(slots=True)
class State:
    """What the editor shows beside the document: findings, the tag of what was read, and what went wrong."""

    found: Sequence[Mapping[str, Any]] = ()
    tag: str = ""
    checked: bool = False
    """Whether `found` is what the gate says; otherwise it is why nothing was kept."""
    status: int = 200
    problem: Mapping[str, Any] | None = None
    """What a door said that is about no place of the document."""
    conflict: Mapping[str, Any] | None = None
    """What somebody else did meanwhile: the other document's id, version and address, and what they changed."""


async def new(page: Page) -> Response:
    """An empty editor; a scheme begins as a copy of the newest."""
    name = kind_of(page)
    if name != DocumentKind.SCHEMES:
        return await _editor(page, name, None, {}, State())
    document = dict((await page.read("/v1/public/scheme"))["scheme"])
    return await _editor(page, name, None, document, State(await findings_of(page, name, document), checked=True))


async def create(page: Page) -> Response:
    """A first draft; where one of that id is there, a link to it."""
    name, document = kind_of(page), parse.to_document(page.fields)
    if page.form.get("act") == "check":
        return await _editor(page, name, None, document, State(await findings_of(page, name, document), checked=True))
    reply = await page.ask("POST", f"/v1/admin/{name}", document, key=page.key)
    if reply.went_well:
        return page.go(f"/admin/{name}/{quote(reply.body['id'], safe='')}", "drafted")
    state = _unkept(reply)
    if reply.status == HTTPStatus.CONFLICT:
        document_id = str(document.get("version" if name == DocumentKind.SCHEMES else ID_MEMBER[name], ""))
        state.conflict = {"id": document_id, "address": f"/admin/{name}/{quote(document_id, safe='')}"}
    return await _editor(page, name, None, document, state)


async def edit(page: Page) -> Response:
    """The newest version in the editor; where that was given up, what is in force."""
    name, path = kind_of(page), f"/v1/admin/{page.part('kind')}/{page.part('id')}"
    reply = await page.ask("GET", path)
    newest = expect(reply)
    if newest["state"] == "discarded" and newest["in_force_version"] is not None:
        newest = await page.read(f"{path}/versions/{newest['in_force_version']}")
    body = newest["document"]
    state = State(await findings_of(page, name, body), reply.headers["etag"], checked=True)
    return await _editor(page, name, newest["id"], body, state)


async def save(page: Page) -> Response:
    """The next version as a draft; where somebody else saved one meanwhile, theirs is shown first."""
    name, document_id, tag = kind_of(page), page.request.path_params["id"], page.form.get("_etag", "")
    document = parse.to_document(page.fields)
    if page.form.get("act") == "check":
        state = State(await findings_of(page, name, document), tag, checked=True)
        return await _editor(page, name, document_id, document, state)
    path = f"/v1/admin/{name}/{page.part('id')}"
    reply = await page.ask("PUT", path, document, key=page.key, headers={"if-match": tag or '""'})
    if reply.went_well:
        return page.go(f"/admin/{name}/{page.part('id')}", "drafted")
    state = _unkept(reply)
    state.tag = tag
    if reply.status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT):
        await _meanwhile(page, name, path, state)
        state.found, state.checked = await findings_of(page, name, document), True
    return await _editor(page, name, document_id, document, state)


async def _meanwhile(page: Page, kind: str, path: str, state: State) -> None:
    """What somebody else saved since this editor was opened; the form then goes on top of theirs."""
    reply = await page.ask("GET", path)
    theirs = expect(reply)
    read = state.tag.strip('"').partition("-")[0]
    changed: list[dict[str, Any]] = []
    if read.isascii() and read.isdecimal():
        compared = await page.ask("GET", f"{path}/diff", query={"from": read, "to": theirs["version"]})
        changed = compared.body["data"] if compared.went_well else []
    state.tag = reply.headers["etag"]
    state.conflict = {
        "id": theirs["id"],
        "version": theirs["version"],
        "address": f"/admin/{kind}/{quote(theirs['id'], safe='')}?version={theirs['version']}",
        "differences": said_differences(page, kind, theirs["document"], changed),
    }


def said_differences(
    page: Page, kind: str, document: Mapping[str, Any], found: Sequence[Mapping[str, Any]]
) -> list[dict[str, str | None]]:
    """Differences as people read them: what each place is called, and what stood and stands there."""
    words = page.words

    def value(one: Mapping[str, Any], when: str) -> str | None:
        return labels_of_fields.said(words, kind, one["pointer"], one[when], document) if when in one else None

    return [
        {
            "place": labels_of_fields.label(words, kind, one["pointer"], document),
            "before": value(one, "before"),
            "after": value(one, "after"),
        }
        for one in found
    ]


def _unkept(reply: Reply) -> State:
    """Why a door kept nothing: faults of places, or a problem of its own."""
    found = faults_of(reply)
    return State(found, status=reply.status, problem=None if found else reply.body)


async def live_findings(page: Page) -> Response:
    """What the gate says of the form as it stands; a part of the editor's page."""
    name, document = kind_of(page), parse.to_document(page.fields)
    found = placed(page, name, document, await findings_of(page, name, document))
    return page.render("admin/findings.html", findings=found, checked=True)


@lru_cache(maxsize=FIELDS_DRAWN_MAX)
def _drawn(one: fields.Field, english: bool) -> tuple[str, Markup, Markup]:
    """What of a field is the same in every document: its label, the label's element, the attributes that name it."""
    label, place = one.label[english], f"at-{one.pointer}"
    return (
        label,
        Markup('<label for="{}">{}</label>').format(place, label),
        Markup('id="{}" name="{}"').format(place, one.name),
    )


def _sections(page: Page, kind: str, document: Mapping[str, Any]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """The fields of the form by the sections they stand in, each with its name; those of none have an empty one."""
    english = page.language == "en"
    return [
        (
            labels_of_fields.section(page.words, at, document) if at else "",
            [(one, *_drawn(one, english), parse.value_at(document, one.pointer)) for one in members],
        )
        for at, members in groupby(fields.fields_of(kind, document), key=lambda one: one.section)
    ]


async def _choices(page: Page, kind: str) -> dict[str, list[dict[str, Any]]]:
    """What a document can name of other documents, those in force first."""
    found = {}
    for wanted in sorted({one.group for one in fields.FIELDS.get(kind, ()) if one.type == "document"}):
        rows = await page.read_all(f"/v1/admin/{wanted}")
        found[wanted] = sorted(rows, key=lambda row: (row.get("in_force_version") is None, row["id"]))
    return found


async def _editor(
    page: Page, kind: str, document_id: str | None, document: Mapping[str, Any], state: State
) -> Response:
    return page.render(
        "admin/editor.html",
        state.status,
        kind=kind,
        document_id=document_id,
        document=document,
        name=page.words.name(_name(document)),
        sections=_sections(page, kind, document),
        choices=await _choices(page, kind),
        builder=parse.builder(document.get("condition")),
        effects=list(EffectKind),
        amount=parse.effect_amount(document.get("effect")),
        measures=["total", *Dimension],
        findings=placed(page, kind, document, state.found),
        tag=state.tag,
        checked=state.checked,
        problem=state.problem,
        conflict=state.conflict,
        kept=state.status < HTTPStatus.BAD_REQUEST,
    )


def _name(document: Mapping[str, Any]) -> dict[str, str] | None:
    """What the document in the form calls itself."""
    found = document.get("name") or document.get("title")
    return {key: text for key, text in found.items() if isinstance(text, str)} if isinstance(found, Mapping) else None
