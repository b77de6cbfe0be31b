"""Paper slips as pages: make one from a code's page, print it, see whether it was used, stop it; also at the kiosk."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute
from service.web.resident import benefits
from service.web.resident.kiosk import ENDS, SIGN_OUT_SECONDS


async def slips(page: Page) -> Response:
    """List the slips, newest first."""
    rows = await page.read_all("/v1/me/benefits")
    return page.render(
        "resident/slips.html",
        slips=(await page.read("/v1/me/slips"))["data"],
        by_id={row["benefit_id"]: row for row in rows},
    )


async def issue_slip(page: Page) -> Response:
    """Make a slip and redirect to the list, where it is printed; a benefit that no longer applies to its page."""
    return await _issue(page, "/me/slips", "slip_made")


async def issue_at_kiosk(page: Page) -> Response:
    """Make a slip and redirect to its page of the kiosk."""
    return await _issue(page, "/me/kiosk/slip/{slip_id}", "")


async def _issue(page: Page, path: str, done: str) -> Response:
    slip: dict[str, Any] = await page.submit("/v1/me/slips", benefits.chosen(page))
    return page.redirect(path.format(**slip), done)


async def kiosk_slip(page: Page) -> Response:
    """Show a slip in large type with the button that prints it."""
    slip = await page.read(f"/v1/me/slips/{page.path_param('slip_id')}")
    rows = await page.read_all("/v1/me/benefits")
    benefit: dict[str, Any] = next((row for row in rows if row["benefit_id"] == slip["benefit_id"]), {})
    return page.render(
        "kiosk/slip.html",
        seconds=SIGN_OUT_SECONDS,
        slip=slip,
        benefit=benefit,
        # The service itself drew this SVG, from a code that it generated.
        qr_svg=Markup(slip.get("qr_svg", "")),  # noqa: S704
    )


async def print_slip(page: Page) -> Response:
    """Send the PDF of a slip."""
    return await page.download(f"/v1/me/slips/{page.path_param('slip_id')}.pdf", "slip.pdf")


async def stop_slip(page: Page) -> Response:
    """Stop a slip; one that was stopped before is no longer in the list either."""
    await page.delete(f"/v1/me/slips/{page.path_param('slip_id')}")
    return page.redirect("/me/slips", "slip_stopped")


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/slips", slips, ME),
    PageRoute("/me/slips", issue_slip, ME, "POST"),
    PageRoute("/me/slips/{slip_id}/print", print_slip, ME),
    PageRoute("/me/slips/{slip_id}/stop", stop_slip, ME, "POST"),
    PageRoute("/me/kiosk/slip", issue_at_kiosk, ME, "POST", refresh=ENDS),
    PageRoute("/me/kiosk/slip/{slip_id}", kiosk_slip, ME, refresh=ENDS),
)
