"""The privacy officer's pages: what needs me now, what was refused or waits, whether all is sound."""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web.officer import cases, decisions
from service.web.page import Page, PageRoute
from service.web.public import pages


async def now(page: Page) -> Response:
    """What needs me now."""
    return page.render(
        "officer/dashboard.html",
        reviews=(await page.read("/v1/privacy/reviews"))["data"],
        objections=await page.read_all("/v1/privacy/objections"),
        late=await page.read_all("/v1/privacy/propagations"),
        audit=await page.read("/v1/privacy/self-audit"),
        logs=await pages.published(page),
    )


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
    return page.render("officer/propagations.html", found=found, names=await pages.organisations(page))


async def register(page: Page) -> Response:
    """The record of processing."""
    tables = []
    for one in (await page.read("/v1/privacy/processing-register"))["data"]:
        protected: dict[str, list[str]] = {}
        for field in one["fields"]:
            protected.setdefault(field["protection"], []).append(field["name"])
        fields = [(protection, page.words.listed(names)) for protection, names in protected.items()]
        tables.append((one["table"], one["purpose"], one["basis"], one["kept"], one["removed_by"], fields))
    return page.render("officer/register.html", tables=tables)


async def self_audit(page: Page) -> Response:
    """What must never be found, and whether it is; made to be printed."""
    return page.render(
        "officer/self_audit.html",
        audit=await page.read("/v1/privacy/self-audit"),
        figures=(await page.read("/v1/privacy/statistics"))["data"],
        barred=(await page.read("/v1/public/prohibited-uses"))["data"],
        names=await pages.organisations(page),
    )


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer", now, OFFICER),
    *decisions.ROUTES,
    *cases.ROUTES,
    PageRoute("/officer/verification", verification, OFFICER),
    PageRoute("/officer/verification", verify, OFFICER, "POST"),
    PageRoute("/officer/attempts", attempts, OFFICER),
    PageRoute("/officer/propagations", propagations, OFFICER),
    PageRoute("/officer/register", register, OFFICER),
    PageRoute("/officer/self-audit", self_audit, OFFICER),
)
