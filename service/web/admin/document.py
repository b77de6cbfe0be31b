"""One catalogue document: changes, findings, history, and every step of a version's life."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from consent.domain.records import Dimension
from service.auth.access_tokens import Audience
from service.http.problems import Problem
from service.web.admin import preview
from service.web.admin.common import check_document, errors_as_findings, names_of_references, path_kind
from service.web.api_client import ApiReply
from service.web.forms.document_view import DocumentView, side_by_side
from service.web.forms.parse import whole_number
from service.web.page import Page, PageRoute

VERSIONS_SHOWN = 10
"""Versions on one page of the history, so that it fits a screen."""
OPEN_STATES = ("in_review", "submitted", "suspended", "draft")
"""States from which a version can still come into force, so that its findings matter."""
POINTS_DIGITS = VERSION_DIGITS = 6
STEPS = ("submit", "approve", "resume", "discard")
REASON_MAX = 500
"""Characters of a reason for a suspension, as the API takes them."""


async def document(page: Page) -> Response:
    """Show a version with its changes, findings, history and possible steps; without a version, the newest."""
    return await _render_document(page, {})


async def _partner_of(page: Page, version: Mapping[str, Any]) -> str:
    """Return the id of the provider whose checklist has a draft, or "" for a kind that is on none."""
    body = version["document"]
    if "service_id" in body and "provider_id" not in body:
        body = await preview.service_of(page, body) or {}
    return str(body.get("provider_id", ""))


async def _render_document(page: Page, values: Mapping[str, Any], status: int = 200) -> Response:
    """Render the document; `values` are template values of an answer, and replace the usual ones."""
    kind, path = path_kind(page), f"/v1/admin/{page.path_param('kind')}/{page.path_param('id')}"
    newest = await page.read(path)
    version = page.request.path_params.get("version") or page.query("version")
    chosen = await page.read(f"{path}/versions/{_version_number(version)}") if version else newest
    changes = await page.read(f"{path}/versions/{chosen['version']}/changes")
    findings = values.get("findings")
    if findings is None:
        # The findings of a document in a package are on the package's page, where the others count as in force.
        checked = chosen["state"] in OPEN_STATES and "package_id" not in chosen
        findings = await check_document(page, kind, chosen["document"]) if checked else []
    address = f"/admin/{kind}/{page.path_param('id')}"
    names = await names_of_references(page, kind, chosen["document"])
    view = DocumentView(page.localizer, kind, chosen["document"], names)
    return page.render(
        "admin/document.html",
        status,
        **{
            "partner": await _partner_of(page, chosen) if chosen["state"] == "draft" else "",
            "kind": kind,
            "id": newest["id"],
            "name": page.localizer.name(chosen.get("name")),
            "address": address,
            "history": await _history(page, path),
            "steps": (await page.read(f"{path}/versions/{chosen['version']}/steps"))["data"],
            "lines": side_by_side(
                view, page.localizer_of(page.other_language), changes["data"] if changes["beside"] else ()
            ),
            "chosen": chosen,
            "compared_with": changes["beside"],
            "differences": view.changes(changes["data"]),
            "document_json": orjson.dumps(chosen["document"], option=orjson.OPT_INDENT_2).decode(),
            "problem": None,
            "impact": None,
            "dry_run": None,
            "invalid_points": (),
            "dimensions": list(Dimension),
            **values,
            "findings": view.with_labels(findings, f"{address}/edit"),
        },
    )


def _version_number(text: str) -> int:
    """Return a version's number; Problem `not_found` for any other text, as for an unknown version."""
    number = whole_number(text, VERSION_DIGITS)
    if not isinstance(number, int):
        raise Problem("not_found")
    return number


async def _history(page: Page, path: str) -> dict[str, Any]:
    """Return `rows`, a page of versions, newest first, and `older`, the cursor of the next page or None."""
    listed = await page.read(f"{path}/versions", limit=VERSIONS_SHOWN, cursor=page.query("history"))
    return {"rows": listed["data"], "older": listed["next_cursor"]}


async def step(page: Page) -> Response:
    """Submit, approve, resume or discard a version; a refusal is explained on the document's page."""
    kind, act = path_kind(page), page.request.path_params["act"]
    if act not in STEPS:
        raise Problem("not_found")
    body = {"sha256": page.form.get("sha256", "")} if act == "approve" else None
    path = f"/v1/admin/{kind}/{page.path_param('id')}/versions/{page.path_param('version')}/{act}"
    reply = await page.call_api("POST", path, body)
    if not reply.succeeded:
        return await _render_refusal(page, reply)
    return _redirect_to_version(page, kind, _done_code(act, reply.body))


async def _render_refusal(page: Page, reply: ApiReply) -> Response:
    findings = errors_as_findings(reply)
    return await _render_document(
        page, {"problem": reply.body, **({"findings": findings} if findings else {})}, reply.status
    )


def _redirect_to_version(page: Page, kind: str, done: str) -> Response:
    return page.redirect(f"/admin/{kind}/{page.path_param('id')}?version={page.path_param('version')}", done)


