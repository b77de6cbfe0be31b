"""Lists of the resident's door, read to their end, and uses of records as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from service.web.frame import Page

LIST_MAX = 200
"""Rows of one answer."""


async def read_all(page: Page, path: str, **query: str | int | None) -> list[Any]:
    """Every row of a list, page by page."""
    rows: list[Any] = []
    cursor = None
    while True:
        found = await page.read(path, limit=LIST_MAX, cursor=cursor, **query)
        rows += found["data"]
        cursor = found["next_cursor"]
        if not cursor:
            return rows


def together(uses: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Equal uses of one hour in one line, with how many they are."""
    groups = (list(group) for _, group in groupby(uses, key=lambda one: (one["at"], one["text"])))
    return [(group[0], len(group)) for group in groups]
