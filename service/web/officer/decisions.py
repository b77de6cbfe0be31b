"""What an officer settles: objections with both sides, reviews with what a document changes; reasons in writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.api_client import Reply
from service.web.forms import fields, labels_of_fields, parse
from service.web.page import Page, PageRoute, expect
from service.web.public import pages

CORRECT, TAKE_BACK = "correct", "take_back"
"""The two ways of being right about a record; each is chosen by its name, and neither follows from an empty field."""
FIELDS = {"quantity": "/correction/quantity", "occurred_on": "/correction/occurred_on"}
"""The fields of a correction and where they stand in what is sent."""
AT_FIELD = {"invalid_quantity": "quantity", "invalid_date": "occurred_on", "in_future": "occurred_on"}
"""Refusals of a corrected record, and the field each is about."""
SHOWN_IN_PLACE = (403, 409, 422)
"""Refusals that leave the page, and what was typed, where they are."""
Faults = Mapping[str, str]


async def objection(page: Page) -> Response:
    """One objection with both sides; once it is decided, with the decision."""
    return await _objection(page, {})


async def _objection(page: Page, faults: Faults, problem: Any = None, status: int = 200) -> Response:
    found = await page.read(f"/v1/privacy/objections/{page.part('objection_id')}")
    return page.render(
        "officer/objection.html",
        status,
        found=found,
        names=await pages.organisations(page),
        faults=faults,
        problem=problem,
        form=page.form,
    )


async def acknowledge(page: Page) -> Response:
    """Tell the person that somebody has taken it up."""
    objection_id = page.part("objection_id")
    await page.do(f"/v1/privacy/objections/{objection_id}/acknowledgement")
    return page.go(f"/officer/objections/{objection_id}", "acknowledged")


async def decide_objection(page: Page) -> Response:
    """Decide, with reasons in writing. What was typed beside another choice than correcting is asked about first."""
    chosen = page.form.get("decision", "")
    typed = {name: text for name in FIELDS if (text := page.form.get(name, "").strip())}
    if typed and chosen != CORRECT:
        return await _objection(page, dict.fromkeys(typed, "not_correcting"), status=422)
    body: dict[str, Any] = {
        "decision": "upheld" if chosen in (CORRECT, TAKE_BACK) else chosen,
        "reason": page.form.get("reason", "").strip(),
    }
    if chosen == CORRECT:
        body["correction"] = {**typed, **_amount(typed.get("quantity"))}
    path = f"/v1/privacy/objections/{page.part('objection_id')}"
    if chosen == "upheld" and "record" in await page.read(path):
        # About a record, being right says nothing yet of what becomes of it.
        return await _objection(page, {"decision": "body_invalid"}, status=422)
    reply = await page.ask("POST", f"{path}/decision", body, key=page.key)
    if reply.status in SHOWN_IN_PLACE:
        faults = _faults(reply)
        return await _objection(page, faults, None if faults else reply.body, reply.status)
    expect(reply)
    return page.go("/officer", "decided")


def _amount(typed: str | None) -> dict[str, int | str]:
    """What was typed as the number that it is. What is none goes as it was typed: the door says so."""
    if typed is None:
        return {}
    return {"quantity": int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 16 else typed}


def _faults(reply: Reply) -> Faults:
    """What a door said against a decision, by the field of the form that it is about."""
    said = reply.body or {}
    if said.get("code") in AT_FIELD:
        return {AT_FIELD[said["code"]]: said["code"]}
    found = {}
    for one in said.get("errors") or ():
        name = next((name for name, pointer in FIELDS.items() if one["pointer"] == pointer), None)
        found[name or one["pointer"].removeprefix("/")] = one["code"]
    return found


async def review(page: Page) -> Response:
    """One review: what it is about in words, what it changes, what the gate says; or what was decided."""
    return await _review(page, None)


async def _review(page: Page, reply: Reply | None) -> Response:
    found = await page.read(f"/v1/privacy/reviews/{page.part('review_id')}")
    said = {} if reply is None else reply.body or {}
    unfit = said.get("code") == "body_invalid"
    document = found.get("document")
    kind = found["about"].partition("/")[0]
    read = None if document is None else Reading(page, kind, document)
    refused = [] if unfit else said.get("errors", [])
    return page.render(
        "officer/review.html",
        200 if reply is None else reply.status,
        found=found,
        kind=kind,
        lines=read.lines() if read else [],
        changes=read.changes(found.get("differences", [])) if read else [],
        findings=read.placed(found["findings"]) if read else [],
        whole=orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() if document else "",
        problem=None if unfit or reply is None else said,
        refused=read.placed(refused) if read else [],
        unfit=unfit,
        form=page.form,
    )


async def decide_review(page: Page) -> Response:
    """Let it go on, or send it back. A refusal is shown in place, with its rule; the reason stays as it was typed."""
    body = {"decision": page.form.get("decision", ""), "reason": page.form.get("reason", "").strip()}
    reply = await page.ask("POST", f"/v1/privacy/reviews/{page.part('review_id')}/decision", body, key=page.key)
    if reply.status in SHOWN_IN_PLACE:
        return await _review(page, reply)
    expect(reply)
    return page.go("/officer", "decided")


@dataclass(frozen=True, slots=True)
class Line:
    """A place of a document: what it is called, and what stands there, or stood before, as people say it."""

    label: str
    said: str
    before: str = ""


class Reading:
    """A catalogue document as people read it: its places by their names, its codes in words."""

    def __init__(self, page: Page, kind: str, document: Mapping[str, Any]) -> None:
        self.words, self.kind, self.document = page.words, kind, document

    def lines(self) -> list[Line]:
        """Every place of the document that has something in it."""
        found = []
        for one in fields.fields_of(self.kind, self.document):
            value = parse.value_at(self.document, one.pointer)
            if value not in (None, "", [], {}):
                found.append(Line(self.place(one.pointer), self.said(one.pointer, value)))
        return found

    def changes(self, differences: Iterable[Mapping[str, Any]]) -> list[Line]:
        """What is different, before and after."""
        return [
            Line(self.place(at := one["pointer"]), self.said(at, one.get("after")), self.said(at, one.get("before")))
            for one in differences
        ]

    def placed(self, findings: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Findings, each with what its place is called."""
        return [{**one, "place": self.place(one["pointer"]) if one["pointer"] else ""} for one in findings]

    def place(self, pointer: str) -> str:
        """What a place is called."""
        return labels_of_fields.label(self.words, self.kind, pointer, self.document)

    def said(self, pointer: str, value: Any) -> str:
        """A value in words; nothing for none."""
        return "" if value is None else labels_of_fields.said(self.words, self.kind, pointer, value, self.document)


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer/reviews/{review_id}", review, OFFICER),
    PageRoute("/officer/reviews/{review_id}", decide_review, OFFICER, "POST"),
    PageRoute("/officer/objections/{objection_id}", objection, OFFICER),
    PageRoute("/officer/objections/{objection_id}", decide_objection, OFFICER, "POST"),
    PageRoute("/officer/objections/{objection_id}/acknowledge", acknowledge, OFFICER, "POST"),
)
