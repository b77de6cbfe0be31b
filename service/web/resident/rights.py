"""The resident's rights as pages: who looked, what is held, what is wrong with it, take it along, leave."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from consent.domain.objections import Reason
from service.auth.access_tokens import Audience
from service.web.page import Page, PageRoute, expect
from service.web.resident.access_log import together

PAGE = 50


async def mine(page: Page) -> Response:
    """Everything that is mine, at a glance."""
    return page.render(
        "resident/overview.html",
        messages=(await page.read("/v1/me/messages", limit=3))["data"],
        uses=together((await page.read("/v1/me/access-log", limit=PAGE))["data"])[:3],
        objections=await page.read_all("/v1/me/objections"),
    )


async def accesses(page: Page) -> Response:
    """Who used my records or points."""
    found = await page.read("/v1/me/access-log", limit=PAGE, cursor=page.query("cursor"))
    return page.render("resident/access_log.html", found=found, uses=together(found["data"]))


async def messages(page: Page) -> Response:
    """What I must be told."""
    found = await page.read("/v1/me/messages", limit=PAGE, cursor=page.query("cursor"))
    return page.render("resident/messages.html", found=found)


async def records(page: Page) -> Response:
    """The records held about me."""
    found = await page.read("/v1/me/records", limit=PAGE, cursor=page.query("cursor"))
    names = {one["source_id"]: one["name"] for one in (await page.read("/v1/public/sources"))["data"]}
    return page.render("resident/records.html", found=found, names=names)


async def objections(page: Page) -> Response:
    """My objections, and a new one about a record that is missing."""
    return await _objections(page, {})


async def _objections(page: Page, unfit: dict[str, str], status: int = 200) -> Response:
    found = await page.read("/v1/me/objections", limit=PAGE, cursor=page.query("cursor"))
    return page.render(
        "resident/objections.html",
        status,
        found=found,
        sources=(await page.read("/v1/public/sources"))["data"],
        unfit=unfit,
        form=page.form,
    )


async def object_to_missing(page: Page) -> Response:
    """A record is missing."""
    statement = page.form.get("statement", "").strip()
    body = {"source_id": page.form.get("source_id", ""), "reason_code": "missing", "statement": statement}
    reply = await page.ask("POST", "/v1/me/objections", body, key=page.key)
    if reply.status == 422:
        return await _objections(page, {"statement": "empty"}, 422)
    expect(reply)
    return page.go("/me/objections", "objected")


async def object_form(page: Page) -> Response:
    """Say what is wrong with a record."""
    return page.render(
        "resident/objection_form.html", record_id=page.request.path_params["record_id"], **_object(page, {})
    )


async def object_to_record(page: Page) -> Response:
    """A record is wrong."""
    body = {"reason_code": page.form.get("reason_code", ""), "statement": page.form.get("statement", "").strip()}
    reply = await page.ask("POST", f"/v1/me/records/{page.part('record_id')}/objections", body, key=page.key)
    if reply.status == 422:
        record_id = page.request.path_params["record_id"]
        return page.render(
            "resident/objection_form.html", 422, record_id=record_id, **_object(page, {"statement": "empty"})
        )
    expect(reply)
    return page.go("/me/objections", "objected")


def _object(page: Page, unfit: dict[str, str]) -> dict[str, Any]:
    return {"reasons": [one for one in Reason if one is not Reason.MISSING], "unfit": unfit, "form": page.form}


async def export(page: Page) -> Response:
    """Everything held about me, as a file."""
    reply = await page.ask("GET", "/v1/me/export")
    expect(reply)
    name = 'attachment; filename="credit-easy-export.json"'
    return Response(reply.raw, media_type="application/json", headers={"content-disposition": name})


async def leave_form(page: Page) -> Response:
    """What leaving means."""
    return page.render("resident/erase.html", unfit=False)


async def leave(page: Page) -> Response:
    """Erase me."""
    if page.form.get("sure") != "yes":
        return page.render("resident/erase.html", 422, unfit=True)
    expect(await page.ask("DELETE", "/v1/me"))
    return page.go("/", "erased")


ME = Audience.RESIDENT
ROUTES = (
    PageRoute("/me/mine", mine, ME),
    PageRoute("/me/accesses", accesses, ME),
    PageRoute("/me/messages", messages, ME),
    PageRoute("/me/records", records, ME),
    PageRoute("/me/records/{record_id}/objection", object_form, ME),
    PageRoute("/me/records/{record_id}/objection", object_to_record, ME, "POST"),
    PageRoute("/me/objections", objections, ME),
    PageRoute("/me/objections", object_to_missing, ME, "POST"),
    PageRoute("/me/export", export, ME),
    PageRoute("/me/leave", leave_form, ME),
    PageRoute("/me/leave", leave, ME, "POST"),
)
