"""A new partner as one checklist: provider, venue, service and benefit, each a step, submitted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.admin import lists, packages
from service.web.api_client import ApiReply
from service.web.page import Page, PageRoute

ORDER = ("providers", "venues", "services", "benefits")
"""Kinds of a partner's documents, each after those that it names."""
PATH = "/admin/partner"


async def partner(page: Page) -> Response:
    """Show a partner's documents as a checklist; without `provider` the choice of one."""
    return await _render(page)


async def _render(page: Page, refusal: ApiReply | None = None, refused: Sequence[Mapping[str, Any]] = ()) -> Response:
    """Render the checklist; `refused` are the drafts of a package that was refused, with the errors of each."""
    provider_id = page.query("provider")
    documents = await _documents(page, provider_id) if provider_id else {}
    provider = next(iter(documents.get("providers", ())), None)
    return page.render(
        "admin/partner.html",
        200 if refusal is None else refusal.status,
        providers=await page.read_all("/v1/admin/providers"),
        provider_id=provider_id,
        provider=provider,
        division=(provider or {}).get("body", {}).get("division", ""),
        order=ORDER,
        documents=documents,
        drafts=[row for kind in ORDER for row in documents.get(kind, ()) if row["draft"]],
        waiting=_packages_with(documents, await packages.open_packages(page)),
        problem=None if refusal is None else refusal.body,
        refused=refused,
    )


async def _documents(page: Page, provider_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return a provider's documents by kind, drafts included, each with its newest body and its open versions."""
    documents: dict[str, list[dict[str, Any]]] = {}
    services: set[str] = set()
    in_force = await lists.bodies_in_force(page)
    for kind in ORDER:
        documents[kind] = []
        for listed, body in await lists.with_bodies(page, kind, in_force):
            if not _belongs(kind, listed["id"], body, provider_id, services):
                continue
            versions = lists.open_versions(kind, listed)
            draft = next((version for version in versions if version["state"] == "draft"), None)
            row = {**listed, "kind": kind, "body": body, "versions": versions, "draft": draft}
            documents[kind].append({**row, "href": lists.address(kind, listed["id"])})
            if kind == "services":
                services.add(listed["id"])
    return documents


def _packages_with(
    documents: Mapping[str, Sequence[Mapping[str, Any]]], waiting: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the open packages that have one of a partner's documents."""
    own = {(kind, row["id"]) for kind, rows in documents.items() for row in rows}
    return [row for row in waiting if any((member["kind"], member["id"]) in own for member in row["documents"])]


def _belongs(kind: str, document_id: str, body: Mapping[str, Any], provider_id: str, services: set[str]) -> bool:
    if kind == "benefits":
        return body.get("service_id") in services
    return (document_id if kind == "providers" else body.get("provider_id")) == provider_id


async def submit(page: Page) -> Response:
    """Submit every draft of a partner as one package; a refusal is explained at each document."""
    documents = await _documents(page, page.query("provider"))
    drafts = [row for kind in ORDER for row in documents[kind] if row["draft"]]
    named = [{"kind": row["kind"], "id": row["id"], "version": row["draft"]["version"]} for row in drafts]
    reply = await page.call_api("POST", "/v1/admin/packages", {"documents": named}, key=page.idempotency_key)
    if reply.succeeded:
        return page.redirect(f"/admin/packages/{reply.body['package_id']}", "package_submitted")
    refused = [packages.listed(page, {**row, "version": row["draft"]["version"]}) for row in drafts]
    packages.add_errors(page, refused, reply)
    return await _render(page, reply, refused)


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute(PATH, partner, ADMINISTRATOR),
    PageRoute(PATH, submit, ADMINISTRATOR, "POST"),
)
