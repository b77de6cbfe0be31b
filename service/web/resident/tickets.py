"""One-time codes as pages: choosing a benefit, the code itself, and what became of it."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute
from service.web.resident import benefits

CHANGED = {"benefit_not_available": "not_available", "terms_changed": "terms_changed"}
"""Problems of a ticket that its benefit's page explains, and the sentence there."""


async def choose_benefit(page: Page) -> Response:
    """List the benefits for which a code can be shown, those used for now, and those that only miss a consent.

    Also names the providers that have a live consent but offer nothing now.
    """
    rows = await page.read_all("/v1/me/benefits")
    offering = {benefit["provider_id"] for benefit in rows}
    by_state: dict[str, list[Any]] = {name: [] for name in benefits.GROUPS}
    for row in rows:
        by_state[benefits.state_of(row)].append(row)
    return page.render(
        "resident/choose_benefit.html",
        providers_without_benefits=[
            consent["name"]
            for consent in await page.read_all("/v1/me/consents")
            if consent["state"] == "given"
            and "name" in consent
            and consent.get("provider_id", "") not in {"", *offering}
        ],
        ready=[benefit for benefit in by_state["applies"] if benefit["consent"] == "given"],
        needing_consent=[benefit for benefit in by_state["applies"] if benefit["consent"] == "needed"],
        used=[benefit for benefit in by_state["used"] if benefit["consent"] == "given"],
    )


async def issue_ticket(page: Page) -> Response:
    """Issue a one-time code and redirect to it, so that going back or reloading sends nothing again."""
    body = benefits.chosen(page)
    reply = await page.call_api("POST", "/v1/me/tickets", body, key=page.idempotency_key)
    if reply.succeeded:
        return page.redirect(f"/me/show/{reply.body['ticket_id']}")
    code = (reply.body or {}).get("code")
    if code in CHANGED:
        # Used up or changed since the list was shown: the benefit's own page says which, and when again.
        return page.redirect(f"/me/benefits/{body['benefit_id']}", CHANGED[code])
    return page.problem(reply)


async def ticket(page: Page) -> Response:
    """Show a code while it is open; then that it was used, has expired or was withdrawn."""
    shown = await read_ticket(page)
    venue_id = shown["ticket"]["venue_id"]
    venue: dict[str, str] = next(
        (row["name"] for row in shown["benefit"].get("venues", []) if row["venue_id"] == venue_id), {}
    )
    return page.render("resident/ticket.html", venue=venue, **shown)


async def read_ticket(page: Page) -> dict[str, Any]:
    """Return what a page shows of the ticket in its path: `ticket`, `benefit` and `qr_svg`.

    `benefit` is empty where it has ended since: the code is shown all the same, without a title. The last is empty
    once the code cannot be used any more.
    """
    ticket = await page.read(f"/v1/me/tickets/{page.path_param('ticket_id')}")
    rows: list[dict[str, Any]] = await page.read_all("/v1/me/benefits")
    return {
        "ticket": ticket,
        "benefit": next((row for row in rows if row["benefit_id"] == ticket["benefit_id"]), {}),
        # The service itself drew this SVG, from a handle that it generated.
        "qr_svg": Markup(ticket.get("qr_svg", "")),  # noqa: S704
    }


async def ticket_state(page: Page) -> Response:
    """Return a ticket's state alone, for the script that asks whether it was used."""
    state = (await page.read(f"/v1/me/tickets/{page.path_param('ticket_id')}"))["state"]
    return Response(state, media_type="text/plain", headers={"cache-control": "no-store"})


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/show", choose_benefit, ME),
    PageRoute("/me/show", issue_ticket, ME, "POST"),
    PageRoute("/me/show/{ticket_id}", ticket, ME),
    PageRoute("/me/show/{ticket_id}/state", ticket_state, ME, fragment=True),
)
