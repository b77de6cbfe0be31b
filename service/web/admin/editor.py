"""The editor of catalogue documents: findings while typing, drafts, and two people who save at the same time."""

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
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import Dimension
from service.auth.access_tokens import Audience
from service.web.admin import preview, schemes, sentences
from service.web.admin.common import check_document, errors_as_findings, names_of_references, path_kind
from service.web.api_client import ApiReply, body_or_raise
from service.web.forms import field_labels, fields, parse
from service.web.forms.document_view import DocumentView
from service.web.page import Page, PageRoute

PREFILLED = ("provider_id", "service_id", "division")
"""Members of a new document that its address may fill."""
PREFILL_MAX = 64
"""Characters of such a member; ids have no more."""
CACHED_FIELDS_MAX = 2_048
"""Fields whose markup stays in memory; all kinds in both languages have about a thousand."""


@dataclass(slots=True)
class EditorState:
    """Values that the editor shows around the document after a request."""

    findings: Sequence[Mapping[str, Any]] = ()
    etag: str = ""
    """Entity tag of the version that was read, sent back as If-Match."""
    checked: bool = False
    """True if `findings` are those of the publication rules, False if they are the reasons why nothing was saved."""
    status: int = 200
    problem: Mapping[str, Any] | None = None
    """A problem that is about no place of the document."""
    conflict: Mapping[str, Any] | None = None
    """The document that was saved meanwhile: id, address and, for another version, its number and differences."""


async def new(page: Page) -> Response:
    """Show an empty editor, with `from` a copy of a document; a scheme begins as the next version of the one in force.

    Other query parameters fill the fields that name another document, so that a link can begin the next of a package.
    """
    kind = path_kind(page)
    if copied := page.query("from"):
        document = dict((await page.read(f"/v1/admin/{kind}/{quote(copied, safe='')}"))["document"])
        document.pop("version" if kind == DocumentKind.SCHEMES else ID_MEMBER[kind], None)
        return await _render_editor(page, kind, None, document, EditorState())
    if kind != DocumentKind.SCHEMES:
        document = {name: page.query(name)[:PREFILL_MAX] for name in PREFILLED if page.query(name)}
        return await _render_editor(page, kind, None, document, EditorState())
    document = await schemes.next_of(page, (await page.read("/v1/public/scheme"))["scheme"])
    return await _render_editor(page, kind, None, document, await _checked_state(page, kind, document))


async def create(page: Page) -> Response:
    """Save the first draft of a document, or only check it; if the id exists, link to that document."""
    kind, document = path_kind(page), parse.to_document(page.fields)
    if page.form.get("act") == "fill" and kind == DocumentKind.BENEFITS:
        return await _fill(page, None, document, "")
    if page.form.get("act") == "check":
        return await _render_editor(page, kind, None, document, await _checked_state(page, kind, document))
    reply = await page.call_api("POST", f"/v1/admin/{kind}", document, key=page.idempotency_key)
    if reply.succeeded:
        return page.redirect(f"/admin/{kind}/{quote(reply.body['id'], safe='')}", "drafted")
    state = _refused_state(reply)
    if reply.status == HTTPStatus.CONFLICT:
        document_id = str(document.get("version" if kind == DocumentKind.SCHEMES else ID_MEMBER[kind], ""))
        state.conflict = {"id": document_id, "address": f"/admin/{kind}/{quote(document_id, safe='')}"}
    return await _render_editor(page, kind, None, document, state)


async def edit(page: Page) -> Response:
    """Show the newest version in the editor; if that was discarded, the version in force."""
    kind, path = path_kind(page), f"/v1/admin/{page.path_param('kind')}/{page.path_param('id')}"
    reply = await page.call_api("GET", path)
    version = body_or_raise(reply)
    if version["state"] == "discarded" and version["in_force_version"] is not None:
        version = await page.read(f"{path}/versions/{version['in_force_version']}")
    state = await _checked_state(page, kind, version["document"], reply.headers["etag"])
    return await _render_editor(page, kind, version["id"], version["document"], state)


