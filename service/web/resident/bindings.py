"""Bindings as pages: ask for one at a benefit, read its code once, see each use, stop it."""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute
from service.web.resident import benefits


async def bindings(page: Page) -> Response:
    """List the bindings with their uses, and the benefits for which one can be asked for: `?benefit=` before others."""
    rows = await page.read_all("/v1/me/benefits")
    ready = [row for row in rows if row["applies"] and row["consent"] == "given"]
    return page.render(
        "resident/bindings.html",
        bindings=(await page.read("/v1/me/bindings"))["data"],
        by_id={row["benefit_id"]: row for row in rows},
        ready=sorted(ready, key=lambda row: row["benefit_id"] != page.query("benefit")),
    )


async def request_binding(page: Page) -> Response:
    """Ask for a binding and redirect to the list, which shows its code."""
    await page.submit("/v1/me/bindings", benefits.chosen(page))
    return page.redirect("/me/bindings", "binding_requested")


async def stop_binding(page: Page) -> Response:
    """Stop a binding; one that was stopped before is no longer in the list either."""
    await page.delete(f"/v1/me/bindings/{page.path_param('binding_id')}")
    return page.redirect("/me/bindings", "binding_stopped")


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/bindings", bindings, ME),
    PageRoute("/me/bindings", request_binding, ME, "POST"),
    PageRoute("/me/bindings/{binding_id}/stop", stop_binding, ME, "POST"),
)
