"""Objections that wait for an officer or for their source as a table, the earliest deadline first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from consent.domain.objections import ObjectionState
from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.officer import tables
from service.web.page import Page, PageRoute
from service.web.public import pages
from service.web.table_view import TableView

PATH = "/officer/objections"
COLUMNS = ("reason", "source", "stage", "opened", "due", "state")
FILTERS = ("reason", "source", "stage", "state")


async def objections(page: Page) -> Response:
    """List open objections and those whose source was asked, with search, filters, order and pages."""
    return page.render("officer/objections.html", table=await _table(page))


async def objections_csv(page: Page) -> Response:
    """Send the objections that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("objections.csv", await _table(page), "objection_id")


async def _table(page: Page) -> TableView:
    names = await pages.organisation_names(page)
    waiting = await page.read_all("/v1/privacy/objections")
    waiting += await page.read_all("/v1/privacy/objections", state=ObjectionState.ASKED)
    rows = [_row(page, objection, names) for objection in waiting]
    rows.sort(key=lambda row: str(row["sort_due"]))
    return tables.view(page, PATH, COLUMNS, FILTERS, rows)


def _row(page: Page, objection: Mapping[str, Any], names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    localizer, source_id = page.localizer, objection.get("source_id", "")
    source = localizer.name(names.get(source_id)) or source_id
    asked = objection["state"] == ObjectionState.ASKED
    stage = "asked" if asked else "acknowledged" if objection["acknowledged"] else "new"
    return {
        "objection_id": objection["objection_id"],
        "href": f"{PATH}/{objection['objection_id']}",
        **tables.code(localizer, "reason", "reason", objection["reason_code"]),
        **table_view.coded("source", source_id, source),
        **tables.code(localizer, "stage", "objection_stage", stage),
        **tables.day(localizer, "opened", objection["opened_on"]),
        **tables.day(localizer, "due", objection["answer_by"] if asked else objection["decide_by"]),
        **tables.deadline(localizer, objection["overdue"]),
        "search": f"{localizer.label('reason', objection['reason_code'])} {source} {source_id} "
        + objection["objection_id"],
    }


OFFICER = Audience.PRIVACY
ROUTES = (PageRoute(PATH, objections, OFFICER), PageRoute(f"{PATH}/table.csv", objections_csv, OFFICER))
