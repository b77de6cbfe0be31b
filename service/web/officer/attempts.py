"""Refused attempts as a table, the newest first, with the refusals that drafts and previews met by person and day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from service.auth.access_tokens import Audience
from service.web import csv_file, table_view
from service.web.officer import tables
from service.web.page import Page, PageRoute
from service.web.table_view import TableView

PATH = "/officer/attempts"
COLUMNS = ("what", "refusal", "person", "area", "day", "times")
FILTERS = ("what", "person", "area")
DRAFTS = "draft"
"""The code of drafts and previews among the operations."""


async def attempts(page: Page) -> Response:
    """List refused attempts, with search, filters, order and pages."""
    return page.render("officer/attempts.html", table=await _table(page))


async def attempts_csv(page: Page) -> Response:
    """Send the attempts that the table's address chooses as CSV, all pages of them."""
    return csv_file.table_response("attempts.csv", await _table(page), "code")


async def _table(page: Page) -> TableView:
    rows = [_attempt(page, row) for row in await page.read_all("/v1/privacy/refused-attempts")]
    rows += [_draft_refusals(page, row) for row in (await page.read("/v1/privacy/draft-refusals"))["data"]]
    rows.sort(key=lambda row: str(row["sort_day"]), reverse=True)
    for row in rows:
        row["search"] = " ".join(row[key] for key in ("what", "document", "refusal", "code", "person"))
    return tables.view(page, PATH, COLUMNS, FILTERS, rows)


def _attempt(page: Page, row: Mapping[str, Any]) -> dict[str, Any]:
    kind, _, document_id = row.get("document", "").partition("/")
    return {
        **_shared(page, row["what"], row["door"], row["actor"], row["day"]),
        "document": f"{page.localizer.label('document', kind)} {document_id}" if kind else "",
        "refusal": page.localizer.problem(row["code"]),
        "code": row["code"],
        "times": 1,
    }


def _draft_refusals(page: Page, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_shared(page, DRAFTS, Audience.ADMINISTRATOR, row["staff_id"], row["day"]),
        "document": "",
        "refusal": page.localizer.rule(row["rule"]) or row["rule"],
        "code": row["code"],
        "times": row["refusals"],
    }


def _shared(page: Page, operation: str, area: str, person: str, day: str) -> dict[str, Any]:
    """Return the members of a row that attempts and drafts make alike; `person` is "" for residents."""
    return {
        **tables.code(page.localizer, "what", "operation", operation),
        **tables.code(page.localizer, "area", "audience", area),
        **table_view.coded("person", person, person),
        **tables.day(page.localizer, "day", day),
    }


OFFICER = Audience.PRIVACY
ROUTES = (PageRoute(PATH, attempts, OFFICER), PageRoute(f"{PATH}/table.csv", attempts_csv, OFFICER))
