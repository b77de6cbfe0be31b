"""Tables of privacy officers: headings by column, filters by the codes that occur, the order of the API at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service.web import table_view
from service.web.i18n.formatting import Localizer
from service.web.page import Page
from service.web.table_view import Column, TableView

NUMBERS = ("times",)
"""Columns whose values are numbers."""


def view(
    page: Page, path: str, columns: Sequence[str], filters: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> TableView:
    """Return the page of a table that the page's address asks for.

    Args:
        page: the request, with the address's parameters and the language.
        path: path of the table's page.
        columns: keys of the columns, whose headings are the labels of `oversight_column`.
        filters: keys of the columns of codes (`table_view.coded`) that can be filtered.
        rows: all rows, in the order that the table has until a column is chosen.
    """
    ordered = [{**row, "sort_given": index} for index, row in enumerate(rows)]
    headings = {key: page.localizer.label("oversight_column", key) for key in columns}
    return table_view.view(
        path,
        page.request.query_params,
        [Column(key, heading, key in NUMBERS) for key, heading in headings.items()],
        [table_view.filter_of(f"{key}_code", headings[key], ordered) for key in filters],
        ordered,
        default_sort="given",
    )


def day(localizer: Localizer, key: str, iso_day: str | None) -> dict[str, Any]:
    """Return a row's members of a column of civil days: the day in words, and its ISO text for the order."""
    return {key: localizer.day(iso_day), f"sort_{key}": iso_day or ""}


def code(localizer: Localizer, key: str, group: str, value: str) -> dict[str, Any]:
    """Return a row's members of a column of codes whose texts are the labels of a group."""
    return table_view.coded(key, value, localizer.label(group, value))


def deadline(localizer: Localizer, overdue: bool) -> dict[str, Any]:
    """Return a row's members of the column that says if its deadline has passed, with `overdue` itself."""
    return {**code(localizer, "state", "deadline", "overdue" if overdue else "in_time"), "overdue": overdue}
