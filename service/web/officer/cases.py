"""The officer's cases: a written reason, and under it counts, a random sample or one consent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from consent.domain.purposes import Purpose
from consent.oversight.samples import SAMPLE_MAX
from service.auth.access_tokens import Audience
from service.web import csv_file
from service.web.api_client import ApiReply, body_or_raise
from service.web.forms.parse import whole_number
from service.web.officer import tables
from service.web.page import Page, PageRoute
from service.web.public import pages
from service.web.table_view import TableView

REASONS = ("oversight", "complaint", "audit", "other")
STATES = ("given", "refused", "withdrawn", "expired", "terminated")
PATH = "/officer/cases"
COLUMNS = ("why", "text", "begun", "state", "closed")
FILTERS = ("why", "state")
SAMPLE_SIZE_DEFAULT = "20"
"""Size of a sample before another is typed."""


async def cases(page: Page) -> Response:
    """List the officer's own cases, the newest first, and a form that opens a case."""
    return await _render_cases(page)


async def cases_csv(page: Page) -> Response:
    """Send the cases that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("cases.csv", await _table(page), "case_id")


async def _render_cases(page: Page, status: int = 200) -> Response:
    return page.render(
        "officer/cases.html",
        status,
        table=await _table(page),
        reasons=REASONS,
        invalid=status != HTTPStatus.OK,
        form=page.form,
    )


async def _table(page: Page) -> TableView:
    localizer, rows = page.localizer, []
    for row in await page.read_all("/v1/privacy/cases"):
        rows.append(
            {
                "case_id": row["case_id"],
                "href": f"{PATH}/{row['case_id']}",
                "text": row["text"],
                **tables.code(localizer, "why", "reason", row["reason_code"]),
                **tables.code(localizer, "state", "case_state", row["state"]),
                **tables.day(localizer, "begun", row["opened_on"]),
                **tables.day(localizer, "closed", row.get("closed_on")),
                "search": f"{localizer.label('reason', row['reason_code'])} {row['text']} {row['case_id']}",
            }
        )
    return tables.view(page, PATH, COLUMNS, FILTERS, rows)


async def open_case(page: Page) -> Response:
    """Open a case and redirect to it."""
    body = {"reason_code": page.form.get("reason_code", ""), "text": page.form.get("text", "").strip()}
    reply = await page.call_api("POST", "/v1/privacy/cases", body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return await _render_cases(page, reply.status)
    return page.redirect(f"{PATH}/{body_or_raise(reply)['case_id']}", "case_opened")


async def case(page: Page) -> Response:
    """Show what can be read under a case: counts by state and day, a sample, a consent by its id."""
    return await _render_case(page, None)


async def _render_case(page: Page, drawn: ApiReply | None, invalid: str = "") -> Response:
    """Render a case; `drawn` is the answer to a request for a sample, `invalid` a form's field that was refused."""
    case_id = page.path_param("case_id")
    shown = await page.read(f"/v1/privacy/cases/{case_id}")
    if shown["state"] == "closed":
        return page.render("officer/closed_case.html", case=shown)
    filters = {name: page.query(name) for name in ("purpose", "state", "on")}
    query = {"case": page.request.path_params["case_id"], **{name: value for name, value in filters.items() if value}}
    counted = await page.call_api("GET", "/v1/privacy/consents", query=query)
    spent = counted.status == HTTPStatus.TOO_MANY_REQUESTS and counted.body["code"] == "privacy_budget_spent"
    refused = drawn is not None and drawn.status == HTTPStatus.CONFLICT
    invalid_size = drawn is not None and drawn.status == HTTPStatus.UNPROCESSABLE_ENTITY
    sample = None if drawn is None or refused or invalid_size else body_or_raise(drawn)["data"]
    return page.render(
        "officer/case.html",
        HTTPStatus.UNPROCESSABLE_ENTITY
        if invalid
        else HTTPStatus.OK
        if drawn is None or sample is not None
        else drawn.status,
        case=shown,
        invalid=invalid,
        form=page.form,
        counts=None if spent else body_or_raise(counted),
        counts_refusal=counted.body["detail"] if spent else "",
        sample_refusal=drawn.body["detail"] if drawn is not None and refused else "",
        filters=filters,
        purposes=list(Purpose),
        states=STATES,
        sample=sample,
        names=await pages.organisation_names(page) if sample else {},
        size=page.form.get("size", SAMPLE_SIZE_DEFAULT),
        sample_state=page.form.get("state", ""),
        size_max=SAMPLE_MAX,
        invalid_size=invalid_size,
    )


async def add_note(page: Page) -> Response:
    """Add a note to a case; 422 shows the case again with what was typed."""
    return await _act(page, "notes", {"text": page.form.get("note", "").strip()}, "case_noted", "note")


async def close(page: Page) -> Response:
    """Close a case with a conclusion; 422 shows the case again with what was typed."""
    body = {"conclusion": page.form.get("conclusion", "").strip()}
    return await _act(page, "closing", body, "case_closed", "conclusion")


async def _act(page: Page, act: str, body: dict[str, str], done: str, field: str) -> Response:
    path = f"/v1/privacy/cases/{page.path_param('case_id')}/{act}"
    reply = await page.call_api("POST", path, body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return await _render_case(page, None, invalid=field)
    body_or_raise(reply)
    return page.redirect(f"{PATH}/{page.path_param('case_id')}", done)


async def sample(page: Page) -> Response:
    """Draw a random sample under a case; a size that is no number is sent as typed, and the API refuses it."""
    body: dict[str, Any] = {
        "case": page.request.path_params["case_id"],
        "size": whole_number(page.form.get("size", "").strip()),
    }
    if page.form.get("state"):
        body["state"] = page.form["state"]
    return await _render_case(page, await page.call_api("POST", "/v1/privacy/samples", body, key=page.idempotency_key))


async def consent(page: Page) -> Response:
    """Show one consent under a case, with its events and proofs; its person reads that an officer opened it."""
    case_id, consent_id = page.request.path_params["case_id"], page.query("id").strip()
    if not consent_id.isalnum():
        return page.redirect(f"{PATH}/{page.path_param('case_id')}", "no_such")
    reply = await page.call_api("GET", f"/v1/privacy/consents/{consent_id}", query={"case": case_id})
    if reply.status == HTTPStatus.CONFLICT:
        return page.redirect(f"{PATH}/{page.path_param('case_id')}")
    if reply.status == HTTPStatus.NOT_FOUND:
        return page.redirect(f"{PATH}/{page.path_param('case_id')}", "no_such")
    return page.render("officer/consent.html", consent=body_or_raise(reply), case_id=case_id)


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute(PATH, cases, OFFICER),
    PageRoute(PATH, open_case, OFFICER, "POST"),
    PageRoute(f"{PATH}/table.csv", cases_csv, OFFICER),
    PageRoute(f"{PATH}/{{case_id}}", case, OFFICER),
    PageRoute(f"{PATH}/{{case_id}}/notes", add_note, OFFICER, "POST"),
    PageRoute(f"{PATH}/{{case_id}}/closing", close, OFFICER, "POST"),
    PageRoute(f"{PATH}/{{case_id}}/sample", sample, OFFICER, "POST"),
    PageRoute(f"{PATH}/{{case_id}}/consent", consent, OFFICER),
)