def _done_code(act: str, answer: Mapping[str, Any]) -> str:
    """Return the code of the sentence that confirms a step, by the version's new state."""
    if answer.get("suspended"):
        return "approved_stopping"
    codes = {
        ("submit", "in_review"): "in_review",
        ("approve", "scheduled"): "approved_scheduled",
        ("approve", "resume_requested"): "step_resume",
        ("resume", "in_force"): "resumed",
        ("resume", "scheduled"): "resumed",
        ("suspend", "retired"): "called_off",
        ("discard", "discarded"): "discarded",
    }
    return codes.get((act, answer["state"]), f"step_{act}")


async def suspend_form(page: Page) -> Response:
    """Show the consequences of suspending a version, or of calling off a scheduled one, and ask for the reason."""
    return await _render_suspend_form(page)


async def _render_suspend_form(page: Page, invalid: bool = False, status: int = 200) -> Response:
    return await _render_ending(page, "admin/suspend.html", invalid, status)


async def suspend(page: Page) -> Response:
    """Suspend a version, or call off a scheduled one, with a reason."""
    kind, reason = path_kind(page), page.form.get("reason", "").strip()
    if not 1 <= len(reason) <= REASON_MAX:
        return await _render_suspend_form(page, invalid=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    path = f"/v1/admin/{kind}/{page.path_param('id')}/versions/{page.path_param('version')}/suspend"
    reply = await page.call_api("POST", path, {"reason": reason})
    if not reply.succeeded:
        return await _render_refusal(page, reply)
    return _redirect_to_version(page, kind, _done_code("suspend", reply.body))


async def retire_form(page: Page) -> Response:
    """Show the consequences of retiring a version, and ask for a day and a confirmation."""
    return await _render_retire_form(page)


async def _render_retire_form(page: Page, invalid: str = "", status: int = 200) -> Response:
    """Render the form; `invalid` is `day` or `sure`, the field that was refused."""
    return await _render_ending(page, "admin/retire.html", invalid, status)


async def _render_ending(page: Page, template: str, invalid: bool | str, status: int) -> Response:
    """Render the form that ends the addressed version, with what depends on it if it is in force."""
    kind, path = path_kind(page), f"/v1/admin/{page.path_param('kind')}/{page.path_param('id')}"
    chosen = await page.read(f"{path}/versions/{page.path_param('version')}")
    return page.render(
        template,
        status,
        kind=kind,
        id=chosen["id"],
        name=page.localizer.name(chosen.get("name")),
        chosen=chosen,
        address=f"/admin/{kind}/{page.path_param('id')}",
        dependents=(await page.read(f"{path}/dependents"))["data"] if chosen["state"] == "in_force" else [],
        invalid=invalid,
    )


async def retire(page: Page) -> Response:
    """Retire a version from a day on, if the box is ticked."""
    kind = path_kind(page)
    if page.form.get("sure") != "yes":
        return await _render_retire_form(page, "sure", HTTPStatus.UNPROCESSABLE_ENTITY)
    path = f"/v1/admin/{kind}/{page.path_param('id')}/versions/{page.path_param('version')}/retire"
    reply = await page.call_api("POST", path, {"from": page.form.get("from", "")})
    if any(error["pointer"] == "/from" for error in errors_as_findings(reply)):
        return await _render_retire_form(page, "day", reply.status)
    if not reply.succeeded:
        return await _render_refusal(page, reply)
    return _redirect_to_version(page, kind, "retired_now" if reply.body["state"] == "retired" else "step_retire")


async def simulate(page: Page) -> Response:
    """Show to how many people of the frozen population a version would apply, rounded to tens."""
    path = f"/v1/admin/{path_kind(page)}/{page.path_param('id')}/versions/{page.path_param('version')}/simulate"
    return await _render_result(page, "impact", await page.call_api("POST", path))


async def dry_run(page: Page) -> Response:
    """Show a benefit's verdict for typed points; fields that have no number of points are marked."""
    typed = {str(name): page.form.get(name, "").strip() for name in Dimension}
    parsed = {name: whole_number(text, POINTS_DIGITS) for name, text in typed.items() if text}
    invalid_points = [name for name, value in parsed.items() if not isinstance(value, int)]
    if invalid_points:
        return await _render_document(page, {"invalid_points": invalid_points}, HTTPStatus.UNPROCESSABLE_ENTITY)
    path = f"/v1/admin/benefits/{page.path_param('id')}/versions/{page.path_param('version')}/dry-run"
    return await _render_result(page, "dry_run", await page.call_api("POST", path, {"points": parsed}))


async def _render_result(page: Page, name: str, reply: ApiReply) -> Response:
    if not reply.succeeded:
        return await _render_document(page, {"problem": reply.body}, reply.status)
    return await _render_document(page, {name: reply.body})


ADMINISTRATOR = Audience.ADMINISTRATOR
DOCUMENT, VERSION = "/admin/{kind}/{id}", "/admin/{kind}/{id}/versions/{version}"
ROUTES = (
    PageRoute(DOCUMENT, document, ADMINISTRATOR),
    PageRoute(f"{VERSION}/suspend", suspend_form, ADMINISTRATOR),
    PageRoute(f"{VERSION}/suspend", suspend, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/retire", retire_form, ADMINISTRATOR),
    PageRoute(f"{VERSION}/retire", retire, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/simulate", simulate, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/dry-run", dry_run, ADMINISTRATOR, "POST"),
    PageRoute(f"{VERSION}/{{act}}", step, ADMINISTRATOR, "POST"),
)
