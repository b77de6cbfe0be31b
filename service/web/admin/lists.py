"""Lists of catalogue documents as tables: what each kind shows, in words, with search, filters, order and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.admin.common import check_document, path_kind
from service.web.forms import field_labels
from service.web.i18n.formatting import Localizer
from service.web.page import Page, PageRoute
from service.web.table_view import Column, TableView

CLOSED_STATES = ("superseded", "retired", "discarded")
DRAFTS_READ = 100
"""Documents without a version in force that are read one by one; the export has the others in one call."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "benefits": ("gives", "condition", "state", "used", "until"),
    "services": ("provider", "kind", "terms", "state"),
    "providers": ("kind", "division", "state"),
    "venues": ("provider", "division", "client", "state"),
    "sources": ("category", "kinds", "division", "state"),
    "schemes": ("from_year", "state"),
    "notices": ("purpose", "state"),
    "issuers": ("address", "division", "state"),
}
"""Columns after the name, by kind."""
FILTERS: Mapping[str, tuple[str, ...]] = {
    "benefits": ("scene", "division", "provider"),
    "services": ("provider", "kind"),
    "providers": ("kind", "division"),
    "venues": ("provider", "division"),
    "sources": ("category", "division"),
    "schemes": (),
    "notices": ("purpose",),
    "issuers": ("division",),
}
"""Filters after the state, by kind."""


async def kind(page: Page) -> Response:
    """List the documents of one kind as a table."""
    kind_name = path_kind(page)
    table, give_or_take = await _table(page, kind_name)
    await _add_problems(page, kind_name, table)
    return page.render("admin/kind.html", kind=kind_name, table=table, give_or_take=give_or_take)


async def kind_csv(page: Page) -> Response:
    """Send the rows that the table's address chooses as CSV, all pages of them."""
    kind_name = path_kind(page)
    table, _ = await _table(page, kind_name)
    return csv_file.table_response(f"{kind_name}.csv", table, "id")


async def _table(page: Page, kind_name: str) -> tuple[TableView, int | None]:
    """Return the table that the page's address asks for, and the noise of its figures if it has any."""
    in_force = await bodies_in_force(page)
    figures = await page.read("/v1/admin/statistics") if kind_name == DocumentKind.BENEFITS else {}
    used = {key: count for scene in figures.get("redemptions", {}).values() for key, count in scene.items()}
    rows = []
    for listed, body in await with_bodies(page, kind_name, in_force):
        rows.append(_row(page.localizer, kind_name, listed, body, in_force))
        # Without a version in force this is the body of the newest version.
        rows[-1]["newest"] = (listed["version"], None if listed["id"] in in_force.get(kind_name, {}) else body)
        if listed["id"] in used:
            rows[-1].update(used=used[listed["id"]], sort_used=used[listed["id"]] or 0, counted=True)
    columns = [Column("name", page.localizer.label("document", kind_name))]
    columns += [Column(key, page.localizer.label("column", key), key == "used") for key in COLUMNS[kind_name]]
    chosen = ("state", *FILTERS[kind_name])
    filters = [table_view.filter_of(f"{key}_code", page.localizer.label("column", key), rows) for key in chosen]
    path = f"/admin/{kind_name}"
    return table_view.view(path, page.request.query_params, columns, filters, rows), figures.get("give_or_take")


async def bodies_in_force(page: Page) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the body in force of every document by kind and id."""
    exported = (await page.read("/v1/admin/catalogue/export"))["catalogue"]
    return {kind: {_id_of(kind, body): body for body in documents} for kind, documents in exported.items()}


async def with_bodies(
    page: Page, kind_name: str, in_force: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return every document of a kind in its row of the list, with its body of `in_force`, else the newest body."""
    bodies = in_force.get(kind_name, {})
    unread, rows = DRAFTS_READ, []
    for listed in await page.read_all(f"/v1/admin/{kind_name}"):
        body = bodies.get(listed["id"])
        if body is None and unread:
            unread -= 1
            body = (await page.read(f"/v1/admin/{kind_name}/{quoted(listed['id'])}"))["document"]
        rows.append((listed, body or {}))
    return rows


def _id_of(kind_name: str, body: Mapping[str, Any]) -> str:
    return str(body["version"] if kind_name == DocumentKind.SCHEMES else body[f"{kind_name.removesuffix('s')}_id"])