async def save(page: Page) -> Response:
    """Save the next version as a draft, or only check it; a version saved meanwhile is shown first."""
    kind, document_id, etag = path_kind(page), page.request.path_params["id"], page.form.get("_etag", "")
    document = parse.to_document(page.fields)
    if page.form.get("act") == "fill" and kind == DocumentKind.BENEFITS:
        return await _fill(page, document_id, document, etag)
    if page.form.get("act") == "check":
        state = await _checked_state(page, kind, document, etag)
        return await _render_editor(page, kind, document_id, document, state)
    path = f"/v1/admin/{kind}/{page.path_param('id')}"
    reply = await page.call_api("PUT", path, document, key=page.idempotency_key, headers={"if-match": etag or '""'})
    if reply.succeeded:
        return page.redirect(f"/admin/{kind}/{page.path_param('id')}", "drafted")
    state = _refused_state(reply)
    state.etag = etag
    if reply.status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT):
        await _add_conflict(page, kind, path, state)
        state.findings, state.checked = await check_document(page, kind, document), True
    return await _render_editor(page, kind, document_id, document, state)


async def _fill(page: Page, document_id: str | None, document: Mapping[str, Any], etag: str) -> Response:
    """Show the posted benefit with its texts filled in from closed sentences, and the findings about it."""
    kind = DocumentKind.BENEFITS
    filled, faults = await sentences.fill(page, document)
    state = EditorState(faults, etag) if faults else await _checked_state(page, kind, filled, etag)
    return await _render_editor(page, kind, document_id, filled, state)


async def _add_conflict(page: Page, kind: str, path: str, state: EditorState) -> None:
    """Put the version saved meanwhile into the state, and its entity tag: the next save is on top of that version."""
    reply = await page.call_api("GET", path)
    newest = body_or_raise(reply)
    read_version = state.etag.strip('"').partition("-")[0]
    differences: list[dict[str, Any]] = []
    if read_version.isascii() and read_version.isdecimal():
        query = {"from": read_version, "to": newest["version"]}
        comparison = await page.call_api("GET", f"{path}/diff", query=query)
        differences = comparison.body["data"] if comparison.succeeded else []
    state.etag = reply.headers["etag"]
    state.conflict = {
        "id": newest["id"],
        "version": newest["version"],
        "address": f"/admin/{kind}/{quote(newest['id'], safe='')}?version={newest['version']}",
        "differences": DocumentView(
            page.localizer, kind, newest["document"], await names_of_references(page, kind, newest["document"])
        ).changes(differences),
    }


async def _checked_state(page: Page, kind: str, document: Mapping[str, Any], etag: str = "") -> EditorState:
    return EditorState(await check_document(page, kind, document), etag, checked=True)


def _refused_state(reply: ApiReply) -> EditorState:
    findings = errors_as_findings(reply)
    return EditorState(findings, status=reply.status, problem=None if findings else reply.body)


async def live_findings(page: Page) -> Response:
    """Return the findings about the posted form, and for a benefit its preview, as a part of the editor's page."""
    kind, document = path_kind(page), parse.to_document(page.fields)
    findings = await check_document(page, kind, document)
    view = DocumentView(page.localizer, kind, document)
    service = await preview.service_of(page, document) if kind == DocumentKind.BENEFITS else None
    shown = preview.preview_of(page, document, service) if kind == DocumentKind.BENEFITS else None
    return page.render("admin/checks.html", findings=view.with_labels(findings, ""), checked=True, preview=shown)


@lru_cache(maxsize=CACHED_FIELDS_MAX)
def _field_markup(field: fields.Field, language: str, is_faulty: bool) -> tuple[str, Markup, Markup]:
    """Return what is equal in every document: the label, its element with a hint, and the field's own attributes."""
    label, element_id = field.label.in_language(language), f"at-{field.pointer}"
    mark = Markup(' <span class="soft">{}</span>').format(field_labels.optional(language)) if field.optional else ""
    element = Markup('<label for="{}">{}{}</label>').format(element_id, label, mark)
    attributes = Markup('id="{}" name="{}"').format(element_id, field.name)
    describing = [f"fault-{element_id}"] if is_faulty else []
    if hint := field_labels.hint(field, language):
        element += Markup('<p class="hint" id="hint-{}">{}</p>').format(field.pointer, hint)
        describing.append(f"hint-{field.pointer}")
    if describing:
        attributes += Markup(' aria-describedby="{}"').format(" ".join(describing))
    if is_faulty:
        attributes += Markup(' aria-invalid="true"')
    return label, element, attributes


