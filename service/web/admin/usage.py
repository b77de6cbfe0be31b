"""The use of benefits as plots with their tables: by week, by benefit, by division."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from consent.domain.document_kinds import DocumentKind
from service.auth.access_tokens import Audience
from service.http.problems import Problem
from service.web import csv_file
from service.web.admin import lists
from service.web.page import Page, PageRoute

PATH = "/admin/usage"
GROUPS = ("week", "benefit", "division")
LABELS_MAX = 5
"""Labels under the columns of weeks, so that they do not touch each other on a phone."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """Redemptions by week, as the plot of `admin/weekly.html` takes them."""

    report: Mapping[str, Any]
    columns: Sequence[tuple[str, int]]
    """Label and number of each week's column; 0 for a number that is not published."""
    every: int
    """Columns that share a label."""


async def weeks_of(page: Page) -> Weeks:
    """Return the redemptions of the last half year by week."""
    report = await _report(page, "week")
    rows = report["data"]
    columns = [(page.localizer.month_day(row["key"]), row["count"] or 0) for row in rows]
    return Weeks(report, columns, -(-len(rows) // LABELS_MAX))


async def usage(page: Page) -> Response:
    """Show redemptions by week, and those of one week by benefit and division, each as a plot and a table.

    `?division=` leaves the benefits that are offered in that division; the numbers of those stay as they were released.
    """
    weeks = await weeks_of(page)
    chosen = _chosen_week(page, weeks.report["data"])
    reports = {by: await _report(page, by, chosen) for by in GROUPS[1:]}
    offered = await _divisions_of_benefits(page)
    division = page.query("division") if page.query("division") in offered.values() else ""
    reports["benefit"]["data"] = _offered_in(division, reports["benefit"]["data"], offered)
    return page.render(
        "admin/usage.html",
        weeks=weeks,
        reports=reports,
        chosen=chosen,
        division=division,
        divisions=[(code, page.localizer.label("division", code)) for code in sorted(set(offered.values()))],
    )


async def _divisions_of_benefits(page: Page) -> dict[str, str]:
    """Return the division in which each benefit is offered, by its id; a suspended one too, which was used before."""
    rows = await lists.with_bodies(page, DocumentKind.BENEFITS, await lists.bodies_in_force(page))
    return {listed["id"]: str(body.get("division", "")) for listed, body in rows if body.get("division")}


def _offered_in(division: str, rows: list[dict[str, Any]], offered: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the rows of benefits that are offered within a division, all of them for ""."""
    return [row for row in rows if not division or offered.get(row["key"], "").startswith(division)]


async def usage_csv(page: Page) -> Response:
    """Send one report as CSV; a number that is too small to publish is empty."""
    by = page.query("by")
    if by not in GROUPS:
        raise Problem("not_found")
    rows = (await _report(page, by, "" if by == "week" else page.query("week")))["data"]
    if by == "benefit" and page.query("division"):
        rows = _offered_in(page.query("division"), rows, await _divisions_of_benefits(page))
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


ADMINISTRATOR = Audience.ADMINISTRATOR
ROUTES = (
    PageRoute(PATH, usage, ADMINISTRATOR),
    PageRoute(f"{PATH}/table.csv", usage_csv, ADMINISTRATOR),
)
