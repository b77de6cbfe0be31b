"""Complaints as pages: the list with its answers, and the form, opened from a ticket or a line of the activity."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from consent.domain.complaints import ComplaintReason
from service.auth.access_tokens import Audience
from service.web.api_client import ApiReply, body_or_raise
from service.web.page import Page, PageRoute


async def complaints(page: Page) -> Response:
    """List the person's complaints with dates and answers."""
    answer = await page.read_rows_shown("/v1/me/complaints")
    return page.render("resident/complaints.html", complaints=answer)


async def complaint_form(page: Page) -> Response:
    """Show the form; `?benefit=` and `?venue=` name what it is about."""
    return await _render_form(page, page.query("benefit"), page.query("venue"))


async def complain(page: Page) -> Response:
    """Open a complaint and redirect to the list; a refusal shows the form with the reason and with what was typed."""
    benefit_id, _, venue_id = page.form.get("about", "").partition("@")
    body: dict[str, Any] = {
        "benefit_id": benefit_id,
        "venue_id": venue_id,
        "reason_code": page.form.get("reason_code", ""),
    }
    if statement := page.form.get("statement", "").strip():
        body["statement"] = statement
    reply = await page.call_api("POST", "/v1/me/complaints", body, key=page.idempotency_key)
    if reply.status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
        return await _render_form(page, benefit_id, venue_id, reply)
    body_or_raise(reply)
    return page.redirect("/me/complaints", "complained")


async def _render_form(page: Page, benefit_id: str, venue_id: str, refused: ApiReply | None = None) -> Response:
    """Render the form with the places of one benefit, or with all places where it names none that is offered."""
    status = HTTPStatus.OK if refused is None else refused.status
    pointers = [error["pointer"] for error in (refused.body.get("errors") or ())] if refused is not None else []
    unchosen_reason = "/reason_code" in pointers
    rows: list[dict[str, Any]] = await page.read_all("/v1/me/benefits")
    benefits = [row for row in rows if row["benefit_id"] == benefit_id] or rows
    return page.render(
        "resident/complaint_form.html",
        status,
        venues=[(benefit, venue) for benefit in benefits for venue in benefit["venues"]],
        chosen=f"{benefit_id}@{venue_id}",
        reasons=list(ComplaintReason),
        invalid=refused is not None and pointers != ["/reason_code"],
        unchosen_reason=unchosen_reason,
        conflict=refused.body["detail"] if refused is not None and status == HTTPStatus.CONFLICT else None,
        form=page.form,
    )


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/complaints", complaints, ME),
    PageRoute("/me/complaints", complain, ME, "POST"),
    PageRoute("/me/complaints/new", complaint_form, ME),
)
