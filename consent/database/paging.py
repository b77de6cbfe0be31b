"""Keyset paging: the filter of the rows that follow the last row of the page before.

A cursor is (number, id) of that row, the number being microseconds since 1970 or a civil day `yyyymmdd`.
"""

from __future__ import annotations

from typing import Any

from tortoise.expressions import Q

Cursor = tuple[int, str]

NEWEST: Cursor = (2**62, "")
"""Comes before every row of a list that begins with the newest; the year is beyond any date."""
OLDEST: Cursor = (-1, "")
"""Comes before every row of a list that begins with the oldest."""


def older_than(cursor: Cursor | None, number_column: str, id_column: str) -> Q:
    """Return the filter for a list ordered by number and id, both descending; all rows without a cursor."""
    return _after("lt", cursor or NEWEST, number_column, id_column)


def newer_than(cursor: Cursor | None, number_column: str, id_column: str) -> Q:
    """Return the filter for a list ordered by number and id, both ascending; all rows without a cursor."""
    return _after("gt", cursor or OLDEST, number_column, id_column)


def _after(comparison: str, cursor: Cursor, number_column: str, id_column: str) -> Q:
    number, row_id = cursor
    beyond: dict[str, Any] = {f"{number_column}__{comparison}": number}
    level: dict[str, Any] = {number_column: number, f"{id_column}__{comparison}": row_id}
    return Q(**beyond) | Q(**level)
