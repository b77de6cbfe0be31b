"""The administrator's pages: the catalogue, an editor that says what the gate says, publishing by two people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from markupsafe import Markup
from starlette.responses import Response

from benefits.vocabulary import EffectKind
from consent.kinds import Kind
from consent.records import Dimension
from service.identity import Door
from service.problems import Problem
from service.web import forms
from service.web.frame import Leaf, Page, expect
from service.web.inside import Reply

LIST_MAX = 200
VERSIONS_SHOWN = 10
FIELDS_DRAWN_MAX = 2_048
"""Fields kept as they are drawn; all kinds in both languages are about a thousand."""
WAITING = ("in_review", "submitted", "suspended", "draft")
"""What waits for somebody, in this order."""


def _kind(page: Page) -> str:
    name: str = page.request.path_params["kind"]
    if name not in list(Kind):
        raise Problem("not_found")
    return name


async def overview(page: Page) -> Response:
    """All kinds, and what waits for somebody."""
    counts, waiting = {}, []
    for kind in Kind:
        rows = (await page.read(f"/v1/admin/{kind}", limit=LIST_MAX))["data"]
        counts[str(kind)] = len(rows)
        waiting += [{**one, "kind": str(kind)} for one in rows if one["state"] in WAITING]
    waiting.sort(key=lambda one: (WAITING.index(one["state"]), one["kind"], one["id"]))
    figures = await page.read("/v1/admin/statistics")
    return page.render("admin/overview.html", counts=counts, waiting=waiting, figures=figures)


async def kind(page: Page) -> Response:
    """The documents of one kind."""
    name = _kind(page)
    found = await page.read(f"/v1/admin/{name}", limit=LIST_MAX, cursor=page.query("cursor"))
    return page.render("admin/kind.html", kind=name, found=found)


async def new(page: Page) -> Response:
    """An empty editor; a scheme begins as a copy of the newest."""
    name = _kind(page)
    if name != Kind.SCHEMES:
        return _editor(page, name, None, {}, [], "")
    document = dict((await page.read("/v1/public/scheme"))["scheme"])
    return _editor(page, name, None, document, await _findings(page, name, document), "", checked=True)


async def create(page: Page) -> Response:
    """A first draft."""
    name, document = _kind(page), forms.to_document(page.fields)
    if page.form.get("act") == "check":
        return _editor(page, name, None, document, await _findings(page, name, document), "", checked=True)
    reply = await page.ask("POST", f"/v1/admin/{name}", document, key=page.key)
    if not reply.went_well:
        return _editor(page, name, None, document, _faults(reply), "", status=reply.status)
    return page.go(f"/admin/{name}/{reply.body['id']}", "drafted")


async def edit(page: Page) -> Response:
    """The newest version in the editor."""
    name, document_id = _kind(page), page.part("id")
    reply = await page.ask("GET", f"/v1/admin/{name}/{document_id}")
    body = expect(reply)["document"]
    found = await _findings(page, name, body)
    return _editor(page, name, document_id, body, found, reply.headers["etag"], checked=True)


async def save(page: Page) -> Response:
    """The next version as a draft, if nobody else saved one meanwhile."""
    name, document_id, tag = _kind(page), page.part("id"), page.form.get("_etag", "")
    document = forms.to_document(page.fields)
    if page.form.get("act") == "check":
        found = await _findings(page, name, document)
        return _editor(page, name, document_id, document, found, tag, checked=True)
    path, headers = f"/v1/admin/{name}/{document_id}", {"if-match": tag}
    reply = await page.ask("PUT", path, document, key=page.key, headers=headers)
    if not reply.went_well:
        return _editor(page, name, document_id, document, _faults(reply), tag, status=reply.status)
    return page.go(f"/admin/{name}/{document_id}", "drafted")


async def live_findings(page: Page) -> Response:
    """What the gate says of the form as it stands; a part of the editor's page."""
    name = _kind(page)
    found = await _findings(page, name, forms.to_document(page.fields))
    return page.render("admin/findings.html", findings=found, labels=_labels(page, name, {}), checked=True)


