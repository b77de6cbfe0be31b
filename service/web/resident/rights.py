"""The resident's rights as pages: access log, messages, records, objections, export and erasure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from consent.domain.objections import Reason
from consent.domain.records import RecordKind
from service.auth.access_tokens import Audience
from service.web.api_client import body_or_raise
from service.web.auth import sign_in_sessions
from service.web.forms.parse import whole_number
from service.web.page import LIST_MAX, ROWS_SHOWN, Page, PageRoute
from service.web.resident import unread
from service.web.resident.access_log import group_equal_uses, split_own_views

PREVIEW_SHOWN = 3
"""Newest messages and uses on the overview."""
EMPTY_STATEMENT = {"statement": "empty"}
WRONG_CLAIM = {"claim": "invalid"}
UNCHOSEN_REASON = {"reason": "unchosen"}
"""Faults shown at an objection's text field, right amount and day, or reasons, after an answer of 422."""


async def overview(page: Page) -> Response:
    """Show the newest uses and messages and the ways to every right."""
    by_others, _own = split_own_views((await page.read("/v1/me/access-log", limit=LIST_MAX))["data"])
    return page.render(
        "resident/overview.html",
        messages=(await page.read("/v1/me/messages", mark_read="false", limit=PREVIEW_SHOWN))["data"],
        uses=group_equal_uses(by_others)[:PREVIEW_SHOWN],
        objections=await page.read_all("/v1/me/objections"),
        hinted=(await page.read("/v1/me/notifications"))["city_app"],
    )


async def choose_hints(page: Page) -> Response:
    """Store whether the city's app may be told that there is something to read."""
    chosen = page.form.get("city_app") == "on"
    body_or_raise(await page.call_api("PUT", "/v1/me/notifications", {"city_app": chosen}))
    return page.redirect("/me/mine", "hints_on" if chosen else "hints_off")


async def access_log(page: Page) -> Response:
    """List every use of the person's records and points."""
    answer = await page.read_rows_shown("/v1/me/access-log")
    by_others, own = split_own_views(answer["data"])
    return page.render(
        "resident/access_log.html",
        answer=answer,
        uses=group_equal_uses(by_others),
        own=group_equal_uses(own),
        own_count=len(own),
    )


async def messages(page: Page) -> Response:
    """List the messages to the person, and remember in this browser which was the newest."""
    answer = await page.read_rows_shown("/v1/me/messages")
    response = page.render("resident/messages.html", messages=answer)
    if answer["data"] and not page.query("cursor"):
        unread.remember(page, response, answer["data"][0]["at"])
    return response


async def records(page: Page) -> Response:
    """List the person's records, of one kind with `?kind=`, with their sources and the objections to them."""
    kind = page.query("kind") if page.query("kind") in list(RecordKind) else None
    answer = await page.read("/v1/me/records", kind=kind, limit=ROWS_SHOWN, cursor=page.query("cursor"))
    names = {source["source_id"]: source["name"] for source in (await page.read("/v1/public/sources"))["data"]}
    explanation = await page.read("/v1/me/points/explanation")
    points = {row["record_id"]: row["points"] for row in explanation["contributions"]}
    objected = {row.get("record_id"): row["state"] for row in await page.read_all("/v1/me/objections")}
    return page.render(
        "resident/records.html", records=answer, kind=kind, names=names, points=points, objected=objected
    )


async def objections(page: Page) -> Response:
    """List the person's objections, with a form for a missing record."""
    return await _render_objections(page, {})


async def _render_objections(page: Page, faults: dict[str, str], status: int = 200) -> Response:
    answer = await page.read_rows_shown("/v1/me/objections")
    return page.render(
        "resident/objections.html",
        status,
        objections=answer,
        sources=(await page.read("/v1/public/sources"))["data"],
        faults=faults,
        form=page.form,
    )


