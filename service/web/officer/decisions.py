"""The officer's decisions: objections with both sides, and reviews of catalogue documents; reasons in writing."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.api_client import ApiReply, body_or_raise
from service.web.forms.document_view import DocumentView, SideBySide, side_by_side
from service.web.forms.parse import whole_number
from service.web.page import Page, PageRoute
from service.web.public import pages

CORRECT, TAKE_BACK = "correct", "take_back"
"""The form's two choices that uphold an objection to a record. An empty field chooses neither."""
FIELDS = {"quantity": "/correction/quantity", "occurred_on": "/correction/occurred_on"}
"""JSON pointer of each field of a correction."""
FIELD_OF_CODE = {"invalid_quantity": "quantity", "invalid_date": "occurred_on", "in_future": "occurred_on"}
"""The field at which each refusal of a corrected record is shown."""
SHOWN_IN_PLACE = (HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Refusals that render the form again, so that what was typed is not lost."""
Faults = Mapping[str, str]
"""Error code by form field."""


async def objection(page: Page) -> Response:
    """Show an objection with both sides, and the form or the decision."""
    return await _render_objection(page, {})


async def _render_objection(page: Page, faults: Faults, problem: Any = None, status: int = 200) -> Response:
    return page.render(
        "officer/objection.html",
        status,
        objection=await page.read(f"/v1/privacy/objections/{page.path_param('objection_id')}"),
        names=await pages.organisation_names(page),
        faults=faults,
        problem=problem,
        form=page.form,
    )


async def acknowledge(page: Page) -> Response:
    """Tell the person that an officer examines the objection."""
    objection_id = page.path_param("objection_id")
    await page.submit(f"/v1/privacy/objections/{objection_id}/acknowledgement")
    return page.redirect(f"/officer/objections/{objection_id}", "acknowledged")


async def decide_objection(page: Page) -> Response:
    """Decide an objection with a written reason.

    A typed correction with another choice than correcting is contradictory: the form is shown again with the fault.
    """
    choice = page.form.get("decision", "")
    typed = {name: text for name in FIELDS if (text := page.form.get(name, "").strip())}
    if typed and choice != CORRECT:
        return await _render_objection(page, dict.fromkeys(typed, "not_correcting"), status=422)
    body: dict[str, Any] = {
        "decision": "upheld" if choice in (CORRECT, TAKE_BACK) else choice,
        "reason": page.form.get("reason", "").strip(),
    }
    if choice == CORRECT:
        body["correction"] = {name: whole_number(text) if name == "quantity" else text for name, text in typed.items()}
    path = f"/v1/privacy/objections/{page.path_param('objection_id')}"
    # "upheld" alone does not say if a record is corrected or taken back.
    if choice == "upheld" and not (await page.read(path)).get("record", {"retracted": 1}).get("retracted"):
        return await _render_objection(page, {"decision": "body_invalid"}, status=422)
    reply = await page.call_api("POST", f"{path}/decision", body, key=page.idempotency_key)
    if reply.status in SHOWN_IN_PLACE:
        faults = _faults(reply)
        return await _render_objection(page, faults, None if faults else reply.body, reply.status)
    body_or_raise(reply)
    return page.redirect("/officer", "decided")


def _faults(reply: ApiReply) -> Faults:
    """Return the refusal's error codes by form field; empty if it is about no field."""
    problem = reply.body or {}
    if problem.get("code") in FIELD_OF_CODE:
        return {FIELD_OF_CODE[problem["code"]]: problem["code"]}
    field_of_pointer = {pointer: name for name, pointer in FIELDS.items()}
    return {
        field_of_pointer.get(error["pointer"], error["pointer"].removeprefix("/")): error["code"]
        for error in problem.get("errors") or ()
    }


async def review(page: Page) -> Response:
    """Show a review: the document in words, its changes, the findings, and the form or the decision."""
    return await _render_review(page, None)


def _side_by_side(page: Page, view: DocumentView | None, review: Mapping[str, Any]) -> list[SideBySide]:
    """Return the document in both languages, the findings' words marked; empty without a document."""
    if view is None:
        return []
    other = page.localizer_of(page.other_language)
    return side_by_side(view, other, review.get("differences") or (), review["findings"])


async def _render_review(page: Page, refusal: ApiReply | None) -> Response:
    review = await page.read(f"/v1/privacy/reviews/{page.path_param('review_id')}")
    problem = {} if refusal is None else refusal.body or {}
    invalid = problem.get("code") == "body_invalid"
    document = review.get("document")
    kind = review["about"].partition("/")[0]
    view = None if document is None else DocumentView(page.localizer, kind, document, review.get("names", {}))
    errors = [] if invalid else problem.get("errors", [])
    return page.render(
        "officer/review.html",
        200 if refusal is None else refusal.status,
        review=review,
        members=[_member(page, row, review.get("names", {})) for row in review.get("documents", ())],
        kind=kind,
        lines=_side_by_side(page, view, review),
        changes=view.changes(review.get("differences", [])) if view else [],
        findings=view.with_labels(review["findings"]) if view else [],
        document_json=orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() if document else "",
        problem=None if invalid or refusal is None else problem,
        errors=view.with_labels(errors) if view else [],
        invalid=invalid,
        form=page.form,
    )


def _member(page: Page, row: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return a document of a package in words: its title, its places in both languages, its findings."""
    view = DocumentView(page.localizer, row["kind"], row["document"], names)
    return {
        "row": row,
        "title": page.localizer.name(row.get("name")) or row["id"],
        "lines": _side_by_side(page, view, row),
        "findings": view.with_labels(row["findings"]),
    }


async def decide_review(page: Page) -> Response:
    """Approve or refuse a review with a written reason; a refusal by the API is shown in the form."""
    body = {"decision": page.form.get("decision", ""), "reason": page.form.get("reason", "").strip()}
    # The hash is of what the officer read; a review of a contested account has none.
    for name in ("recipient", "sha256"):
        if page.form.get(name):
            body[name] = page.form[name]
    path = f"/v1/privacy/reviews/{page.path_param('review_id')}/decision"
    reply = await page.call_api("POST", path, body, key=page.idempotency_key)
    if reply.status in SHOWN_IN_PLACE:
        return await _render_review(page, reply)
    body_or_raise(reply)
    return page.redirect("/officer", "decided")


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer/reviews/{review_id}", review, OFFICER),
    PageRoute("/officer/reviews/{review_id}", decide_review, OFFICER, "POST"),
    PageRoute("/officer/objections/{objection_id}", objection, OFFICER),
    PageRoute("/officer/objections/{objection_id}", decide_objection, OFFICER, "POST"),
    PageRoute("/officer/objections/{objection_id}/acknowledge", acknowledge, OFFICER, "POST"),
)
