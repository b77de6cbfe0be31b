"""Helpers that must behave alike on both engines."""

from __future__ import annotations

import pytest

from consent.database import queries

NAMES = ["a", "it's", "b,c", '"d"', "{e}", "f\\n", "g h", "ü", "NULL"]


@pytest.mark.anyio
@pytest.mark.parametrize("chosen", [[], NAMES[:1], NAMES[::2], NAMES])
async def test_a_list_finds_its_strings_and_no_others(opened: str, chosen: list[str]) -> None:
    async with queries.transaction():
        await queries.execute_many(
            "INSERT INTO quota_use (quota_key, taken, ends_on) VALUES ($1, 1, 1)", [(name,) for name in NAMES]
        )
    rows = await queries.fetch_all(
        f"SELECT quota_key FROM quota_use WHERE {queries.any_of('quota_key', 1)}", queries.array_param(chosen)
    )
    assert sorted(row["quota_key"] for row in rows) == sorted(chosen)


@pytest.mark.anyio
async def test_a_string_that_would_be_another_in_a_list_is_refused(opened: str) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite reads JSON, in which every string is itself")
    for wrong in (["a\nb"], ["a", ""], [""]):
        with pytest.raises(ValueError, match="empty or of several lines"):
            queries.array_param(wrong)