def _sections(
    page: Page, kind: str, document: Mapping[str, Any], faults: Mapping[str, str]
) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return the form's sections as (title, rows); fields outside of any section have the title "".

    `faults` says what is wrong, by the id of the field.
    """
    return [
        (
            _section_title(page, at, document),
            [
                (
                    field,
                    *_field_markup(field, page.language, f"at-{field.pointer}" in faults),
                    parse.value_at(document, field.pointer),
                )
                for field in members
            ],
        )
        for at, members in groupby(fields.fields_of(kind, document), key=lambda field: field.section)
    ]


def _section_title(page: Page, at: str, document: Mapping[str, Any]) -> str:
    if at.startswith("/"):
        return field_labels.section_label(page.localizer, at, document)
    return page.localizer.label("editor_step", at) if at else ""


async def _choices(page: Page, kind: str) -> dict[str, list[dict[str, Any]]]:
    """Return the documents that this kind refers to, by their kinds, those in force first."""
    choices = {}
    for referred in sorted({field.group for field in fields.fields_of(kind, {}) if field.type == "document"}):
        rows = await page.read_all(f"/v1/admin/{referred}")
        choices[referred] = sorted(rows, key=lambda row: (row.get("in_force_version") is None, row["id"]))
    return choices


async def _render_editor(
    page: Page, kind: str, document_id: str | None, document: Mapping[str, Any], state: EditorState
) -> Response:
    is_benefit = kind == DocumentKind.BENEFITS
    service = await preview.service_of(page, document) if is_benefit else None
    findings = DocumentView(page.localizer, kind, document).with_labels(state.findings, "")
    faults = _faults(findings)
    return page.render(
        "admin/editor.html",
        state.status,
        preview=preview.preview_of(page, document, service) if is_benefit else None,
        divisions=await preview.divisions(page),
        kind=kind,
        document_id=document_id,
        document=document,
        name=page.localizer.name(_document_name(document)),
        sections=_sections(page, kind, document, faults),
        faults=faults,
        summary=page.request.method == "POST"
        and not state.problem
        and (page.form.get("act") != "fill" or bool(faults)),
        choices=await _choices(page, kind),
        offered=await sentences.offered(page, kind, document),
        builder=parse.condition_builder(document.get("condition")),
        effects=preview.effects_for(service, document),
        amount=parse.effect_amount(document.get("effect")),
        money_text=parse.yuan_text,
        measures=["total", *Dimension],
        findings=findings,
        etag=state.etag,
        checked=state.checked,
        problem=state.problem,
        conflict=state.conflict,
    )


def _faults(findings: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what is wrong by the id of the field, the first finding of each that refuses the document."""
    faults: dict[str, str] = {}
    for finding in findings:
        if finding["severity"] == "refused":
            faults.setdefault(finding["href"].removeprefix("#"), finding["detail"])
    return faults


def _document_name(document: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the typed name or title by language tag; a draft's may be anything."""
    name = document.get("name") or document.get("title")
    return {key: text for key, text in name.items() if isinstance(text, str)} if isinstance(name, Mapping) else None


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute("/admin/{kind}/new", new, ADMINISTRATOR),
    PageRoute("/admin/{kind}/new", create, ADMINISTRATOR, "POST"),
    PageRoute("/admin/{kind}/findings", live_findings, ADMINISTRATOR, "POST", fragment=True),
    PageRoute("/admin/{kind}/{id}/edit", edit, ADMINISTRATOR),
    PageRoute("/admin/{kind}/{id}/edit", save, ADMINISTRATOR, "POST"),
)
