"""Tables by address: search, filters, order and pages, and addresses that fit nothing."""

from __future__ import annotations

from service.web import table_view
from service.web.table_view import Column, Filter, TableView

ROWS = [
    {"name": f"Row {number:02d}", "count": number, "state": ["draft"] if number % 2 else ["in_force", "draft"],
     "search": f"Row {number:02d} Library"}
    for number in range(45)
]  # fmt: skip
COLUMNS = (Column("name", "Name"), Column("count", "Count", numeric=True))
FILTERS = (Filter("state", "State", [("draft", "Draft"), ("in_force", "In force")]),)


def view(**query: str) -> TableView:
    return table_view.view("/admin/things", query, COLUMNS, FILTERS, ROWS)


def test_pages_have_twenty_rows_and_links_keep_the_rest() -> None:
    table = view(q="library", sort="-count", page="3")
    assert (table.first, table.last, table.pages, len(table.matching)) == (41, 45, 3, 45)
    assert table.rows[0]["count"] == 4
    assert table.address(page=2) == "/admin/things?q=library&sort=-count&page=2"
    assert table.address("/admin/things/table.csv") == "/admin/things/table.csv?q=library&sort=-count"


def test_a_column_sorts_in_both_directions() -> None:
    assert view().sort_address("name") == "/admin/things?sort=-name"
    assert view(sort="-count").sort_address("count") == "/admin/things?sort=count"
    assert (view(sort="-count").aria_sort("count"), view(sort="-count").aria_sort("name")) == ("descending", "")


def test_filters_compare_codes_and_searches_take_every_word() -> None:
    assert len(view(state="in_force").matching) == 23
    assert [row["name"] for row in view(q="07 LIBRARY").matching] == ["Row 07"]
    assert view(q="nowhere").first == 0


def test_parameters_that_fit_nothing_are_ignored() -> None:
    for query in ({"page": "0"}, {"page": "-1"}, {"page": "٣"}, {"sort": "secret"}, {"state": "'; drop"}):
        table = view(**query)
        assert (table.page_number, table.sort, len(table.matching)) == (1, "name", 45)
    assert view(page="9999").page_number == 3
