"""Statistics that name nobody: counts are rounded, and small ones are left out."""

from __future__ import annotations

from collections.abc import Sequence

CELL_MIN = 20
"""Persons below which a count is not published: a small cell points at a person."""
ROUND_TO = 10
"""Step of published counts, so that the difference of two of them tells nothing about one person."""


def rounded(count: int) -> int:
    """Round a count to the nearest ROUND_TO, halves up."""
    return (count + ROUND_TO // 2) // ROUND_TO * ROUND_TO


def suppress(counts: Sequence[int]) -> list[int | None]:
    """Round counts that add up to a known total; None for those below CELL_MIN.

    A single small count takes the next smallest with it: else it would follow from the total.
    """
    hidden = {index for index, count in enumerate(counts) if count < CELL_MIN}
    if len(hidden) == 1 and len(counts) > 1:
        others = (index for index in range(len(counts)) if index not in hidden)
        hidden.add(min(others, key=lambda index: counts[index]))
    return [None if index in hidden else rounded(count) for index, count in enumerate(counts)]
