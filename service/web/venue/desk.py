"""The venue's pages: scan or type a code, read the verdict, take it back; the day's redemptions and their CSV.

A page here never has a person or a number of points: the API does not tell them to a venue.
"""

from __future__ import annotations

import secrets
from collections import Counter
from contextlib import nullcontext, suppress
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from benefits.passes import cwt
from benefits.redemption import shown_codes
from benefits.redemption.reversal import ReversalReason
from consent.crypto.blind_index import CODE_LENGTH
from service.auth.access_tokens import Audience
from service.web import csv_file
from service.web.api_client import ApiProblem, ApiReply, body_or_raise
from service.web.page import LIST_MAX, Page, PageRoute

CODE_MAX = 64
"""Characters of a typed code that are sent; the rest cannot belong to a code."""
PASS_START = cwt.PREFIX
"""The beginning of a pass's code. Its spaces are part of it, and capitals stay capitals."""
LATEST_SHOWN = 6
"""Latest redemptions next to the form."""
STANDARD_TERMS = {"applies": False}
"""The verdict shown with no code or no answer."""
DAY_COLUMNS = ("redemption_id", "benefit_id", "benefit", "day", "hour", "state", "runs_until")


async def scan(page: Page) -> Response:
    """Show the form for a code, the benefits that this venue redeems, and what was redeemed today."""
    nothing_sent = {"answered": False, "incomplete": False, "only_redeems": False, "unanswered": False}
    return page.render("venue/scan.html", **nothing_sent, **await _desk(page))


async def answer(page: Page) -> Response:
    """Redeem or check the posted code and show the verdict as a page of its own."""
    values = await _answer(page)
    status = values.pop("status")
    return page.render("venue/answer_page.html", status, answered=True, **{**await _desk(page), **values})


async def answer_fragment(page: Page) -> Response:
    """Redeem or check the posted code and return the verdict alone, for the script that stays on the page."""
    values = await _answer(page)
    return page.render("venue/answer.html", values.pop("status"), **values)


async def today_fragment(page: Page) -> Response:
    """Return today's figures alone, which the script loads after a redemption."""
    summary = _summary(await page.read_all("/v1/venue/redemptions"))
    return page.render("venue/today.html", summary=summary, titles=await _titles(page))


async def _desk(page: Page) -> dict[str, Any]:
    """Return the values around the verdict; empty ones while the API fails: the verdict must be shown all the same."""
    venue = await page.call_api("GET", "/v1/venue/me")
    benefits = await page.call_api("GET", "/v1/venue/benefits", query={"limit": LIST_MAX})
    redemptions: list[Any] = []
    with suppress(ApiProblem) if page.request.method == "POST" else nullcontext():
        redemptions = await page.read_all("/v1/venue/redemptions")
    honoured = benefits.body["data"] if benefits.succeeded else []
    return {
        "venue": dict(venue.body) if venue.succeeded else {"name": {}},
        "honoured": honoured,
        "titles": {row["benefit_id"]: row["title"] for row in honoured},
        "summary": _summary(redemptions),
    }


def _summary(redemptions: list[Any]) -> dict[str, Any]:
    """Return the numbers of a day's redemptions, those of each benefit in descending order, and the latest."""
    standing = [row for row in redemptions if row["state"] != "reversed"]
    return {
        "redeemed": len(standing),
        "reversed": len(redemptions) - len(standing),
        "by_benefit": dict(Counter(row["benefit_id"] for row in standing).most_common()),
        "latest": sorted(redemptions, key=lambda row: -row["hour"])[:LATEST_SHOWN],
    }


async def _answer(page: Page) -> dict[str, Any]:
    """Return the values of the verdict's template.

    `redeem` is False when only checking. `incomplete` is True for what cannot be a code, `only_redeems` for a pass that
    is to be checked only; neither is sent. After an answer of 500 or above `unanswered` is True, and the form keeps
    code and Idempotency-Key, so that pressing again redeems once.
    """
    typed = page.form.get("handle", "").lstrip()[: cwt.CODE_LENGTH_MAX]
    is_pass = typed.startswith(PASS_START)
    typed = typed if is_pass else typed.strip()[:CODE_MAX]
    shown = shown_codes.read(typed)
    code = typed if is_pass else shown.text
    redeem = page.form.get("act") != "check"
    values: dict[str, Any] = {
        "status": HTTPStatus.OK,
        "redeem": redeem,
        "code": typed,
        "code_length": CODE_LENGTH,
        "typed": len(code),
        "incomplete": not is_pass and not shown.is_complete,
        "only_redeems": is_pass and not redeem,
        "unanswered": False,
        "verdict": STANDARD_TERMS,
        "title": None,
        "standard": [],
        "reasons": list(ReversalReason),
    }
    if values["incomplete"] or values["only_redeems"]:
        return values
    reply = await _send_code(page, code, page.idempotency_key if redeem else None)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return {**values, "status": reply.status, "unanswered": True}
    verdict = body_or_raise(reply)
    benefits = await page.call_api("GET", "/v1/venue/benefits", query={"limit": LIST_MAX})
    rows = benefits.body["data"] if benefits.succeeded else []
    if verdict["applies"]:
        titles = {row["benefit_id"]: row["title"] for row in rows}
        return {**values, "verdict": verdict, "title": titles.get(verdict["benefit_id"])}
    return {**values, "standard": _only_baseline(page, rows)}


