"""Published counts name nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consent.domain.small_cells import CELL_MIN, ROUND_TO, rounded, suppress

COUNTS = st.lists(st.integers(0, 10_000), max_size=12)


@given(COUNTS)
def test_small_counts_are_left_out_and_others_are_rounded(counts: list[int]) -> None:
    for count, shown in zip(counts, suppress(counts), strict=True):
        assert shown is None if count < CELL_MIN else shown in (None, rounded(count))


@given(COUNTS)
def test_a_single_missing_count_cannot_be_had_from_the_total(counts: list[int]) -> None:
    shown = suppress(counts)
    assert shown.count(None) != 1 or len(counts) == 1


@given(st.integers(0, 10**9))
def test_rounding_is_to_the_nearest_step(count: int) -> None:
    assert rounded(count) % ROUND_TO == 0
    assert abs(rounded(count) - count) <= ROUND_TO // 2
