"""One document of the catalogue: what it would change, what the gate says, its history, and every step of its life."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from consent.domain.records import Dimension
from service.http.problems import Problem
from service.web.admin.common import faults_of, findings_of, kind_of, placed
from service.web.admin.editor import said_differences
from service.web.page import Page

VERSIONS_SHOWN = 10
WAITING = ("in_review", "submitted", "suspended", "draft")
"""States of which the gate's word matters: somebody may still let it into force."""
POINTS_DIGITS = VERSION_DIGITS = 6


async def document(page: Page) -> Response:
    """One document: a version beside what is in force, its history, and what can be done now."""
    return await _document(page, {})


async def _document(page: Page, shown: Mapping[str, Any], status: int = 200) -> Response:
    name, path = kind_of(page), f"/v1/admin/{page.part('kind')}/{page.part('id')}"
    newest = await page.read(path)
    asked = page.request.path_params.get("version") or page.query("version")
    chosen = await page.read(f"{path}/versions/{_number(asked)}") if asked else newest
    changes = await page.read(f"{path}/versions/{chosen['version']}/changes")
    found = await findings_of(page, name, chosen["document"]) if chosen["state"] in WAITING else []
    found = list(shown.get("found", found))
    address = f"/admin/{name}/{page.part('id')}"
    return page.render(
        "admin/document.html",
        status,
        **{
            "kind": name,
            "id": newest["id"],
            "name": page.words.name(chosen.get("name")),
            "address": address,
            "newest": newest["version"],
            "history": await _history(page, path, newest),
            "chosen": chosen,
            "beside": changes["beside"],
            "differences": said_differences(page, name, chosen["document"], changes["data"]),
            "findings": placed(page, name, chosen["document"], found, f"{address}/edit"),
            "whole": orjson.dumps(chosen["document"], option=orjson.OPT_INDENT_2).decode(),
            "problem": None,
            "impact": None,
            "tried": None,
            "untried": (),
            "dimensions": list(Dimension),
            **shown,
        },
    )


def _number(text: str) -> int:
    """A version's number; not found for what is none, as for a version that is not there."""
    if not (text.isascii() and text.isdecimal() and len(text) <= VERSION_DIGITS):
        raise Problem("not_found")
    return int(text)


async def _history(page: Page, path: str, newest: Mapping[str, Any]) -> dict[str, Any]:
    """A page of versions, newest first; `older` is where the next one begins."""
    last, asked = newest["version"], page.query("history")
    first = min(last, int(asked)) if asked.isascii() and asked.isdecimal() and len(asked) <= VERSION_DIGITS else last
    first = max(first, 1)
    until = max(0, first - VERSIONS_SHOWN)
    rows = [
        newest if number == last else await page.read(f"{path}/versions/{number}") for number in range(first, until, -1)
    ]
    return {"rows": rows, "older": until}


async def step(page: Page) -> Response:
    """One step in the life of a version: submit, approve, suspend, resume, discard. A refusal is explained in place."""
    name, act = kind_of(page), page.request.path_params["act"]
    if act not in ("submit", "approve", "suspend", "resume", "discard"):
        raise Problem("not_found")
    body = {"sha256": page.form.get("sha256", "")} if act == "approve" else None
    path = f"/v1/admin/{name}/{page.part('id')}/versions/{page.part('version')}/{act}"
    reply = await page.ask("POST", path, body)
    if not reply.went_well:
        refused = {"found": found} if (found := faults_of(reply)) else {}
        return await _document(page, {"problem": reply.body, **refused}, reply.status)
    done = _done(act, reply.body)
    return page.go(f"/admin/{name}/{page.part('id')}?version={page.part('version')}", done)


def _done(act: str, answer: Mapping[str, Any]) -> str:
    """Which sentence says what a step has done."""
    if answer.get("suspended"):
        return "approved_stopping"
    said = {
        ("submit", "in_review"): "in_review",
        ("approve", "scheduled"): "approved_scheduled",
        ("approve", "resume_requested"): "step_resume",
        ("resume", "in_force"): "resumed",
        ("resume", "scheduled"): "resumed",
        ("suspend", "retired"): "called_off",
        ("discard", "discarded"): "discarded",
    }
    return said.get((act, answer["state"]), f"step_{act}")


async def ask_to_retire(page: Page) -> Response:
    """What would end, for whom, before anybody ends it."""
    return await _ask_to_retire(page)


async def _ask_to_retire(page: Page, unfit: str = "", status: int = 200) -> Response:
    name, path = kind_of(page), f"/v1/admin/{page.part('kind')}/{page.part('id')}"
    chosen = await page.read(f"{path}/versions/{page.part('version')}")
    return page.render(
        "admin/retire.html",
        status,
        kind=name,
        id=chosen["id"],
        name=page.words.name(chosen.get("name")),
        chosen=chosen,
        address=f"/admin/{name}/{page.part('id')}",
        dependents=(await page.read(f"{path}/dependents"))["data"],
        unfit=unfit,
    )


async def retire(page: Page) -> Response:
    """End what is in force, from a day on, by somebody who has read what that ends."""
    name = kind_of(page)
    if page.form.get("sure") != "yes":
        return await _ask_to_retire(page, "sure", HTTPStatus.UNPROCESSABLE_ENTITY)
    path = f"/v1/admin/{name}/{page.part('id')}/versions/{page.part('version')}/retire"
    reply = await page.ask("POST", path, {"from": page.form.get("from", "")})
    if any(one["pointer"] == "/from" for one in faults_of(reply)):
        return await _ask_to_retire(page, "day", reply.status)
    if not reply.went_well:
        refused = {"found": found} if (found := faults_of(reply)) else {}
        return await _document(page, {"problem": reply.body, **refused}, reply.status)
    done = "retired_now" if reply.body["state"] == "retired" else "step_retire"
    return page.go(f"/admin/{name}/{page.part('id')}?version={page.part('version')}", done)


async def simulate(page: Page) -> Response:
    """To how many it would apply, in tens."""
    path = f"/v1/admin/{kind_of(page)}/{page.part('id')}/versions/{page.part('version')}/simulate"
    reply = await page.ask("POST", path)
    said = {"impact": reply.body} if reply.went_well else {"problem": reply.body}
    return await _document(page, said, reply.status if not reply.went_well else 200)


async def dry_run(page: Page) -> Response:
    """What a benefit would do for somebody who does not exist; what is no number of points is said where it stands."""
    typed = {str(name): page.form.get(name, "").strip() for name in Dimension}
    points = {name: int(text) for name, text in typed.items() if _is_points(text)}
    untried = [name for name, text in typed.items() if text and name not in points]
    if untried:
        return await _document(page, {"untried": untried}, HTTPStatus.UNPROCESSABLE_ENTITY)
    path = f"/v1/admin/benefits/{page.part('id')}/versions/{page.part('version')}/dry-run"
    reply = await page.ask("POST", path, {"points": points})
    said = {"tried": reply.body} if reply.went_well else {"problem": reply.body}
    return await _document(page, said, reply.status if not reply.went_well else 200)


def _is_points(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= POINTS_DIGITS
