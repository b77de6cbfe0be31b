"""Complaints before the privacy officer: the queue, one complaint without its person, the written answer."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.api_client import body_or_raise
from service.web.officer import tables
from service.web.page import Page, PageRoute
from service.web.public import pages
from service.web.table_view import TableView

PATH = "/officer/complaints"
COLUMNS = ("reason", "provider", "opened", "due", "state")
FILTERS = ("reason", "provider", "state")


async def complaints(page: Page) -> Response:
    """List the complaints that wait, the earliest deadline first, with search, filters, order and pages."""
    return page.render("officer/complaints.html", table=await _table(page))


async def complaints_csv(page: Page) -> Response:
    """Send the complaints that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("complaints.csv", await _table(page), "complaint_id")


async def _table(page: Page) -> TableView:
    localizer, names, rows = page.localizer, await pages.organisation_names(page), []
    for row in await page.read_all("/v1/privacy/complaints"):
        provider_id, reason = row["provider_id"], localizer.label("reason", row["reason_code"])
        provider = localizer.name(names.get(provider_id)) or provider_id
        rows.append(
            {
                "complaint_id": row["complaint_id"],
                "href": f"{PATH}/{row['complaint_id']}",
                **table_view.coded("reason", row["reason_code"], reason),
                **table_view.coded("provider", provider_id, provider),
                **tables.day(localizer, "opened", row["opened_on"]),
                **tables.day(localizer, "due", row["answer_by"]),
                **tables.deadline(localizer, row["overdue"]),
                "search": f"{reason} {provider} {provider_id} {row['complaint_id']}",
            }
        )
    return tables.view(page, PATH, COLUMNS, FILTERS, rows)


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
    return page.redirect(PATH, "decided")


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
    PageRoute(PATH, complaints, OFFICER),
    PageRoute(f"{PATH}/table.csv", complaints_csv, OFFICER),
    PageRoute(f"{PATH}/{{complaint_id}}", complaint, OFFICER),
    PageRoute(f"{PATH}/{{complaint_id}}", answer, OFFICER, "POST"),
)
