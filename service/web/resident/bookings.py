"""Added sessions as pages: see those with free places, book one, cancel it."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute


async def bookings(page: Page) -> Response:
    """List the bookings, and the sessions of each benefit with added places that applies."""
    rows = await page.read_all("/v1/me/benefits")
    ready = [row for row in rows if row["effect"]["kind"] == "extra_window" and row["applies"]]
    open_sessions: list[tuple[Any, Any]] = []
    for row in ready:
        if row["consent"] == "given":
            answer = await page.read(f"/v1/me/benefits/{row['benefit_id']}/sessions")
            open_sessions += [(row, session) for session in answer["data"]]
    return page.render(
        "resident/bookings.html",
        bookings=(await page.read("/v1/me/bookings"))["data"],
        by_id={row["benefit_id"]: row for row in rows},
        open_sessions=open_sessions,
        ready=ready,
        asking=[row for row in ready if row["consent"] == "needed"],
    )


async def book(page: Page) -> Response:
    """Book a place and redirect to the list."""
    body = {"session_id": page.form.get("session", "")}
    if terms := page.form.get("terms"):
        body["accepted_terms_sha256"] = terms
    await page.submit("/v1/me/bookings", body)
    return page.redirect("/me/bookings", "booked")


async def cancel(page: Page) -> Response:
    """Cancel a booking; one that was cancelled before is no longer in the list either."""
    await page.delete(f"/v1/me/bookings/{page.path_param('booking_id')}")
    return page.redirect("/me/bookings", "booking_cancelled")


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/bookings", bookings, ME),
    PageRoute("/me/bookings", book, ME, "POST"),
    PageRoute("/me/bookings/{booking_id}/cancel", cancel, ME, "POST"),
)
