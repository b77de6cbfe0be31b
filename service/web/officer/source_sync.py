"""Source sync as a table: ended links and corrections that their source has not acknowledged, the oldest first."""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.officer import tables
from service.web.page import Page, PageRoute
from service.web.public import pages
from service.web.table_view import TableView

PATH = "/officer/propagations"
COLUMNS = ("source", "task", "since", "due", "state")
FILTERS = ("source", "task", "state")


async def propagations(page: Page) -> Response:
    """List what sources have not acknowledged, with search, filters, order and pages."""
    return page.render("officer/propagations.html", table=await _table(page))


async def propagations_csv(page: Page) -> Response:
    """Send the rows that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("source-sync.csv", await _table(page), "id")


async def _table(page: Page) -> TableView:
    localizer, names, rows = page.localizer, await pages.organisation_names(page), []
    for row in await page.read_all("/v1/privacy/propagations"):
        source = localizer.name(names.get(row["source_id"])) or row["source_id"]
        rows.append(
            {
                "id": row["id"],
                **table_view.coded("source", row["source_id"], source),
                **tables.code(localizer, "task", "task", row["kind"]),
                **tables.day(localizer, "since", row["ended_on"]),
                **tables.day(localizer, "due", row["due_on"]),
                **tables.deadline(localizer, row["overdue"]),
                "search": f"{source} {row['source_id']} {localizer.label('task', row['kind'])}",
            }
        )
    return tables.view(page, PATH, COLUMNS, FILTERS, rows)


OFFICER = Audience.PRIVACY
ROUTES = (PageRoute(PATH, propagations, OFFICER), PageRoute(f"{PATH}/table.csv", propagations_csv, OFFICER))
