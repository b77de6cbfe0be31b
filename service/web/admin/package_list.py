"""All packages as a table, those that wait and those that have ended, the newest first."""

from __future__ import annotations

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.admin.packages import listed
from service.web.page import Page, PageRoute
from service.web.table_view import Column, TableView

PATH = "/admin/packages"


async def package_list(page: Page) -> Response:
    """List packages, with search, a filter by state, order and pages."""
    return page.render("admin/packages.html", table=await _table(page))


async def package_list_csv(page: Page) -> Response:
    """Send the packages that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("packages.csv", await _table(page), "package_id")


async def _table(page: Page) -> TableView:
    localizer, rows = page.localizer, []
    for index, package in enumerate(await page.read_all("/v1/admin/packages")):
        documents = [listed(page, document) for document in package["documents"]]
        state = localizer.label("state", package["state"])
        rows.append(
            {
                "package_id": package["package_id"],
                "href": f"{PATH}/{package['package_id']}",
                "name": documents[0]["text"],
                "documents": len(documents),
                "others": [document["text"] for document in documents[1:]],
                "state": state,
                "state_code": package["state"],
                "text_state_code": {package["state"]: state},
                "person": package["submitted_by"],
                "at": localizer.moment(package["submitted_at"]),
                "sort_at": package["submitted_at"],
                "ended": localizer.moment(package["ended_at"]) if "ended_at" in package else "",
                "sort_ended": package.get("ended_at", ""),
                "ended_by": package.get("ended_by", ""),
                "sort_newest": index,
                "search": " ".join(
                    (
                        package["package_id"],
                        package["submitted_by"],
                        *(f"{each['id']} {each['text']}" for each in documents),
                    )
                ),
            }
        )
    columns = [
        Column(key, localizer.label("package_column", key), key == "documents")
        for key in ("name", "documents", "state", "person", "at", "ended")
    ]
    filters = [table_view.filter_of("state_code", localizer.label("package_column", "state"), rows)]
    return table_view.view(PATH, page.request.query_params, columns, filters, rows, default_sort="newest")


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute(PATH, package_list, ADMINISTRATOR),
    PageRoute(f"{PATH}/table.csv", package_list_csv, ADMINISTRATOR),
)
