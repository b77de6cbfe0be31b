"""Asking a resident's wallet for a pass, as pages: choose a benefit, show the request, read the verdict."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response

from benefits.redemption.reversal import ReversalReason
from benefits.rules import effects
from service.auth.access_tokens import Audience
from service.web.page import LIST_MAX, Page, PageRoute

PATH = "/v1/venue/presentation-requests"


async def choose(page: Page) -> Response:
    """List the benefits of the venue that have passes, each with the button that asks for one."""
    rows = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return page.render(
        "venue/wallet.html",
        venue=await page.read("/v1/venue/me"),
        honoured=[row for row in rows if not effects.adds_places(row["effect"])],
    )


async def request_pass(page: Page) -> Response:
    """Make a request and show it: its link is told once, so that this page is not loaded again."""
    request = await page.submit(PATH, {"benefit_id": page.form.get("benefit_id", "")})
    return page.render(
        "venue/wallet_request.html",
        venue=await page.read("/v1/venue/me"),
        request=request,
        # The service itself drew this SVG, from a link that it made.
        qr_svg=Markup(request["qr_svg"]),  # noqa: S704
    )


async def result(page: Page) -> Response:
    """Show the verdict of a request, or that there is no answer yet."""
    read = await page.read(f"{PATH}/{page.path_param('request_id')}")
    rows = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    verdict = read.get("verdict", {"applies": False})
    return page.render(
        "venue/wallet_result.html",
        venue=await page.read("/v1/venue/me"),
        request=read,
        verdict=verdict,
        title=next((row["title"] for row in rows if row["benefit_id"] == verdict.get("benefit_id")), None),
        reasons=list(ReversalReason),
    )


async def state(page: Page) -> Response:
    """Return a request's state alone, for the script that asks whether it was answered."""
    read = await page.read(f"{PATH}/{page.path_param('request_id')}")
    return Response(read["state"], media_type="text/plain", headers={"cache-control": "no-store"})


VENUE = Audience.VENUE
ROUTES = (
    PageRoute("/desk/wallet", choose, VENUE),
    PageRoute("/desk/wallet", request_pass, VENUE, "POST"),
    PageRoute("/desk/wallet/{request_id}", result, VENUE),
    PageRoute("/desk/wallet/{request_id}/state", state, VENUE, fragment=True),
)
