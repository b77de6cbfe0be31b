"""The administrator's first pages: open work, the lists of documents, and the table of all administrator pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from service.web.admin import document as documents
from service.web.admin import editor
from service.web.admin.common import path_kind
from service.web.admin.document import OPEN_STATES
from service.web.page import LIST_MAX, Page, PageRoute

CLOSED_STATES = ("superseded", "retired", "discarded")


async def overview(page: Page) -> Response:
    """Show the number of documents of each kind, versions that wait for somebody, and the figures of use."""
    counts, waiting, names = {}, [], {}
    for kind in DocumentKind:
        rows = await page.read_all(f"/v1/admin/{kind}")
        counts[str(kind)] = len(rows)
        for row in rows:
            waiting += [version for version in _versions(str(kind), row) if version["state"] in OPEN_STATES]
        if kind is DocumentKind.BENEFITS:
            names = {row["id"]: row.get("name") for row in rows}
    waiting.sort(key=lambda version: (OPEN_STATES.index(version["state"]), version["kind"], version["id"]))
    figures = await page.read("/v1/admin/statistics")
    return page.render("admin/overview.html", counts=counts, waiting=waiting, figures=figures, names=names)


async def kind(page: Page) -> Response:
    """List the documents of one kind with their open versions."""
    kind_name = path_kind(page)
    answer = await page.read(f"/v1/admin/{kind_name}", limit=LIST_MAX, cursor=page.query("cursor"))
    rows = [
        {**row, "address": _address(kind_name, row["id"]), "versions": _versions(kind_name, row)}
        for row in answer["data"]
    ]
    return page.render("admin/kind.html", kind=kind_name, rows=rows, answer=answer)


def _versions(kind: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a document's versions that are not closed, the one in force first; if all are closed, the newest."""
    newest = {"version": row["version"], "state": row["state"]}
    versions = [*row.get("others", ()), newest]
    versions = [version for version in versions if version["state"] not in CLOSED_STATES] or [newest]
    versions.sort(key=lambda version: (version["state"] != "in_force", version["version"]))
    return [
        {
            "kind": kind,
            "id": row["id"],
            "name": row.get("name"),
            **version,
            "address": f"{_address(kind, row['id'])}?version={version['version']}",
            "resume_requested": version["state"] == "suspended" and row.get("resume_requested", False),
        }
        for version in versions
    ]


def _address(kind: str, document_id: str) -> str:
    return f"/admin/{kind}/{quote(document_id, safe='')}"


ADMINISTRATOR = Audience.ADMINISTRATOR
DOCUMENT, VERSION = "/admin/{kind}/{id}", "/admin/{kind}/{id}/versions/{version}"
ROUTES = (
    PageRoute("/admin", overview, ADMINISTRATOR),
    PageRoute("/admin/{kind}", kind, ADMINISTRATOR),
    PageRoute("/admin/{kind}/new", editor.new, ADMINISTRATOR),
    PageRoute("/admin/{kind}/new", editor.create, ADMINISTRATOR, "POST"),
    PageRoute("/admin/{kind}/findings", editor.live_findings, ADMINISTRATOR, "POST", fragment=True),
    PageRoute(DOCUMENT, documents.document, ADMINISTRATOR),
    PageRoute(f"{DOCUMENT}/edit", editor.edit, ADMINISTRATOR),
    PageRoute(f"{DOCUMENT}/edit", editor.save, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/suspend", documents.suspend_form, ADMINISTRATOR),
    PageRoute(f"{VERSION}/suspend", documents.suspend, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/retire", documents.retire_form, ADMINISTRATOR),
    PageRoute(f"{VERSION}/retire", documents.retire, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/simulate", documents.simulate, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/dry-run", documents.dry_run, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/{{act}}", documents.step, ADMINISTRATOR, "POST"),
)
