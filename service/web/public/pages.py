"""Pages that anybody may read: home, scheme, benefits, prohibited uses and the transparency logs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import Response

from benefits.rules.vocabulary import Scene
from consent.domain.records import Dimension
from service.http.problems import Problem, problem_response
from service.web.api_client import raw_or_raise
from service.web.page import LIST_MAX, Page, PageRoute

EXAMPLE = [
    {"dimension": name, "points": count, "cap": 200} for name, count in zip(Dimension, (15, 0, 56, 4, 33), strict=True)
]
"""Points of the example on the first page."""
ENTRIES_SHOWN = 20
"""Newest entries of the policy log on its page."""
LISTS_CACHED_MAX = 64
"""Rendered lists that stay in memory: all scenes and each scene, in two languages, before and after a change."""
PROGRAM_PATHS = ("/v1/", "/log/", "/static/", "/.well-known/")
"""Paths that only programs read: an unknown one is answered with problem JSON, not with a page."""


async def home(page: Page) -> Response:
    """Show what the service is, and the sign-ins that are configured."""
    return page.render("public/home.html", audiences=list(page.site.identity_providers.clients), example=EXAMPLE)


async def earn(page: Page) -> Response:
    """List the deeds that earn points, by dimension, and the sources that record them; nothing before a scheme."""
    deeds = await page.read("/v1/public/deeds")
    groups = [
        (row["dimension"], row["cap"], [deed for deed in deeds["data"] if deed["dimension"] == row["dimension"]])
        for row in deeds["dimensions"]
    ]
    return page.render("public/earn.html", groups=groups)


async def figures(page: Page) -> Response:
    """Show last week's figures with their noise, and this week's privacy budget."""
    released = await page.read("/v1/public/statistics")
    label, margins, of_sums = page.localizer.label, released["give_or_take"], released["give_or_take_of_sums"]
    single = {kind: margins.get(kind, 0) for kind in ("redemptions", "live_consents")}
    redeemed, divisions = released["redemptions"], released["redemptions_by_division"]
    return page.render(
        "public/figures.html",
        figures=released,
        scenes=[
            (label("scene", code), count, of_sums["scenes"].get(code, single["redemptions"]))
            for code, count in redeemed.items()
        ],
        divisions=[
            (label("division", code), count, of_sums["divisions"].get(code, single["redemptions"]))
            for code, count in divisions.items()
        ],
        consents=[
            (label("purpose", code), count, single["live_consents"])
            for code, count in released["live_consents"].items()
        ],
        privacy_budget=await page.read("/v1/public/privacy-budget"),
    )


async def scheme(page: Page) -> Response:
    """Show the scheme in force, what changes with a scheduled one, the sources, and the notices before a consent."""
    known = (await page.read("/v1/public/schemes"))["data"]
    scheduled = [row for row in known if row["state"] == "scheduled"]
    return page.render(
        "public/scheme.html",
        scheme_version=await page.read("/v1/public/scheme") if len(known) > len(scheduled) else None,
        known=known,
        coming=[await page.read(f"/v1/public/schemes/{row['version']}") for row in scheduled],
        sources=(await page.read("/v1/public/sources"))["data"],
        notices=(await page.read("/v1/public/notices"))["data"],
    )


async def benefits(page: Page) -> Response:
    """List the benefits in force, of one scene if the query names it."""
    scene = page.query("scene")
    chosen = scene if scene in list(Scene) else ""
    reply = await page.call_api("GET", "/v1/public/benefits", query={"limit": LIST_MAX, "scene": chosen})
    templates = page.site.templates(page.language)
    return page.render(
        "public/benefits.html",
        benefit_list=_benefit_list(templates, raw_or_raise(reply)),
        scene_chips=_scene_chips(templates, chosen),
    )


async def prohibited_uses(page: Page) -> Response:
    """List the uses for which points can never be published."""
    reply = await page.call_api("GET", "/v1/public/prohibited-uses")
    return page.render(
        "public/prohibited_uses.html",
        prohibited_use_list=_prohibited_use_list(page.site.templates(page.language), raw_or_raise(reply)),
    )


@lru_cache(maxsize=LISTS_CACHED_MAX)
def _benefit_list(templates: Environment, raw: bytes) -> Markup:
    """Render the benefits once for a language and answer: they are the same for everybody."""
    template = templates.get_template("public/benefit_list.html")
    return Markup(template.render(benefits=orjson.loads(raw)["data"]))  # noqa: S704


@lru_cache(maxsize=LISTS_CACHED_MAX)
def _scene_chips(templates: Environment, chosen: str) -> Markup:
    """Render the links to each scene once for a language and choice; "" chooses all scenes."""
    return Markup(templates.get_template("public/scene_chips.html").render(scenes=list(Scene), chosen=chosen))  # noqa: S704


@lru_cache(maxsize=8)
def _prohibited_use_list(templates: Environment, raw: bytes) -> Markup:
    """Render the list once for a language and answer: it is long and the same for everybody."""
    template = templates.get_template("public/prohibited_use_list.html")
    return Markup(template.render(prohibited_uses=orjson.loads(raw)["data"]))  # noqa: S704


async def organisation_names(page: Page) -> dict[str, dict[str, str]]:
    """Return the names of the sources and providers in force, by id; each name by language tag."""
    names = {source["source_id"]: source["name"] for source in (await page.read("/v1/public/sources"))["data"]}
    in_force = (await page.read("/v1/public/benefits", limit=LIST_MAX))["data"]
    return {**names, **{benefit["provider_id"]: benefit["provider"] for benefit in in_force}}


async def published_logs(page: Page) -> list[dict[str, Any]]:
    """Return both transparency logs as the public API describes them, each with three more members.

    `note` is the last signed checkpoint or "", `size` the number of entries it covers, and `check` the service's own
    comparison of that checkpoint with its tree, or None before the first checkpoint.
    """
    logs = []
    for log in (await page.read("/v1/public/logs"))["data"]:
        checkpoint = await page.call_api("GET", f"/log/{log['name']}/checkpoint")
        check = await page.call_api("GET", f"/log/{log['name']}/check")
        note = checkpoint.raw.decode() if checkpoint.succeeded else ""
        size = int(note.split("\n")[1]) if note else 0
        logs.append({**log, "note": note, "size": size, "check": check.body if check.succeeded else None})
    return logs


async def transparency_logs(page: Page) -> Response:
    """Show both logs, the newest entries of the policy log, and the commands that verify them."""
    logs = await published_logs(page)
    size = next((int(log["size"]) for log in logs if log["name"] == "policy"), 0)
    first = max(0, size - ENTRIES_SHOWN)
    entries = (await page.read("/log/policy/entries", start=first, end=size))["data"] if size else []
    checks = [log["check"] for log in logs]
    return page.render(
        "public/logs.html",
        logs=logs,
        entries=entries[::-1],
        base_url=page.site.app_context.settings.public_url or str(page.request.base_url).rstrip("/"),
        sound=all(check is not None and check["sound"] for check in checks),
        published=all(check is not None for check in checks),
    )


async def not_found(page: Page) -> Response:
    """Answer an unknown path: with a page for a browser, with problem JSON for a program."""
    is_read = page.request.method in ("GET", "HEAD")
    accepts_html = "text/html" in page.request.headers.get("accept", "")
    if not is_read or page.path.startswith(PROGRAM_PATHS) or not accepts_html:
        return problem_response(page.request, Problem("not_found"))
    raise Problem("not_found")


FALLBACK = PageRoute("/{rest:path}", not_found)
ROUTES = (
    PageRoute("/", home),
    PageRoute("/earn", earn),
    PageRoute("/figures", figures),
    PageRoute("/scheme", scheme),
    PageRoute("/benefits", benefits),
    PageRoute("/never", prohibited_uses),
    PageRoute("/logs", transparency_logs),
)
