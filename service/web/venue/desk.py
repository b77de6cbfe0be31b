"""The venue's pages: scan or type a code and see whether a benefit applies; the day's redemptions.

A page here never has a person or a number of points: the API does not tell them to a venue.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from benefits.redemption.reversal import ReversalReason
from service.auth.access_tokens import Audience
from service.web.api_client import ApiReply, body_or_raise
from service.web.page import LIST_MAX, Page, PageRoute

CODE_MAX = 64
"""Characters of a typed code that are sent; the rest cannot belong to a code."""
STANDARD_TERMS = {"applies": False}
"""The verdict shown with no code or no answer."""


async def scan(page: Page) -> Response:
    """Show the form for a code and the benefits that this venue honours."""
    honoured = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return page.render("venue/scan.html", venue=await page.read("/v1/venue/me"), honoured=honoured)


async def answer(page: Page) -> Response:
    """Redeem or check the posted code and show the verdict as a page of its own."""
    values = await _answer(page)
    return page.render("venue/answer_page.html", values.pop("status"), venue=await _venue(page), **values)


async def answer_fragment(page: Page) -> Response:
    """Redeem or check the posted code and return the verdict alone, for the script that stays on the page."""
    values = await _answer(page)
    return page.render("venue/answer.html", values.pop("status"), **values)


async def _venue(page: Page) -> dict[str, Any]:
    """Return the signed-in venue, without a name while the API fails: the verdict must be shown all the same."""
    reply = await page.call_api("GET", "/v1/venue/me")
    return dict(reply.body) if reply.succeeded else {"name": {}}


async def _answer(page: Page) -> dict[str, Any]:
    """Return the values of the verdict's template.

    `redeem` is False when only checking. After an answer of 500 or above `unanswered` is True, and the form keeps code
    and Idempotency-Key, so that pressing again redeems once.
    """
    code = page.form.get("handle", "").strip()[:CODE_MAX]
    redeem = page.form.get("act") != "check"
    values: dict[str, Any] = {
        "status": 200,
        "empty": not code,
        "redeem": redeem,
        "code": code,
        "unanswered": False,
        "verdict": STANDARD_TERMS,
        "title": None,
    }
    if not code:
        return values
    reply = await _send_code(page, code, page.idempotency_key if redeem else None)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return {**values, "status": reply.status, "unanswered": True}
    verdict, title = body_or_raise(reply), None
    if verdict["applies"]:
        honoured = await page.call_api("GET", "/v1/venue/benefits", query={"limit": LIST_MAX})
        titles = {row["benefit_id"]: row["title"] for row in honoured.body["data"]} if honoured.succeeded else {}
        title = titles.get(verdict["benefit_id"])
    return {**values, "verdict": verdict, "title": title}


async def _send_code(page: Page, code: str, key: str | None) -> ApiReply:
    """Check a code (`key` None) or redeem it under an Idempotency-Key."""
    if key is None:
        return await page.call_api("POST", "/v1/venue/checks", {"handle": code})
    reply = await page.call_api("POST", "/v1/venue/redemptions", {"handle": code}, key=key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY and (reply.body or {}).get("code") == "idempotency_key_reused":
        # The form's key was used for another code whose answer was lost: this code is a request of its own.
        return await page.call_api("POST", "/v1/venue/redemptions", {"handle": code}, key=secrets.token_urlsafe(16))
    return reply


async def day(page: Page) -> Response:
    """List the redemptions of a civil day, today's for a day that the calendar does not have."""
    venue, path = await page.read("/v1/venue/me"), "/v1/venue/redemptions"
    query = {"limit": LIST_MAX, "cursor": page.query("cursor"), "day": page.query("day") or venue["today"]}
    reply = await page.call_api("GET", path, query=query)
    invalid_day = reply.status == HTTPStatus.BAD_REQUEST
    redemptions = await page.read(path, limit=LIST_MAX) if invalid_day else body_or_raise(reply)
    honoured = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return page.render(
        "venue/day.html",
        venue=venue,
        redemptions=redemptions,
        titles={benefit["benefit_id"]: benefit["title"] for benefit in honoured},
        reasons=list(ReversalReason),
        day=venue["today"] if invalid_day else query["day"],
        invalid_day=invalid_day,
    )


async def reverse(page: Page) -> Response:
    """Reverse a redemption of today."""
    reason = {"reason_code": page.form.get("reason_code", "")}
    await page.submit(f"/v1/venue/redemptions/{page.path_param('redemption_id')}/reversal", reason)
    return page.redirect("/desk/day", "reversed")


VENUE = Audience.VENUE
ROUTES = (
    PageRoute("/desk", scan, VENUE),
    PageRoute("/desk/answer", answer, VENUE, "POST"),
    PageRoute("/desk/answer-part", answer_fragment, VENUE, "POST", fragment=True),
    PageRoute("/desk/day", day, VENUE),
    PageRoute("/desk/redemptions/{redemption_id}/reverse", reverse, VENUE, "POST"),
)
