"""The kiosk of a service hall: large type, the benefits that apply, a code, and a session that ends by itself.

`/kiosk` is the screen that waits for somebody. Signed in, every page, also one that shows an error, ends the session a
minute after it was opened, without scripts too, and the last one tells the browser to forget cookies, caches and
storage.
"""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.auth import sign_in_sessions
from service.web.page import Page, PageRoute
from service.web.resident import benefits, tickets

SIGN_OUT_SECONDS = 60
"""Time for one page of the kiosk: enough to read nine tiles twice, too short for the next person to find it open."""
WELCOME_SECONDS = 8
"""Time for which the goodbye stands before the kiosk waits for the next person."""


async def welcome(page: Page) -> Response:
    """Show the screen that waits: what can be done here, and the way to the sign-in."""
    return page.render("kiosk/welcome.html")


async def tiles(page: Page) -> Response:
    """Show the benefits that apply as large tiles: a code for those with a consent, the way to it for the others."""
    rows = await page.read_all("/v1/me/benefits")
    return page.render(
        "kiosk/tiles.html",
        seconds=SIGN_OUT_SECONDS,
        total=(await page.read("/v1/me/points"))["total"],
        ready=[row for row in rows if benefits.state_of(row) == "applies" and row["consent"] == "given"],
        needing_consent=[row for row in rows if benefits.state_of(row) == "applies" and row["consent"] == "needed"],
    )


async def issue_ticket(page: Page) -> Response:
    """Issue a one-time code for the chosen benefit and redirect to it."""
    ticket = await page.submit("/v1/me/tickets", benefits.chosen(page))
    return page.redirect(f"/me/kiosk/{ticket['ticket_id']}")


async def ticket(page: Page) -> Response:
    """Show a code in large type while it is open, or what became of it."""
    return page.render("kiosk/ticket.html", seconds=SIGN_OUT_SECONDS, **await tickets.read_ticket(page))


async def end(page: Page) -> Response:
    """End the session and tell the browser to forget everything; the page of another site cannot cause it."""
    if not sign_in_sessions.is_from_own_page(page.request, if_unknown=True):
        return page.redirect("/kiosk")
    client = page.site.identity_providers.clients.get(Audience.RESIDENT)
    if page.sign_in_session is not None:
        await page.site.identity_providers.end_session(page.sign_in_session)
    address = (None if client is None else client.sign_out_url) or "/kiosk"
    response = page.render("kiosk/ended.html", next_address=address)
    response.headers["refresh"] = f"{WELCOME_SECONDS};url={address}"
    sign_in_sessions.delete(response, page.request, Audience.RESIDENT)
    response.headers["clear-site-data"] = '"cache", "cookies", "storage"'
    return response


ME = Audience.RESIDENT
ENDS = f"{SIGN_OUT_SECONDS};url=/me/kiosk/end"
ROUTES = (
    PageRoute("/kiosk", welcome),
    PageRoute("/me/kiosk", tiles, ME, refresh=ENDS),
    PageRoute("/me/kiosk", issue_ticket, ME, "POST", refresh=ENDS),
    PageRoute("/me/kiosk/end", end, ME, ends_session=True),
    PageRoute("/me/kiosk/end", end, ME, "POST", ends_session=True),
    PageRoute("/me/kiosk/{ticket_id}", ticket, ME, refresh=ENDS),
)
