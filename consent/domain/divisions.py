"""Divisions: GB/T 2260 codes by prefix, of a province (`21`), a city (`2101`) or a district (`210102`).

A code contains another one that begins with it. Documents, venues and members of staff have a division; residents have
none here.
"""

from __future__ import annotations

from collections.abc import Iterable

CITY_DIGITS = 4
"""Digits of a city's code. Schemes and notices bind a whole city, so nobody of a single district writes them."""


def contains(outer: str, inner: str) -> bool:
    """Return True if the division `inner` is `outer` or lies within it."""
    return inner.startswith(outer)


def overlap(first: str, second: str) -> bool:
    """Return True if one of two divisions contains the other: otherwise they share no place."""
    return contains(first, second) or contains(second, first)


def any_contains(outer: Iterable[str], inner: str) -> bool:
    """Return True if one of the divisions `outer` contains `inner`; False for no divisions."""
    return any(contains(division, inner) for division in outer)


def includes_city(divisions: Iterable[str]) -> bool:
    """Return True if one of the divisions is a whole city or province."""
    return any(len(division) <= CITY_DIGITS for division in divisions)
