"""Tables of the pages as CSV files that spreadsheets open: UTF-8 with a byte order mark, no formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from starlette.responses import Response

from service.web.table_view import TableView

BYTE_ORDER_MARK = "\ufeff"
"""Excel reads UTF-8 only with it."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet run a cell; Chinese and Japanese editions also take the full-width ones."""


def text_of(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV text; a text that a spreadsheet would run gets an apostrophe in front."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return BYTE_ORDER_MARK + file.getvalue()


def table_response(filename: str, table: TableView, id_member: str) -> Response:
    """Return all matching rows of a table as a file to download, with the rows' `id_member` as the first column."""
    members = [id_member, *(column.key for column in table.columns)]
    return response(filename, members, [[row.get(member) for member in members] for row in table.matching])


def response(filename: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table as a file to download."""
    headers = {"content-disposition": f'attachment; filename="{filename}"'}
    return Response(text_of(header, rows), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