def _only_baseline(page: Page, benefits: list[Any]) -> list[str]:
    """Return the standard terms in words, if they are the same for all benefits of the venue.

    They depend on the venue alone, so that every refusal reads the same.
    """
    baselines = [row["baseline"] for row in benefits]
    same = bool(baselines) and baselines.count(baselines[0]) == len(baselines)
    return page.localizer.baseline(baselines[0]) if same else []


async def _send_code(page: Page, code: str, key: str | None) -> ApiReply:
    """Check a code (`key` None) or redeem it under an Idempotency-Key."""
    if key is None:
        return await page.call_api("POST", "/v1/venue/checks", {"handle": code})
    path, body = "/v1/venue/redemptions", {"handle": code}
    if code.startswith(PASS_START):
        path, body = f"{path}/pass", {"pass": code}
    reply = await page.call_api("POST", path, body, key=key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY and (reply.body or {}).get("code") == "idempotency_key_reused":
        # The form's key was used for another code whose answer was lost: this code is a request of its own.
        return await page.call_api("POST", path, body, key=secrets.token_urlsafe(16))
    return reply


async def day(page: Page) -> Response:
    """List the redemptions of a civil day, today's for a day that the calendar does not have."""
    venue, path = await page.read("/v1/venue/me"), "/v1/venue/redemptions"
    query = {"limit": LIST_MAX, "cursor": page.query("cursor"), "day": page.query("day") or venue["today"]}
    reply = await page.call_api("GET", path, query=query)
    invalid_day = reply.status == HTTPStatus.BAD_REQUEST
    redemptions = await page.read(path, limit=LIST_MAX) if invalid_day else body_or_raise(reply)
    shown_day = venue["today"] if invalid_day else query["day"]
    redemptions["data"].sort(key=lambda row: -row["hour"])
    return page.render(
        "venue/day.html",
        venue=venue,
        redemptions=redemptions,
        summary=_summary(await page.read_all(path, day=shown_day)),
        titles=await _titles(page),
        reasons=list(ReversalReason),
        day=shown_day,
        invalid_day=invalid_day,
    )


async def day_csv(page: Page) -> Response:
    """Send the redemptions of a civil day, today's unless given, as CSV."""
    shown_day = page.query("day") or (await page.read("/v1/venue/me"))["today"]
    rows, titles = await page.read_all("/v1/venue/redemptions", day=shown_day), await _titles(page)
    named = [{**row, "benefit": page.localizer.name(titles.get(row["benefit_id"]))} for row in rows]
    lines = [[row[column] for column in DAY_COLUMNS] for row in named]
    return csv_file.response(f"redemptions-{shown_day}.csv", DAY_COLUMNS, lines)


async def complaints(page: Page) -> Response:
    """Show the provider's number of complaints and the cases that officers passed on, without persons."""
    return page.render(
        "venue/complaints.html",
        venue=await page.read("/v1/venue/me"),
        complaints=await page.read_rows_shown("/v1/venue/complaints"),
        titles=await _titles(page),
    )


async def _titles(page: Page) -> dict[str, Any]:
    """Return the title of each benefit that this venue redeems, by its id."""
    rows = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return {row["benefit_id"]: row["title"] for row in rows}


async def reverse(page: Page) -> Response:
    """Take a redemption of today back; from the verdict the desk stays, ready for the next code."""
    reason = {"reason_code": page.form.get("reason_code", "")}
    await page.submit(f"/v1/venue/redemptions/{page.path_param('redemption_id')}/reversal", reason)
    return page.redirect("/desk" if page.form.get("next") == "desk" else "/desk/day", "reversed")


VENUE = Audience.VENUE
ROUTES = (
    PageRoute("/desk", scan, VENUE),
    PageRoute("/desk/answer", answer, VENUE, "POST"),
    PageRoute("/desk/answer-part", answer_fragment, VENUE, "POST", fragment=True),
    PageRoute("/desk/today-part", today_fragment, VENUE, fragment=True),
    PageRoute("/desk/day", day, VENUE),
    PageRoute("/desk/day.csv", day_csv, VENUE),
    PageRoute("/desk/complaints", complaints, VENUE),
    PageRoute("/desk/redemptions/{redemption_id}/reverse", reverse, VENUE, "POST"),
)
