"""Divisions contain each other by prefix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consent.domain import divisions

codes = st.sampled_from(["21", "2101", "210102", "210181", "2102", "22", "2201"])


@given(codes, codes, codes)
def test_containing_is_an_order(first: str, second: str, third: str) -> None:
    assert divisions.contains(first, first)
    if divisions.contains(first, second) and divisions.contains(second, first):
        assert first == second
    if divisions.contains(first, second) and divisions.contains(second, third):
        assert divisions.contains(first, third)


@given(codes, codes, codes)
def test_two_divisions_overlap_where_they_share_a_place(first: str, second: str, place: str) -> None:
    assert divisions.overlap(first, second) is divisions.overlap(second, first)
    if divisions.contains(first, place) and divisions.contains(second, place):
        assert divisions.overlap(first, second)


@given(st.lists(codes), codes)
def test_nobody_without_divisions_reaches_anything(own: list[str], division: str) -> None:
    assert divisions.any_contains(own, division) is any(division.startswith(code) for code in own)
    assert not divisions.any_contains([], division)
    assert divisions.includes_city(own) is any(len(code) <= 4 for code in own)
