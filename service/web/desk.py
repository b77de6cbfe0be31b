"""The venue's desk: scan or type a code; a green tick with the terms, or standard terms. Never who, never how many."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from benefits.redemptions import ReversalReason
from service.identity import Door
from service.web.frame import Leaf, Page, expect

LIST_MAX = 200


async def desk(page: Page) -> Response:
    """Where codes are scanned."""
    return page.render("desk/desk.html", honoured=(await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"])


async def answer(page: Page) -> Response:
    """Whether it applies, as a page."""
    return page.render("desk/answered.html", **await _answer(page))


async def answer_fragment(page: Page) -> Response:
    """Whether it applies, as a part of the desk's page: the desk stays where it is."""
    return page.render("desk/answer.html", **await _answer(page))


async def _answer(page: Page) -> dict[str, Any]:
    """Redeem, or only look; an empty code is asked for again."""
    code = page.form.get("handle", "").strip()[:64]
    if not code:
        return {"empty": True, "spent": False, "said": {"applies": False}, "title": None}
    spent = page.form.get("act") != "check"
    path = "/v1/venue/redemptions" if spent else "/v1/venue/checks"
    said = expect(await page.ask("POST", path, {"handle": code}, key=page.key if spent else None))
    title = None
    if said["applies"]:
        honoured = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
        title = next((one["title"] for one in honoured if one["benefit_id"] == said["benefit_id"]), None)
    return {"empty": False, "spent": spent, "said": said, "title": title}


async def day(page: Page) -> Response:
    """The day's list, without persons."""
    found = await page.read("/v1/venue/redemptions", limit=LIST_MAX, day=page.query("day"), cursor=page.query("cursor"))
    honoured = (await page.read("/v1/venue/benefits", limit=LIST_MAX))["data"]
    return page.render(
        "desk/day.html",
        found=found,
        titles={one["benefit_id"]: one["title"] for one in honoured},
        reasons=list(ReversalReason),
        asked=page.query("day"),
    )


async def reverse(page: Page) -> Response:
    """Take one back, the same day."""
    reason = {"reason_code": page.form.get("reason_code", "")}
    await page.do(f"/v1/venue/redemptions/{page.part('redemption_id')}/reversal", reason)
    return page.go("/desk/day", "reversed")


DESK = Door.VENUE
LEAVES = (
    Leaf("/desk", desk, DESK),
    Leaf("/desk/answer", answer, DESK, "POST"),
    Leaf("/desk/answer-part", answer_fragment, DESK, "POST", fragment=True),
    Leaf("/desk/day", day, DESK),
    Leaf("/desk/redemptions/{redemption_id}/reverse", reverse, DESK, "POST"),
)
