"""Tables whose search, filters, order and page are parameters of the address, so that each view has a link. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from consent.kernel.ascii_text import parse_digits

PAGE_ROWS = 20
"""Rows of one page, so that it fits a screen and a half."""
PAGE_DIGITS = 4
"""Digits of a page's number; the lists have at most `page.ROWS_MAX` rows."""
SEARCH_MAX = 100
"""Characters of a search that are used; names have fewer."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the member of the rows, its heading, and if its values are numbers.

    A row's value is the text shown; its order is by `sort_<key>` where the row has that, else by the value.
    """

    key: str
    label: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter: the member of the rows that it compares, its label, and its choices as (code, text)."""

    key: str
    label: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TableView:
    """One page of a table, with the state that its address has."""

    path: str
    columns: Sequence[Column]
    filters: Sequence[Filter]
    rows: Sequence[Mapping[str, Any]]
    """Rows of this page."""
    matching: Sequence[Mapping[str, Any]]
    """All rows that fit search and filters, in order; the CSV has them."""
    first: int
    """Number of the first row shown, from 1; 0 where there is none."""
    page_number: int
    pages: int
    sort: str
    descending: bool
    search: str
    chosen: Mapping[str, str]
    """The chosen code by filter; a filter that is off is absent."""

    @property
    def last(self) -> int:
        """Number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    def address(self, path: str = "", **changes: str | int) -> str:
        """Return the address of this view with some parameters changed; empty ones are left out."""
        present = {"q": self.search, **self.chosen, "sort": ("-" if self.descending else "") + self.sort}
        query = {name: value for name, value in {**present, **changes}.items() if value not in ("", None)}
        return f"{path or self.path}?{urlencode(query)}" if query else path or self.path

    def sort_address(self, key: str) -> str:
        """Return the address that sorts by a column, in the other direction if it already does."""
        return self.address(sort=f"-{key}" if self.sort == key and not self.descending else key)

    def aria_sort(self, key: str) -> str:
        """Return the value of `aria-sort` of a column, "" for one that does not give the order."""
        if key != self.sort:
            return ""
        return "descending" if self.descending else "ascending"


def view(
    path: str,
    query: Mapping[str, str],
    columns: Sequence[Column],
    filters: Sequence[Filter],
    rows: Iterable[Mapping[str, Any]],
    default_sort: str = "",
) -> TableView:
    """Return the page of a table that a query asks for; a parameter that fits nothing is ignored.

    Args:
        path: path of the page.
        query: `q`, `sort` (a column, with `-` in front for descending), `page`, and a code for each filter.
        columns: the columns; the first gives the order unless asked otherwise.
        filters: the filters.
        rows: all rows; `search` of a row is the text that is searched.
        default_sort: member of the rows that gives the order until a column is chosen; "" for the first column.
    """
    search = query.get("q", "").strip()[:SEARCH_MAX]
    chosen = {
        filter_.key: code
        for filter_ in filters
        if (code := query.get(filter_.key, "")) in [choice for choice, _ in filter_.choices]
    }
    asked = query.get("sort", "")
    known = {column.key for column in columns}
    sort = asked.removeprefix("-") if asked.removeprefix("-") in known else default_sort or columns[0].key
    descending = asked.startswith("-") and asked.removeprefix("-") == sort
    matching = [row for row in rows if _fits(row, search, chosen)]
    matching.sort(key=lambda row: _order(row, sort), reverse=descending)
    pages = max(1, -(-len(matching) // PAGE_ROWS))
    number = _page_number(query.get("page", ""), pages)
    start = (number - 1) * PAGE_ROWS
    shown = matching[start : start + PAGE_ROWS]
    return TableView(
        path=path,
        columns=columns,
        filters=filters,
        rows=shown,
        matching=matching,
        first=start + 1 if shown else 0,
        page_number=number,
        pages=pages,
        sort=sort,
        descending=descending,
        search=search,
        chosen=chosen,
    )


def filter_of(key: str, label: str, rows: Iterable[Mapping[str, Any]]) -> Filter:
    """Return a filter with the codes that occur in the rows, in the order of their texts.

    `text_<key>` of a row has the texts of its codes; a code without one is its own text.
    """
    choices: dict[str, str] = {}
    for row in rows:
        codes = row.get(key)
        texts = row.get(f"text_{key}", {})
        for code in codes if isinstance(codes, list) else [codes]:
            if code:
                choices[code] = texts.get(code, code)
    return Filter(key, label, sorted(choices.items(), key=lambda choice: choice[1]))


def coded(key: str, code: str, text: str) -> dict[str, Any]:
    """Return a row's members of a column of codes: the text shown, and the code and its text for a filter."""
    return {key: text, f"{key}_code": code, f"text_{key}_code": {code: text}}


def _page_number(text: str, pages: int) -> int:
    """Return the number of a page from 1 to `pages`: the nearest for PAGE_DIGITS digits, else 1."""
    return min(parse_digits(text, PAGE_DIGITS) or 1, pages)


def _fits(row: Mapping[str, Any], search: str, chosen: Mapping[str, str]) -> bool:
    words = search.casefold().split()
    text = str(row.get("search", "")).casefold()
    return all(word in text for word in words) and all(_has(row.get(key), code) for key, code in chosen.items())


def _has(value: Any, code: str) -> bool:
    """Report whether a row's value is the code, or has it among its codes."""
    return code in value if isinstance(value, list | tuple | set) else value == code


def _order(row: Mapping[str, Any], key: str) -> tuple[bool, float, str]:
    """Return a key that orders numbers before texts. Rows of one value stay in the order in which they were given."""
    value = row.get(f"sort_{key}", row.get(key))
    if isinstance(value, int | float):
        return False, value, ""
    return True, 0, str(value if value is not None else "").casefold()
