"""Objections by month as plots with their table, of all sources or of one."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web import csv_file
from service.web.page import Page, PageRoute

COLUMNS = ("month", "opened", "upheld", "rejected", "waiting", "late", "mean_days")
LABELS_MAX = 6
"""Labels under the columns of twelve months, so that they do not touch each other on a phone."""


async def trends(page: Page) -> Response:
    """Show the objections of twelve months, the days that decisions took, and each source's figures of the year."""
    months, sources = await _months(page), (await page.read("/v1/privacy/objection-analysis"))["data"]
    month, label = page.localizer.month, page.localizer.month_alone
    return page.render(
        "officer/trends.html",
        months=months,
        opened=[(label(row["month"]), row["opened"]) for row in months],
        days=[(label(row["month"]), row["mean_days"] or 0) for row in months],
        months_named=[month(row["month"]) for row in months],
        every=-(-len(months) // LABELS_MAX),
        sources=sources,
        chosen=page.query("source_id"),
    )


async def trends_csv(page: Page) -> Response:
    """Send the months as CSV."""
    rows = [[row[name] for name in COLUMNS] for row in await _months(page)]
    return csv_file.response("objections-by-month.csv", COLUMNS, rows)


async def _months(page: Page) -> list[dict[str, Any]]:
    months: list[dict[str, Any]] = (await page.read("/v1/privacy/objection-trends", source_id=page.query("source_id")))[
        "data"
    ]
    return months


OFFICER = Audience.PRIVACY
ROUTES = (
    PageRoute("/officer/trends", trends, OFFICER),
    PageRoute("/officer/trends/table.csv", trends_csv, OFFICER),
)
