"""The privacy officer's first page, sources, verification, register and self-audit."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import lru_cache

import orjson
from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import Response

from consent.kernel import working_days
from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.api_client import raw_or_raise
from service.web.i18n.formatting import Localizer
from service.web.officer import board
from service.web.page import Page, PageRoute
from service.web.public import pages
from service.web.table_view import Column, TableView

REGISTERS_CACHED_MAX = 4
"""Rendered registers that stay in memory: two languages, before and after a change."""


async def dashboard(page: Page) -> Response:
    """Show what is due by working day, reviews, objections by source, and the state of audit and logs."""
    open_objections = await page.read_all("/v1/privacy/objections")
    propagations = await page.read_all("/v1/privacy/propagations")
    open_complaints = await page.read_all("/v1/privacy/complaints")
    audit = await page.read("/v1/privacy/self-audit")
    today = datetime.fromisoformat(audit["as_of"]).astimezone(page.localizer.zone).date()
    return page.render(
        "officer/dashboard.html",
        lanes=board.lanes(today, working_days.shipped(), open_objections, propagations, open_complaints),
        today=today,
        reviews=(await page.read("/v1/privacy/reviews"))["data"],
        propagations=propagations,
        sources=(await page.read("/v1/privacy/objection-analysis"))["data"],
        names=await pages.organisation_names(page),
        audit=audit,
        logs=await pages.published_logs(page),
    )


async def verification(page: Page) -> Response:
    """Explain the verification, with a button that starts it."""
    return page.render("officer/verification.html", result=None, logs=[])


async def verify(page: Page) -> Response:
    """Compute both logs and every person's chain again and show a result that can be printed."""
    result = await page.submit("/v1/privacy/verification")
    logs = []
    for log in result["logs"]:
        checkpoint = await page.call_api("GET", f"/log/{log['name']}/checkpoint")
        logs.append({**log, "note": checkpoint.raw.decode() if checkpoint.succeeded else ""})
    return page.render("officer/verification.html", result=result, logs=logs)


async def sources(page: Page) -> Response:
    """List objections and retractions by source as a table, the unusual and overdue ones first."""
    return page.render("officer/sources.html", table=await _source_table(page))


async def sources_csv(page: Page) -> Response:
    """Send the table of sources as CSV."""
    return csv_file.table_response("sources.csv", await _source_table(page), "source_id")


async def _source_table(page: Page) -> TableView:
    rows = []
    open_by_source = Counter(row["source_id"] for row in await page.read_all("/v1/privacy/propagations"))
    for index, row in enumerate((await page.read("/v1/privacy/objection-analysis"))["data"]):
        name = page.localizer.name(row.get("name")) or row["source_id"]
        rows.append(
            {
                **row,
                "source": name,
                "late": row["overdue"] + row["asked_overdue"],
                "unacknowledged": open_by_source[row["source_id"]],
                "search": f"{name} {row['source_id']}",
                "sort_first": index,
            }
        )
    keys = ("source", "unacknowledged", "opened", "late", "upheld", "repeats", "mean_days", "taken_back", "usual")
    columns = [Column(key, page.localizer.label("source_column", key), key != "source") for key in keys]
    return table_view.view("/officer/sources", page.request.query_params, columns, (), rows, default_sort="first")


async def register(page: Page) -> Response:
    """Show the record of processing activities, each table's fields grouped by their protection."""
    reply = await page.call_api("GET", "/v1/privacy/processing-register")
    register_list = _register_list(page.site.templates(page.language), raw_or_raise(reply))
    return page.render("officer/register.html", register_list=register_list)


@lru_cache(maxsize=REGISTERS_CACHED_MAX)
def _register_list(templates: Environment, raw: bytes) -> Markup:
    """Render the register once for a language and answer: it is long and the same for every officer."""
    localizer, tables = templates.globals["localizer"], []
    assert isinstance(localizer, Localizer)
    for entry in orjson.loads(raw)["data"]:
        by_protection: dict[str, list[str]] = {}
        for field in entry["fields"]:
            by_protection.setdefault(field["protection"], []).append(field["name"])
        fields = [(protection, localizer.listed(names)) for protection, names in by_protection.items()]
        tables.append({**entry, "fields_by_protection": fields})
    return Markup(templates.get_template("officer/register_list.html").render(tables=tables))  # noqa: S704


async def self_audit(page: Page) -> Response:
    """Show the self-audit, the week's objections and privacy budget, and the prohibited uses, for printing."""
    return page.render(
        "officer/self_audit.html",
        audit=await page.read("/v1/privacy/self-audit"),
        figures=await page.read("/v1/privacy/statistics"),
        privacy_budget=await page.read("/v1/public/privacy-budget"),
        prohibited_uses=(await page.read("/v1/public/prohibited-uses"))["data"],
        names=await pages.organisation_names(page),
    )


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer", dashboard, OFFICER),
    PageRoute("/officer/verification", verification, OFFICER),
    PageRoute("/officer/verification", verify, OFFICER, "POST"),
    PageRoute("/officer/sources", sources, OFFICER),
    PageRoute("/officer/sources/table.csv", sources_csv, OFFICER),
    PageRoute("/officer/register", register, OFFICER),
    PageRoute("/officer/self-audit", self_audit, OFFICER),
)
