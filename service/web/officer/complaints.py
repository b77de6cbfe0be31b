"""Complaints before the privacy officer: the queue, one complaint without its person, the written answer."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.api_client import body_or_raise
from service.web.page import Page, PageRoute
from service.web.public import pages


async def complaints(page: Page) -> Response:
    """List the complaints that wait, the earliest deadline first."""
    answer = await page.read_rows_shown("/v1/privacy/complaints")
    return page.render("officer/complaints.html", complaints=answer, names=await pages.organisation_names(page))


async def complaint(page: Page) -> Response:
    """Show one complaint with the form for its answer, or with the answer."""
    return await _render_complaint(page)


async def answer(page: Page) -> Response:
    """Answer a complaint and redirect to the list; 422 shows the form again."""
    path = f"/v1/privacy/complaints/{page.path_param('complaint_id')}/answer"
    body = {"answer": page.form.get("answer", "").strip()}
    if to_provider := page.form.get("to_provider", "").strip():
        body["to_provider"] = to_provider
    reply = await page.call_api("POST", path, body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return await _render_complaint(page, reply.status)
    body_or_raise(reply)
    return page.redirect("/officer/complaints", "decided")


async def _render_complaint(page: Page, status: int = 200) -> Response:
    shown = await page.read(f"/v1/privacy/complaints/{page.path_param('complaint_id')}")
    return page.render(
        "officer/complaint.html",
        status,
        complaint=shown,
        names=await pages.organisation_names(page),
        invalid=status != HTTPStatus.OK,
        form=page.form,
    )


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer/complaints", complaints, OFFICER),
    PageRoute("/officer/complaints/{complaint_id}", complaint, OFFICER),
    PageRoute("/officer/complaints/{complaint_id}", answer, OFFICER, "POST"),
)
