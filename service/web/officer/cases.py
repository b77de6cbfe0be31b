"""An officer's cases: why one looks, and what can be looked at under each: counts, a sample, one consent."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from consent.domain.purposes import Purpose
from consent.oversight.officers import SAMPLE_MAX
from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute, expect
from service.web.public import pages

REASONS = ("oversight", "complaint", "audit", "other")
STATES = ("given", "refused", "withdrawn", "expired", "terminated")
CASES_SHOWN = 20
SAMPLE_DEFAULT = "20"


async def cases(page: Page) -> Response:
    """My own cases, and a new one: say why you look, before you look."""
    return await _cases(page, 200)


async def _cases(page: Page, status: int) -> Response:
    mine = await page.read("/v1/privacy/cases", limit=CASES_SHOWN, cursor=page.query("cursor"))
    unfit = status != 200
    return page.render("officer/cases.html", status, mine=mine, reasons=REASONS, unfit=unfit, form=page.form)


async def open_case(page: Page) -> Response:
    """Open a case, and go to what can be looked at under it."""
    body = {"reason_code": page.form.get("reason_code", ""), "text": page.form.get("text", "").strip()}
    reply = await page.ask("POST", "/v1/privacy/cases", body, key=page.key)
    if reply.status == 422:
        return await _cases(page, 422)
    return page.go(f"/officer/cases/{expect(reply)['case_id']}", "case_opened")


async def case(page: Page) -> Response:
    """Consents under a case: counts by day, a sample, one by its id."""
    return await _case(page, None)


async def _case(page: Page, sample: list[dict[str, Any]] | None, unfit: bool = False) -> Response:
    case_id = page.part("case_id")
    filters = {name: page.query(name) for name in ("purpose", "state", "on")}
    return page.render(
        "officer/case.html",
        422 if unfit else 200,
        case=await page.read(f"/v1/privacy/cases/{case_id}"),
        counts=(await page.read("/v1/privacy/consents", case=page.request.path_params["case_id"], **filters))["data"],
        filters=filters,
        purposes=list(Purpose),
        states=STATES,
        sample=sample,
        names=await pages.organisations(page) if sample else {},
        size=page.form.get("size", SAMPLE_DEFAULT),
        drawn=page.form.get("state", ""),
        most=SAMPLE_MAX,
        unfit=unfit,
    )


async def sample(page: Page) -> Response:
    """A random sample under a case. A size that is no number goes as it was typed: the door says so."""
    size = page.form.get("size", "").strip()
    body: dict[str, Any] = {
        "case": page.request.path_params["case_id"],
        "size": int(size) if size.isascii() and size.isdecimal() and len(size) < 16 else size,
    }
    if page.form.get("state"):
        body["state"] = page.form["state"]
    reply = await page.ask("POST", "/v1/privacy/samples", body, key=page.key)
    if reply.status == 422:
        return await _case(page, None, unfit=True)
    return await _case(page, expect(reply)["data"])


async def consent(page: Page) -> Response:
    """One consent under a case, with its events and proofs. Its person reads that somebody looked."""
    case_id, consent_id = page.request.path_params["case_id"], page.query("id").strip()
    if not consent_id.isalnum():
        return page.go(f"/officer/cases/{page.part('case_id')}", "no_such")
    reply = await page.ask("GET", f"/v1/privacy/consents/{consent_id}", query={"case": case_id})
    if reply.status == 404:
        return page.go(f"/officer/cases/{page.part('case_id')}", "no_such")
    return page.render("officer/consent.html", found=expect(reply), case_id=case_id)


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer/cases", cases, OFFICER),
    PageRoute("/officer/cases", open_case, OFFICER, "POST"),
    PageRoute("/officer/cases/{case_id}", case, OFFICER),
    PageRoute("/officer/cases/{case_id}/sample", sample, OFFICER, "POST"),
    PageRoute("/officer/cases/{case_id}/consent", consent, OFFICER),
)
