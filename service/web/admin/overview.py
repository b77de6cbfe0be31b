"""The administrator's pages: the catalogue, an editor that says what the gate says, publishing by two people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from service.web.admin import document as documents
from service.web.admin import editor
from service.web.admin.common import kind_of
from service.web.page import LIST_MAX, Page, PageRoute

WAITING = ("in_review", "submitted", "suspended", "draft")
"""What waits for somebody, in this order."""
OVER = ("superseded", "retired", "discarded")


async def overview(page: Page) -> Response:
    """All kinds, and what waits for somebody."""
    counts, waiting, names = {}, [], {}
    for kind in DocumentKind:
        rows = await page.read_all(f"/v1/admin/{kind}")
        counts[str(kind)] = len(rows)
        for row in rows:
            waiting += [one for one in _versions(str(kind), row) if one["state"] in WAITING]
        if kind is DocumentKind.BENEFITS:
            names = {row["id"]: row.get("name") for row in rows}
    waiting.sort(key=lambda one: (WAITING.index(one["state"]), one["kind"], one["id"]))
    figures = await page.read("/v1/admin/statistics")
    return page.render("admin/overview.html", counts=counts, waiting=waiting, figures=figures, names=names)


async def kind(page: Page) -> Response:
    """The documents of one kind, each with every version of it that is not over."""
    name = kind_of(page)
    found = await page.read(f"/v1/admin/{name}", limit=LIST_MAX, cursor=page.query("cursor"))
    rows = [{**row, "address": _address(name, row["id"]), "versions": _versions(name, row)} for row in found["data"]]
    return page.render("admin/kind.html", kind=name, rows=rows, found=found)


def _versions(kind: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row's versions that are not over, the one in force first; where all are over, the newest."""
    newest = {"version": row["version"], "state": row["state"]}
    alive = [one for one in (*row.get("others", ()), newest) if one["state"] not in OVER] or [newest]
    alive.sort(key=lambda one: (one["state"] != "in_force", one["version"]))
    shared = {"kind": kind, "id": row["id"], "name": row.get("name")}
    return [
        {
            **shared,
            **one,
            "address": f"{_address(kind, row['id'])}?version={one['version']}",
            "asked": one["state"] == "suspended" and row.get("resume_requested", False),
        }
        for one in alive
    ]


def _address(kind: str, document_id: str) -> str:
    return f"/admin/{kind}/{quote(document_id, safe='')}"


STAFF = Audience.ADMINISTRATOR
ONE, VERSION = "/admin/{kind}/{id}", "/admin/{kind}/{id}/versions/{version}"
ROUTES = (
    PageRoute("/admin", overview, STAFF),
    PageRoute("/admin/{kind}", kind, STAFF),
    PageRoute("/admin/{kind}/new", editor.new, STAFF),
    PageRoute("/admin/{kind}/new", editor.create, STAFF, "POST"),
    PageRoute("/admin/{kind}/findings", editor.live_findings, STAFF, "POST", fragment=True),
    PageRoute(ONE, documents.document, STAFF),
    PageRoute(f"{ONE}/edit", editor.edit, STAFF),
    PageRoute(f"{ONE}/edit", editor.save, STAFF, "POST"),
    PageRoute(f"{VERSION}/retire", documents.ask_to_retire, STAFF),
    PageRoute(f"{VERSION}/retire", documents.retire, STAFF, "POST"),
    PageRoute(f"{VERSION}/simulate", documents.simulate, STAFF, "POST"),
    PageRoute(f"{VERSION}/dry-run", documents.dry_run, STAFF, "POST"),
    PageRoute(f"{VERSION}/{{act}}", documents.step, STAFF, "POST"),
)
