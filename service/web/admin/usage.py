"""The use of benefits as plots with their tables: by week, by benefit, by division."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from service.http.problems import Problem
from service.web import csv_file
from service.web.page import Page

PATH = "/admin/usage"
GROUPS = ("week", "benefit", "division")
LABELS_MAX = 5
"""Labels under the columns of weeks, so that they do not touch each other on a phone."""


async def usage(page: Page) -> Response:
    """Show redemptions by week, and those of one week by benefit and division, each as a plot and a table."""
    reports = {"week": await _report(page, "week")}
    weeks = reports["week"]["data"]
    chosen = _chosen_week(page, weeks)
    for by in GROUPS[1:]:
        reports[by] = await _report(page, by, chosen)
    return page.render(
        "admin/usage.html",
        reports=reports,
        chosen=chosen,
        columns=[(page.localizer.month_day(row["key"]), row["count"] or 0) for row in weeks],
        every=-(-len(weeks) // LABELS_MAX),
    )


async def usage_csv(page: Page) -> Response:
    """Send one report as CSV; a number that is too small to publish is empty."""
    by = page.query("by")
    if by not in GROUPS:
        raise Problem("not_found")
    rows = (await _report(page, by, "" if by == "week" else page.query("week")))["data"]
    header = ("key", "name", "count", "give_or_take")
    values = [(row["key"], row["text"], row["count"], row.get("give_or_take")) for row in rows]
    return csv_file.response(f"usage-by-{by}.csv", header, values)


def _chosen_week(page: Page, weeks: list[dict[str, Any]]) -> str:
    """Return the first day of the week that the address chooses; that of the last week for any other."""
    days: list[str] = [row["key"] for row in weeks]
    return page.query("week") if page.query("week") in days else days[-1]


async def _report(page: Page, by: str, week: str = "") -> dict[str, Any]:
    """Return a report with the text of each row; benefits and divisions by their numbers, the largest first.

    `week` is the first day of the week that is counted; "" for the last finished one, or for all weeks.
    """
    report: dict[str, Any] = await page.read("/v1/admin/reports/usage", by=by, week=week)
    rows = [{**row, "text": _text(page, by, row)} for row in report["data"]]
    if by != "week":
        rows.sort(key=lambda row: -(row["count"] or 0))
    return {**report, "data": rows, "noise": max((row.get("give_or_take") or 0 for row in rows), default=0)}


def _text(page: Page, by: str, row: dict[str, Any]) -> str:
    if by == "week":
        return page.localizer.day(row["key"])
    if by == "division":
        return page.localizer.label("division", row["key"])
    return page.localizer.name(row.get("name")) or str(row["key"])
