"""The venue's desk: scan or type a code; a green tick with the terms, or standard terms. Never who, never how many."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.responses import Response

from benefits.redemption.redeem import ReversalReason
from service.auth.access_tokens import Audience
from service.web.api_client import Reply
from service.web.page import Page, PageRoute, expect

LIST_MAX = 200


async def desk(page: Page) -> Response:
    """Where codes are scanned."""
    honoured = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return page.render("venue/scan.html", venue=await page.read("/v1/venue/me"), honoured=honoured)


async def answer(page: Page) -> Response:
    """Whether it applies, as a page."""
    said = await _answer(page)
    return page.render("venue/answer_page.html", said.pop("status"), venue=await _venue(page), **said)


async def answer_fragment(page: Page) -> Response:
    """Whether it applies, as a part of the desk's page: the desk stays where it is."""
    said = await _answer(page)
    return page.render("venue/answer.html", said.pop("status"), **said)


async def _venue(page: Page) -> dict[str, Any]:
    """Who is signed in; nobody by name while the doors do not answer."""
    reply = await page.ask("GET", "/v1/venue/me")
    return dict(reply.body) if reply.went_well else {"name": {}}


async def _answer(page: Page) -> dict[str, Any]:
    """Redeem, or only look. An empty code is asked for again; where no answer comes, code and key stay in the form."""
    code = page.form.get("handle", "").strip()[:64]
    spent = page.form.get("act") != "check"
    said: dict[str, Any] = {"status": 200, "empty": not code, "spent": spent, "code": code, "unanswered": False}
    if not code:
        return {**said, "said": {"applies": False}, "title": None}
    reply = await _ask(page, code, page.key if spent else None)
    if reply.status >= 500:
        return {**said, "status": reply.status, "unanswered": True, "said": {"applies": False}, "title": None}
    found, title = expect(reply), None
    if found["applies"]:
        honoured = await page.ask("GET", "/v1/venue/benefits", query={"limit": LIST_MAX})
        titles = {one["benefit_id"]: one["title"] for one in honoured.body["data"]} if honoured.went_well else {}
        title = titles.get(found["benefit_id"])
    return {**said, "said": found, "title": title}


async def _ask(page: Page, code: str, key: str | None) -> Reply:
    """What the door says of a code: looked at without a key, honoured with one."""
    if key is None:
        return await page.ask("POST", "/v1/venue/checks", {"handle": code})
    reply = await page.ask("POST", "/v1/venue/redemptions", {"handle": code}, key=key)
    if reply.status == 422 and (reply.body or {}).get("code") == "idempotency_key_reused":
        # The form's key was spent on another code, whose answer never came: this one is a request of its own.
        return await page.ask("POST", "/v1/venue/redemptions", {"handle": code}, key=secrets.token_urlsafe(16))
    return reply


async def day(page: Page) -> Response:
    """A day's list, without persons; today's unless another day of the calendar is asked for."""
    venue, asked, path = await page.read("/v1/venue/me"), page.query("day"), "/v1/venue/redemptions"
    query = {"limit": LIST_MAX, "cursor": page.query("cursor"), "day": asked or venue["today"]}
    reply = await page.ask("GET", path, query=query)
    unread = reply.status == 400
    found = await page.read(path, limit=LIST_MAX) if unread else expect(reply)
    honoured = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return page.render(
        "venue/day.html",
        venue=venue,
        found=found,
        titles={one["benefit_id"]: one["title"] for one in honoured},
        reasons=list(ReversalReason),
        day=venue["today"] if unread else query["day"],
        unread=unread,
    )


async def reverse(page: Page) -> Response:
    """Take one back, the same day."""
    reason = {"reason_code": page.form.get("reason_code", "")}
    await page.do(f"/v1/venue/redemptions/{page.part('redemption_id')}/reversal", reason)
    return page.go("/desk/day", "reversed")


DESK = Audience.VENUE
ROUTES = (
    PageRoute("/desk", desk, DESK),
    PageRoute("/desk/answer", answer, DESK, "POST"),
    PageRoute("/desk/answer-part", answer_fragment, DESK, "POST", fragment=True),
    PageRoute("/desk/day", day, DESK),
    PageRoute("/desk/redemptions/{redemption_id}/reverse", reverse, DESK, "POST"),
)
