"""Acts on documents as a table, the newest first: who did what and when."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.admin import lists
from service.web.page import Page, PageRoute
from service.web.table_view import Column, TableView

PATH = "/admin/activity"
RECENT_ROWS = 6
"""Acts on the overview, so that they are no longer than a card."""


async def activity(page: Page) -> Response:
    """List acts on documents, with search, filters, order and pages."""
    return page.render("admin/activity.html", table=await _table(page))


async def activity_csv(page: Page) -> Response:
    """Send the acts that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("activity.csv", await _table(page), "moment")


async def recent(page: Page) -> list[dict[str, Any]]:
    """Return the newest acts, each with the address of its version and its person's name."""
    rows = (await page.read("/v1/admin/activity", limit=RECENT_ROWS))["data"]
    return [
        {
            **row,
            "href": lists.version_address(row["kind"], row["id"], row["version"]),
            "person": page.localizer.person(row["staff_id"]),
        }
        for row in rows
    ]


async def _table(page: Page) -> TableView:
    localizer, rows = page.localizer, []
    for index, step in enumerate(await page.read_all("/v1/admin/activity")):
        act, person = localizer.label("step", step["act"]), localizer.person(step["staff_id"])
        rows.append(
            {
                **step,
                "act": act,
                "act_code": step["act"],
                "text_act_code": {step["act"]: act},
                "text_kind": {step["kind"]: localizer.label("documents", step["kind"])},
                "document": localizer.name(step.get("name")) or step["id"],
                "href": lists.version_address(step["kind"], step["id"], step["version"]),
                "person": person,
                "text_staff_id": {step["staff_id"]: person},
                "at": localizer.moment(step["at"]),
                "sort_at": step["at"],
                "sort_newest": index,
                "moment": step["at"],
                "search": " ".join((step["id"], *(step.get("name") or {}).values(), step["staff_id"])),
            }
        )
    columns = [Column(key, localizer.label("activity_column", key)) for key in ("act", "document", "person", "at")]
    filters = [
        table_view.filter_of("kind", localizer.label("column", "kind"), rows),
        table_view.filter_of("act_code", localizer.label("activity_column", "act"), rows),
        table_view.filter_of("staff_id", localizer.label("activity_column", "person"), rows),
    ]
    return table_view.view(PATH, page.request.query_params, columns, filters, rows, default_sort="newest")


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute(PATH, activity, ADMINISTRATOR),
    PageRoute(f"{PATH}/table.csv", activity_csv, ADMINISTRATOR),
)