def _row(
    localizer: Localizer,
    kind_name: str,
    listed: Mapping[str, Any],
    body: Mapping[str, Any],
    in_force: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return a row: every text that a column shows and every code that a filter compares."""
    service = in_force.get("services", {}).get(str(body.get("service_id")), {})
    provider_id = str(body.get("provider_id") or service.get("provider_id") or "")
    provider = localizer.name((in_force.get("providers", {}).get(provider_id) or {}).get("name")) or provider_id
    versions = open_versions(kind_name, listed)
    division = str(body.get("division") or "")
    valid = body.get("valid")
    until = str(valid.get("until") or "") if isinstance(valid, Mapping) else ""

    def words(pointer: str) -> str:
        value = body.get(pointer.lstrip("/"))
        return "" if value is None else field_labels.value_text(localizer, kind_name, pointer, value, body)

    def coded(member: str) -> dict[str, Any]:
        """Return the text of a member, its code, and the text of the code for the filter."""
        code, text = body.get(member), words(f"/{member}")
        return {member: text, f"{member}_code": code, f"text_{member}_code": {code: text}}

    row: dict[str, Any] = {
        "id": listed["id"],
        "href": address(kind_name, listed["id"]),
        "name": localizer.name(listed.get("name")) or listed["id"],
        "versions": versions,
        "state": localizer.listed(localizer.label("state", version["state"]) for version in versions),
        "state_code": [version["state"] for version in versions],
        "text_state_code": {row["state"]: localizer.label("state", row["state"]) for row in versions},
        "provider": provider,
        "provider_code": provider_id,
        "text_provider_code": {provider_id: provider},
        "division": localizer.label("division", division) if division else "",
        "division_code": division,
        "text_division_code": {division: localizer.label("division", division)},
        "gives": words("/effect"),
        "condition": words("/condition"),
        "until": field_labels.value_text(localizer, kind_name, "/valid/until", until, body) if until else "",
        "sort_until": until,
        "kinds": words("/kinds"),
        "client": body.get("client_id", ""),
        "address": body.get("url", ""),
        "terms": " · ".join(localizer.baseline(body["baseline"])) if "baseline" in body else "",
        "from_year": str(body.get("from_year", "")),
        "scene_name": body.get("scene"),
        "problems": 0,
        "counted": False,
        "used": None,
        **coded("scene"),
        **coded("kind"),
        **coded("category"),
        **coded("purpose"),
    }
    row["below"] = " · ".join(text for text in (provider if kind_name == "benefits" else "", row["division"]) if text)
    row["search"] = " ".join([listed["id"], *(listed.get("name") or {}).values(), provider, row["division"]])
    return row


async def _add_problems(page: Page, kind_name: str, table: TableView) -> None:
    """Count what the publication rules refuse in each draft that is shown."""
    for row in table.rows:
        draft = next((version for version in row["versions"] if version["state"] == "draft"), None)
        if draft is not None and isinstance(row, dict):
            version, body = row["newest"]
            if version != draft["version"] or not body:
                path = f"/v1/admin/{kind_name}/{quoted(row['id'])}/versions/{draft['version']}"
                body = (await page.read(path))["document"]
            findings = await check_document(page, kind_name, body)
            row["problems"] = sum(finding["severity"] == "refused" for finding in findings)


def open_versions(kind_name: str, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a document's versions that are not closed, the one in force first; if all are closed, the newest."""
    newest = {"version": row["version"], "state": row["state"]}
    versions = [*row.get("others", ()), newest]
    versions = [version for version in versions if version["state"] not in CLOSED_STATES] or [newest]
    versions.sort(key=lambda version: (version["state"] != "in_force", version["version"]))
    return [
        {
            "kind": kind_name,
            "id": row["id"],
            "name": row.get("name"),
            **version,
            "address": version_address(kind_name, row["id"], version["version"]),
            "resume_requested": version["state"] == "suspended" and row.get("resume_requested", False),
        }
        for version in versions
    ]


def address(kind_name: str, document_id: str) -> str:
    """Return the path of a document's page."""
    return f"/admin/{kind_name}/{quoted(document_id)}"


def version_address(kind_name: str, document_id: str, version: int) -> str:
    """Return the path and query of a version's page."""
    return f"{address(kind_name, document_id)}?version={version}"


def quoted(text: str) -> str:
    """Return a text percent-encoded for use in a path."""
    return quote(text, safe="")


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute("/admin/{kind}", kind, ADMINISTRATOR),
    PageRoute("/admin/{kind}/table.csv", kind_csv, ADMINISTRATOR),
)
