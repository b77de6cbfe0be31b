"""Packages: documents that are submitted and approved together, by one hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.admin import lists
from service.web.admin.common import names_of_references
from service.web.api_client import ApiReply
from service.web.forms.document_view import DocumentView, SideBySide, side_by_side
from service.web.page import Page, PageRoute

PATH = "/admin/packages/{package_id}"


async def package(page: Page) -> Response:
    """Show a package: its hash, its documents with their findings, and its possible steps."""
    return await _render(page)


async def approve(page: Page) -> Response:
    """Approve the package whose hash the page has shown; a refusal is explained on the page."""
    return await _act(page, "approve", {"sha256": page.form.get("sha256", "")})


async def recall(page: Page) -> Response:
    """Turn the documents of the package into drafts again."""
    return await _act(page, "recall", None)


async def _act(page: Page, act: str, body: Mapping[str, Any] | None) -> Response:
    path = f"/v1/admin/packages/{page.path_param('package_id')}"
    reply = await page.call_api("POST", f"{path}/{act}", body)
    if not reply.succeeded:
        return await _render(page, reply)
    done = "in_review" if reply.body["state"] == "in_review" else f"package_{reply.body['state']}"
    return page.redirect(f"/admin/packages/{page.path_param('package_id')}", done)


async def _render(page: Page, refusal: ApiReply | None = None) -> Response:
    shown = await page.read(f"/v1/admin/packages/{page.path_param('package_id')}/documents")
    documents = [listed(page, document) for document in shown["documents"]]
    if "ended_by" not in shown:
        # Nobody should approve documents that the page does not show.
        for document in documents:
            document["lines"] = await _lines(page, document)
    if refusal is not None:
        add_errors(page, documents, refusal)
    return page.render(
        "admin/package.html",
        200 if refusal is None else refusal.status,
        package=shown,
        documents=documents,
        name=documents[0]["text"],
        problem=None if refusal is None else refusal.body,
    )


async def _lines(page: Page, document: Mapping[str, Any]) -> list[SideBySide]:
    """Return a document of a package in both languages, with what differs from the version in force marked."""
    path = f"/v1/admin/{document['kind']}/{quote(document['id'], safe='')}/versions/{document['version']}"
    stored, changes = (await page.read(path))["document"], await page.read(f"{path}/changes")
    names = await names_of_references(page, document["kind"], stored)
    view = DocumentView(page.localizer, document["kind"], stored, names)
    return side_by_side(view, page.localizer_of(page.other_language), changes["data"] if changes["beside"] else ())


def listed(page: Page, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document of a package with its name, the address of its version, and its findings with their places."""
    href = lists.version_address(document["kind"], document["id"], document["version"])
    return {
        **document,
        "text": page.localizer.name(document.get("name")) or document["id"],
        "href": href,
        "findings": _with_places(page, document, document.get("findings", ())),
    }


def add_errors(page: Page, documents: list[dict[str, Any]], refusal: ApiReply) -> None:
    """Show the errors of a refused package as findings of the documents whose places they name."""
    for document in documents:
        document["findings"] = []
    for error in (refusal.body or {}).get("errors") or ():
        # `/documents/0/title`; an error of the list as a whole points to `/documents`.
        index, *parts = error["pointer"].split("/")[2:] or [""]
        if index.isdecimal() and int(index) < len(documents):
            document = documents[int(index)]
            fault = {"severity": "refused", "rule": "", **error, "pointer": "/".join(["", *parts]) if parts else ""}
            document["findings"] += _with_places(page, document, [fault])


def _with_places(page: Page, document: Mapping[str, Any], findings: Any) -> list[dict[str, Any]]:
    editor = f"{lists.address(document['kind'], document['id'])}/edit"
    return DocumentView(page.localizer, document["kind"], {}).with_labels(findings, editor)


async def open_packages(page: Page) -> list[dict[str, Any]]:
    """Return the packages that wait for an officer or an approval, each with its name and address."""
    return [
        {
            **row,
            "text": page.localizer.name(row["documents"][0].get("name")) or row["documents"][0]["id"],
            "address": f"/admin/packages/{row['package_id']}",
        }
        for row in await page.read_all("/v1/admin/packages", state="open")
    ]


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute(PATH, package, ADMINISTRATOR),
    PageRoute(f"{PATH}/approve", approve, ADMINISTRATOR, "POST"),
    PageRoute(f"{PATH}/recall", recall, ADMINISTRATOR, "POST"),
)