async def _findings(page: Page, kind: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    reply = await page.ask("POST", f"/v1/admin/{kind}/findings", document)
    return list(reply.body["findings"]) if reply.went_well else _faults(reply)


def _faults(reply: Reply) -> list[dict[str, Any]]:
    """What a door said against a document, as findings; anything else than faults is one about the whole."""
    body = reply.body or {}
    found = body.get("errors") or [{"pointer": "", "code": body.get("code", ""), "detail": body.get("detail", "")}]
    return [{"severity": "refused", "rule": "", "pointer": "", **one} for one in found]


def _labels(page: Page, kind: str, document: Mapping[str, Any]) -> dict[str, str]:
    """What the editor calls each place of the document."""
    return {one.pointer: one.label[page.language == "en"] for one in forms.fields_of(kind, document)}


@lru_cache(maxsize=FIELDS_DRAWN_MAX)
def _drawn(field: forms.Field, english: bool) -> tuple[str, Markup, Markup]:
    """What of a field is the same in every document: its label, the label's element, the attributes that name it."""
    label, place = field.label[english], f"at-{field.pointer}"
    return (
        label,
        Markup('<label for="{}">{}</label>').format(place, label),
        Markup('id="{}" name="{}"').format(place, field.name),
    )


def _editor(
    page: Page,
    kind: str,
    document_id: str | None,
    document: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    tag: str,
    *,
    status: int = 200,
    checked: bool = False,
) -> Response:
    return page.render(
        "admin/editor.html",
        status,
        kind=kind,
        document_id=document_id,
        document=document,
        rows=[
            (one, *_drawn(one, page.language == "en"), forms.value_at(document, one.pointer))
            for one in forms.fields_of(kind, document)
        ],
        builder=forms.builder(document.get("condition")),
        effects=list(EffectKind),
        amount=forms.effect_amount(document.get("effect")),
        measures=["total", *Dimension],
        findings=found,
        labels=_labels(page, kind, document),
        tag=tag,
        checked=checked,
    )


async def document(page: Page) -> Response:
    """One document: its newest version beside what is in force, its history, and what can be done now."""
    return await _document(page, {})


async def _document(page: Page, shown: Mapping[str, Any], status: int = 200) -> Response:
    name, document_id = _kind(page), page.part("id")
    path = f"/v1/admin/{name}/{document_id}"
    newest = await page.read(path)
    last = newest["version"]
    history = [newest]
    for version in range(last - 1, max(0, last - VERSIONS_SHOWN), -1):
        history.append(await page.read(f"{path}/versions/{version}"))
    asked = page.request.path_params.get("version") or page.query("version")
    chosen = next((one for one in history if str(one["version"]) == asked), newest)
    older = [one for one in history if one["version"] < chosen["version"]]
    # What a new version is read against is what people have now.
    before = next((one for one in older if one["state"] == "in_force"), next(iter(older), None))
    differences = []
    if before is not None:
        query = {"from": before["version"], "to": chosen["version"]}
        differences = expect(await page.ask("GET", f"{path}/diff", query=query))["data"]
    found = await _findings(page, name, chosen["document"]) if chosen["state"] in WAITING else []
    return page.render(
        "admin/document.html",
        status,
        **{
            "kind": name,
            "id": newest["id"],
            "history": history,
            "chosen": chosen,
            "before": before,
            "differences": differences,
            "findings": found,
            "labels": _labels(page, name, chosen["document"]),
            "whole": orjson.dumps(chosen["document"], option=orjson.OPT_INDENT_2).decode(),
            "problem": None,
            "impact": None,
            "tried": None,
            "dimensions": list(Dimension),
            **shown,
        },
    )


async def step(page: Page) -> Response:
    """One step in the life of a version: submit, approve, suspend, resume, retire. A refusal is explained in place."""
    name, document_id = _kind(page), page.part("id")
    act = page.request.path_params["act"]
    body: dict[str, Any] | None = None
    if act == "approve":
        body = {"sha256": page.form.get("sha256", "")}
    elif act == "retire":
        body = {"from": page.form.get("from", "")}
    elif act not in ("submit", "suspend", "resume"):
        raise Problem("not_found")
    path = f"/v1/admin/{name}/{document_id}/versions/{page.part('version')}/{act}"
    reply = await page.ask("POST", path, body)
    if not reply.went_well:
        return await _document(page, {"problem": reply.body, "findings": _refused(reply)}, reply.status)
    return page.go(f"/admin/{name}/{document_id}", f"step_{act}")


def _refused(reply: Reply) -> list[dict[str, Any]]:
    return _faults(reply) if (reply.body or {}).get("errors") else []


async def simulate(page: Page) -> Response:
    """To how many it would apply, in tens."""
    path = f"/v1/admin/{_kind(page)}/{page.part('id')}/versions/{page.part('version')}/simulate"
    reply = await page.ask("POST", path)
    said = {"impact": reply.body} if reply.went_well else {"problem": reply.body}
    return await _document(page, said, reply.status if not reply.went_well else 200)


async def dry_run(page: Page) -> Response:
    """What a benefit would do for somebody who does not exist."""
    points = {
        str(name): int(text)
        for name in Dimension
        if (text := page.form.get(name, "").strip()).isascii() and text.isdecimal() and len(text) < 7
    }
    path = f"/v1/admin/benefits/{page.part('id')}/versions/{page.part('version')}/dry-run"
    reply = await page.ask("POST", path, {"points": points})
    said = {"tried": reply.body} if reply.went_well else {"problem": reply.body}
    return await _document(page, said, reply.status if not reply.went_well else 200)


STAFF = Door.ADMINISTRATOR
ONE, VERSION = "/admin/{kind}/{id}", "/admin/{kind}/{id}/versions/{version}"
LEAVES = (
    Leaf("/admin", overview, STAFF),
    Leaf("/admin/{kind}", kind, STAFF),
    Leaf("/admin/{kind}/new", new, STAFF),
    Leaf("/admin/{kind}/new", create, STAFF, "POST"),
    Leaf("/admin/{kind}/findings", live_findings, STAFF, "POST", fragment=True),
    Leaf(ONE, document, STAFF),
    Leaf(f"{ONE}/edit", edit, STAFF),
    Leaf(f"{ONE}/edit", save, STAFF, "POST"),
    Leaf(f"{VERSION}/simulate", simulate, STAFF, "POST"),
    Leaf(f"{VERSION}/dry-run", dry_run, STAFF, "POST"),
    Leaf(f"{VERSION}/{{act}}", step, STAFF, "POST"),
)
