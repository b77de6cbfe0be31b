"""What anybody may read: what this is and refuses to be, the scheme, the catalogue, barred uses, the logs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import Response

from benefits.rules.vocabulary import Scene
from service.http.problems import Problem, problem_response
from service.web.page import Page, PageRoute, expect

LIST_MAX = 200
ENTRIES_SHOWN = 20
"""Newest entries of the policy log on its page."""


async def home(page: Page) -> Response:
    """What this is, and the ways in."""
    return page.render("public/home.html", doors=list(page.site.providers.clients))


async def scheme(page: Page) -> Response:
    """How deeds become points."""
    found = await page.read("/v1/public/scheme")
    return page.render(
        "public/scheme.html",
        found=found,
        sources=(await page.read("/v1/public/sources"))["data"],
        notices=(await page.read("/v1/public/notices"))["data"],
    )


async def benefits(page: Page) -> Response:
    """The catalogue, each benefit with what everybody gets."""
    scene = page.query("scene")
    chosen = scene if scene in list(Scene) else ""
    found = await page.read("/v1/public/benefits", limit=LIST_MAX, scene=chosen)
    return page.render("public/benefits.html", benefits=found["data"], scenes=list(Scene), chosen=chosen)


async def barred(page: Page) -> Response:
    """What points can never be used for."""
    reply = await page.ask("GET", "/v1/public/prohibited-uses")
    expect(reply)
    return page.render("public/prohibited_uses.html", uses=_uses(page.site.templates(page.language), reply.raw))


@lru_cache(maxsize=8)
def _uses(templates: Environment, raw: bytes) -> Markup:
    """The uses as they are drawn: the same for everybody, and long."""
    return Markup(templates.get_template("public/prohibited_use_list.html").render(uses=orjson.loads(raw)["data"]))  # noqa: S704


async def organisations(page: Page) -> dict[str, dict[str, str]]:
    """What sources and providers in force are called, by their ids."""
    found = {one["source_id"]: one["name"] for one in (await page.read("/v1/public/sources"))["data"]}
    listed = (await page.read("/v1/public/benefits", limit=LIST_MAX))["data"]
    return {**found, **{one["provider_id"]: one["provider"] for one in listed}}


async def published(page: Page) -> list[dict[str, Any]]:
    """Both logs with the key that verifies each, its last signed checkpoint or "", and how many entries that covers.

    `check` is what the service says of it when it holds the checkpoint against its tree now; None before the first.
    """
    found = []
    for key in (await page.read("/v1/public/logs"))["data"]:
        checkpoint = await page.ask("GET", f"/log/{key['name']}/checkpoint")
        check = await page.ask("GET", f"/log/{key['name']}/check")
        note = checkpoint.raw.decode() if checkpoint.went_well else ""
        size = int(note.split("\n")[1]) if note else 0
        found.append({**key, "note": note, "size": size, "check": check.body if check.went_well else None})
    return found


async def logs(page: Page) -> Response:
    """Both logs, and how to verify them."""
    found = await published(page)
    size = next((int(one["size"]) for one in found if one["name"] == "policy"), 0)
    first = max(0, size - ENTRIES_SHOWN)
    entries = (await page.read("/log/policy/entries", start=first, end=size))["data"] if size else []
    here = page.site.app_context.settings.public_url or str(page.request.base_url).rstrip("/")
    checks = [one["check"] for one in found]
    return page.render(
        "public/logs.html",
        logs=found,
        entries=entries[::-1],
        here=here,
        sound=all(check is not None and check["sound"] for check in checks),
        begun=all(check is not None for check in checks),
    )


async def nowhere(page: Page) -> Response:
    """There is nothing here: for people as a page, for programs as a problem."""
    reading = page.request.method in ("GET", "HEAD")
    if not reading or page.here.startswith(PROGRAMS) or "text/html" not in page.request.headers.get("accept", ""):
        return problem_response(page.request, Problem("not_found"))
    raise Problem("not_found")


PROGRAMS = ("/v1/", "/log/", "/static/", "/.well-known/")
LAST = PageRoute("/{rest:path}", nowhere)
ROUTES = (
    PageRoute("/", home),
    PageRoute("/scheme", scheme),
    PageRoute("/benefits", benefits),
    PageRoute("/never", barred),
    PageRoute("/logs", logs),
)