async def object_to_missing(page: Page) -> Response:
    """Open an objection about a record that a source has not delivered."""
    statement = page.form.get("statement", "").strip()
    body: dict[str, Any] = {"source_id": page.form.get("source_id", ""), "reason_code": "missing"}
    body["statement"] = statement
    if day := page.form.get("occurred_on", "").strip():
        body["claim"] = {"occurred_on": day}
    reply = await page.call_api("POST", "/v1/me/objections", body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return await _render_objections(page, EMPTY_STATEMENT, reply.status)
    body_or_raise(reply)
    return page.redirect("/me/objections", "objected")


async def objection_form(page: Page) -> Response:
    """Show one record and the form that objects to it or to its retraction."""
    return await _render_objection_form(page, {})


async def object_to_record(page: Page) -> Response:
    """Open an objection to one record, with the right values as far as the person names them."""
    body: dict[str, Any] = {
        "reason_code": page.form.get("reason_code", ""),
        "statement": page.form.get("statement", "").strip(),
    }
    if claim := _claimed(page):
        body["claim"] = claim
    path = f"/v1/me/records/{page.path_param('record_id')}/objections"
    reply = await page.call_api("POST", path, body, key=page.idempotency_key)
    if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        pointers = [error["pointer"] for error in reply.body.get("errors", ())]
        faults: dict[str, str] = {}
        if "/reason_code" in pointers:
            faults |= UNCHOSEN_REASON
        if any(pointer.startswith("/claim") for pointer in pointers):
            faults |= WRONG_CLAIM
        if not faults or not body["statement"]:
            faults |= EMPTY_STATEMENT
        return await _render_objection_form(page, faults, reply.status)
    body_or_raise(reply)
    return page.redirect("/me/objections", "objected")


def _claimed(page: Page) -> dict[str, Any]:
    """Return the right values that were typed; the API refuses an amount that is no number."""
    claim: dict[str, Any] = {}
    if quantity := page.form.get("quantity", "").strip():
        claim["quantity"] = whole_number(quantity)
    if day := page.form.get("occurred_on", "").strip():
        claim["occurred_on"] = day
    return claim


async def _render_objection_form(page: Page, faults: dict[str, str], status: int = 200) -> Response:
    record = await page.read(f"/v1/me/records/{page.path_param('record_id')}")
    left_out = {Reason.MISSING} if record["retracted"] else {Reason.MISSING, Reason.WRONGLY_RETRACTED}
    reasons = [Reason.WRONGLY_RETRACTED] if record["retracted"] else []
    reasons += [reason for reason in Reason if reason not in left_out and reason not in reasons]
    return page.render(
        "resident/objection_form.html", status, record=record, reasons=reasons, faults=faults, form=page.form
    )


async def export(page: Page) -> Response:
    """Send everything that is stored about the person as a JSON file."""
    return await page.download("/v1/me/export", "credit-easy-export.json")


async def erase_form(page: Page) -> Response:
    """Show the consequences of an erasure and ask for confirmation."""
    return page.render("resident/erase.html", unconfirmed=False)


async def erase(page: Page) -> Response:
    """Erase the person and end the session, if the box is ticked."""
    if page.form.get("sure") != "yes":
        return page.render("resident/erase.html", HTTPStatus.UNPROCESSABLE_ENTITY, unconfirmed=True)
    await page.delete("/v1/me")
    if page.sign_in_session is not None:
        await page.site.identity_providers.end_session(page.sign_in_session)
    response = page.redirect("/", "erased")
    sign_in_sessions.delete(response, page.request, Audience.RESIDENT)
    return response


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/mine", overview, ME),
    PageRoute("/me/hints", choose_hints, ME, "POST"),
    PageRoute("/me/accesses", access_log, ME),
    PageRoute("/me/messages", messages, ME),
    PageRoute("/me/records", records, ME),
    PageRoute("/me/records/{record_id}/objection", objection_form, ME),
    PageRoute("/me/records/{record_id}/objection", object_to_record, ME, "POST"),
    PageRoute("/me/objections", objections, ME),
    PageRoute("/me/objections", object_to_missing, ME, "POST"),
    PageRoute("/me/export", export, ME),
    PageRoute("/me/leave", erase_form, ME),
    PageRoute("/me/leave", erase, ME, "POST"),
)
