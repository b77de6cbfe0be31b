"""A simulated barrier of a car park, in the demonstration alone: a venue's own app and machine on one page.

The plate is a field without a name, which no browser sends; the page's script stores it with the token in the browser.
"""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute


async def barrier(page: Page) -> Response:
    """Show the app's form for a code, and the barrier."""
    return await _render(page)


async def act(page: Page) -> Response:
    """Send the code of a binding, or redeem by the token of the car at the barrier; show the result."""
    if page.form.get("act") == "bind":
        reply = await page.call_api(
            "POST", "/v1/venue/bindings", {"code": page.form.get("code", "")}, key=page.idempotency_key
        )
        return await _render(page, bound=reply.body if reply.succeeded else None, unknown_code=not reply.succeeded)
    body = {"binding_token": page.form.get("token", "").strip() or "no-token"}
    reply = await page.call_api("POST", "/v1/venue/redemptions", body, key=page.idempotency_key)
    return await _render(page, verdict=reply.body if reply.succeeded else {"applies": False})


async def _render(
    page: Page,
    bound: dict[str, str] | None = None,
    verdict: dict[str, object] | None = None,
    *,
    unknown_code: bool = False,
) -> Response:
    venue = await page.read("/v1/venue/me")
    return page.render("venue/barrier.html", venue=venue, bound=bound, verdict=verdict, unknown_code=unknown_code)


VENUE = Audience.VENUE
ROUTES = (
    PageRoute("/desk/barrier", barrier, VENUE),
    PageRoute("/desk/barrier", act, VENUE, "POST"),
)
