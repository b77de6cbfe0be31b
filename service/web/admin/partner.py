"""A new partner as one checklist: provider, venue, service and benefit, each a step, submitted together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from service.web.admin import lists
from service.web.page import Page

ORDER = ("providers", "venues", "services", "benefits")
"""Kinds of a partner's documents, each after those that it names."""
PATH = "/admin/partner"


async def partner(page: Page) -> Response:
    """Show a partner's documents as a checklist; without `provider` the choice of one."""
    return await _render(page)


async def _render(page: Page, outcomes: list[dict[str, Any]] | None = None) -> Response:
    provider_id = page.query("provider")
    documents = await _documents(page, provider_id) if provider_id else {}
    provider = next(iter(documents.get("providers", ())), None)
    return page.render(
        "admin/partner.html",
        providers=await page.read_all("/v1/admin/providers"),
        provider_id=provider_id,
        provider=provider,
        division=(provider or {}).get("body", {}).get("division", ""),
        order=ORDER,
        documents=documents,
        drafts=[row for kind in ORDER for row in documents.get(kind, ()) if row["draft"]],
        outcomes=outcomes,
    )


async def _documents(page: Page, provider_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return a provider's documents by kind, drafts included, each with its newest body and its open versions."""
    documents: dict[str, list[dict[str, Any]]] = {}
    services: set[str] = set()
    for kind in ORDER:
        documents[kind] = []
        for listed, body in await lists.with_bodies(page, kind):
            if not _belongs(kind, listed["id"], body, provider_id, services):
                continue
            versions = lists.open_versions(kind, listed)
            draft = next((version for version in versions if version["state"] == "draft"), None)
            row = {**listed, "kind": kind, "body": body, "versions": versions, "draft": draft}
            documents[kind].append({**row, "href": lists.address(kind, listed["id"])})
            if kind == "services":
                services.add(listed["id"])
    return documents


def _belongs(kind: str, document_id: str, body: Mapping[str, Any], provider_id: str, services: set[str]) -> bool:
    if kind == "benefits":
        return body.get("service_id") in services
    return (document_id if kind == "providers" else body.get("provider_id")) == provider_id


async def submit(page: Page) -> Response:
    """Submit every draft of a partner in the order in which they name each other, and show each outcome."""
    outcomes = []
    for kind, rows in (await _documents(page, page.query("provider"))).items():
        for row in rows:
            if row["draft"] is None:
                continue
            path = f"/v1/admin/{kind}/{lists.quoted(row['id'])}/versions/{row['draft']['version']}/submit"
            reply = await page.call_api("POST", path)
            outcomes.append({"row": row, "state": reply.body.get("state"), "detail": reply.body.get("detail", "")})
    return await _render(page, outcomes)
