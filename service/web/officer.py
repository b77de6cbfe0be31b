"""The privacy officer's pages: what needs me now, cases, one consent with its proofs, whether the logs are sound."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from service.identity import Door
from service.web import open_pages
from service.web.frame import Leaf, Page, expect

REASONS = ("oversight", "complaint", "audit", "other")
STATES = ("given", "refused", "withdrawn", "expired", "terminated")
LIST_MAX = 200
SAMPLE_DEFAULT = 20


async def now(page: Page) -> Response:
    """What needs me now."""
    return page.render(
        "officer/now.html",
        reviews=(await page.read("/v1/privacy/reviews"))["data"],
        objections=(await page.read("/v1/privacy/objections", limit=LIST_MAX))["data"],
        late=(await page.read("/v1/privacy/propagations", limit=LIST_MAX))["data"],
        audit=await page.read("/v1/privacy/self-audit"),
        logs=await open_pages.published(page),
    )


async def review(page: Page) -> Response:
    """One review: what it is about, whole, and what the gate says of it."""
    return await _review(page, False)


async def _review(page: Page, unfit: bool) -> Response:
    found = await page.read(f"/v1/privacy/reviews/{page.part('review_id')}")
    return page.render("officer/review.html", 422 if unfit else 200, found=found, unfit=unfit, form=page.form)


async def decide_review(page: Page) -> Response:
    """Let it go on, or send it back."""
    body = {"decision": page.form.get("decision", ""), "reason": page.form.get("reason", "").strip()}
    reply = await page.ask("POST", f"/v1/privacy/reviews/{page.part('review_id')}/decision", body, key=page.key)
    if reply.status == 422:
        return await _review(page, True)
    expect(reply)
    return page.go("/officer", "decided")


async def objection(page: Page) -> Response:
    """One objection with both sides."""
    return await _objection(page, False)


async def _objection(page: Page, unfit: bool) -> Response:
    wanted = page.request.path_params["objection_id"]
    open_ones = (await page.read("/v1/privacy/objections", limit=LIST_MAX))["data"]
    found = next((one for one in open_ones if one["objection_id"] == wanted), None)
    if found is None:
        return page.go("/officer", "gone")
    return page.render("officer/objection.html", 422 if unfit else 200, found=found, unfit=unfit, form=page.form)


async def acknowledge(page: Page) -> Response:
    """Tell the person that somebody has taken it up."""
    objection_id = page.part("objection_id")
    await page.do(f"/v1/privacy/objections/{objection_id}/acknowledgement")
    return page.go(f"/officer/objections/{objection_id}", "acknowledged")


async def decide_objection(page: Page) -> Response:
    """Decide, with reasons in writing."""
    body: dict[str, Any] = {
        "decision": page.form.get("decision", ""),
        "reason": page.form.get("reason", "").strip(),
    }
    correction: dict[str, Any] = {}
    quantity, day = page.form.get("quantity", ""), page.form.get("occurred_on", "")
    if quantity.isascii() and quantity.isdecimal() and len(quantity) < 10:
        correction["quantity"] = int(quantity)
    if day:
        correction["occurred_on"] = day
    if correction and body["decision"] == "upheld":
        body["correction"] = correction
    path = f"/v1/privacy/objections/{page.part('objection_id')}/decision"
    reply = await page.ask("POST", path, body, key=page.key)
    if reply.status == 422:
        return await _objection(page, True)
    expect(reply)
    return page.go("/officer", "decided")


async def case_form(page: Page) -> Response:
    """Say why you look, before you look."""
    return page.render("officer/case.html", reasons=REASONS, unfit=False, form=page.form)


async def open_case(page: Page) -> Response:
    """Open a case, and go to what can be looked at under it."""
    body = {"reason_code": page.form.get("reason_code", ""), "text": page.form.get("text", "").strip()}
    reply = await page.ask("POST", "/v1/privacy/cases", body, key=page.key)
    if reply.status == 422:
        return page.render("officer/case.html", 422, reasons=REASONS, unfit=True, form=page.form)
    return page.go(f"/officer/cases/{expect(reply)['case_id']}", "case_opened")


async def case(page: Page) -> Response:
    """Consents under a case: counts by day, a sample, one by its id."""
    return await _case(page, None)


async def _case(page: Page, sample: list[dict[str, Any]] | None) -> Response:
    case_id = page.request.path_params["case_id"]
    filters = {name: page.query(name) for name in ("purpose", "state", "on")}
    counts = (await page.read("/v1/privacy/consents", case=case_id, **filters))["data"]
    return page.render(
        "officer/looking.html", case_id=case_id, counts=counts, filters=filters, states=STATES, sample=sample
    )


async def sample(page: Page) -> Response:
    """A random sample under a case."""
    size = page.form.get("size", "")
    body: dict[str, Any] = {
        "case": page.request.path_params["case_id"],
        "size": int(size) if size.isascii() and size.isdecimal() and len(size) < 5 else SAMPLE_DEFAULT,
    }
    if page.form.get("state"):
        body["state"] = page.form["state"]
    return await _case(page, (await page.do("/v1/privacy/samples", body))["data"])


async def consent(page: Page) -> Response:
    """One consent under a case, with its events and proofs. Its person reads that somebody looked."""
    case_id, consent_id = page.request.path_params["case_id"], page.query("id").strip()
    if not consent_id.isalnum():
        return page.go(f"/officer/cases/{page.part('case_id')}", "no_such")
    reply = await page.ask("GET", f"/v1/privacy/consents/{consent_id}", query={"case": case_id})
    if reply.status == 404:
        return page.go(f"/officer/cases/{page.part('case_id')}", "no_such")
    return page.render("officer/consent.html", found=expect(reply), case_id=case_id)


async def verification(page: Page) -> Response:
    """What a verification does."""
    return page.render("officer/verification.html", result=None, logs=[])


async def verify(page: Page) -> Response:
    """Compute both logs and every chain again; a result one can show."""
    result = await page.do("/v1/privacy/verification")
    notes = []
    for one in result["logs"]:
        checkpoint = await page.ask("GET", f"/log/{one['name']}/checkpoint")
        notes.append({**one, "note": checkpoint.raw.decode() if checkpoint.went_well else ""})
    return page.render("officer/verification.html", result=result, logs=notes)


async def attempts(page: Page) -> Response:
    """What was tried and refused."""
    found = await page.read("/v1/privacy/refused-attempts", limit=50, cursor=page.query("cursor"))
    return page.render("officer/attempts.html", found=found)


async def propagations(page: Page) -> Response:
    """Ended links and corrections that their source has not dealt with."""
    found = await page.read("/v1/privacy/propagations", limit=50, cursor=page.query("cursor"))
    return page.render("officer/propagations.html", found=found)


async def register(page: Page) -> Response:
    """The record of processing."""
    tables = []
    for one in (await page.read("/v1/privacy/processing-register"))["data"]:
        protected: dict[str, list[str]] = {}
        for field in one["fields"]:
            protected.setdefault(field["protection"], []).append(field["name"])
        fields = [(protection, ", ".join(names)) for protection, names in protected.items()]
        tables.append((one["table"], one["purpose"], one["basis"], one["kept"], one["removed_by"], fields))
    return page.render("officer/register.html", tables=tables)


async def self_audit(page: Page) -> Response:
    """What must never be found, and whether it is; made to be printed."""
    return page.render(
        "officer/self_audit.html",
        audit=await page.read("/v1/privacy/self-audit"),
        figures=(await page.read("/v1/privacy/statistics"))["data"],
        barred=(await page.read("/v1/public/prohibited-uses"))["data"],
    )


OFFICER = Door.PRIVACY
LEAVES = (
    Leaf("/officer", now, OFFICER),
    Leaf("/officer/reviews/{review_id}", review, OFFICER),
    Leaf("/officer/reviews/{review_id}", decide_review, OFFICER, "POST"),
    Leaf("/officer/objections/{objection_id}", objection, OFFICER),
    Leaf("/officer/objections/{objection_id}", decide_objection, OFFICER, "POST"),
    Leaf("/officer/objections/{objection_id}/acknowledge", acknowledge, OFFICER, "POST"),
    Leaf("/officer/cases", case_form, OFFICER),
    Leaf("/officer/cases", open_case, OFFICER, "POST"),
    Leaf("/officer/cases/{case_id}", case, OFFICER),
    Leaf("/officer/cases/{case_id}/sample", sample, OFFICER, "POST"),
    Leaf("/officer/cases/{case_id}/consent", consent, OFFICER),
    Leaf("/officer/verification", verification, OFFICER),
    Leaf("/officer/verification", verify, OFFICER, "POST"),
    Leaf("/officer/attempts", attempts, OFFICER),
    Leaf("/officer/propagations", propagations, OFFICER),
    Leaf("/officer/register", register, OFFICER),
    Leaf("/officer/self-audit", self_audit, OFFICER),
)
