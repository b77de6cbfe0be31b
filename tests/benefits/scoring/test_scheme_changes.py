"""Differences between two schemes, by an independent comparison of every sum, and ways to earn for everybody."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.scoring import scheme, scheme_changes
from benefits.scoring.scheme import Scheme
from benefits.scoring.scheme_changes import WAYS_MIN, PointsChange
from consent.domain.records import STRENUOUS_KINDS, Dimension, RecordKind

DOCUMENT = scheme.shipped()[-1]
SUMS = range(600)
"""More than the last step of each indicator drawn below."""


def changed(kind: str, **members: Any) -> Scheme:
    document = copy.deepcopy(DOCUMENT)
    next(row for row in document["indicators"] if row["kind"] == kind).update(members)
    return Scheme.from_document(document)


tiers = st.builds(
    lambda end, first, last: [{"up_to": end, **first}, last],
    st.integers(1, 50),
    *[st.fixed_dictionaries({"units": st.integers(1, 5), "points": st.integers(1, 5)})] * 2,
)


@given(tiers, tiers, st.integers(1, 90), st.integers(1, 90))
def test_the_comparison_is_that_of_every_sum(
    before: list[dict[str, int]], after: list[dict[str, int]], cap_before: int, cap_after: int
) -> None:
    old = changed("bike_trip", tiers=before, yearly_cap=cap_before)
    new = changed("bike_trip", tiers=after, yearly_cap=cap_after)
    kind = RecordKind.BIKE_TRIP
    gains = [new.indicators[kind].points_of(total) - old.indicators[kind].points_of(total) for total in SUMS]
    expected = {
        (False, False): PointsChange.SAME,
        (True, False): PointsChange.MORE,
        (False, True): PointsChange.LESS,
        (True, True): PointsChange.MIXED,
    }[max(gains) > 0, min(gains) < 0]
    changes = {change.kind: change.points for change in scheme_changes.indicator_changes(old, new)}
    assert changes == ({} if expected is PointsChange.SAME else {kind: expected})


def test_kinds_that_come_go_or_count_for_longer_are_listed() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["indicators"] = [row for row in document["indicators"] if row["kind"] != "eco_course"]
    without, whole = Scheme.from_document(document), Scheme.from_document(DOCUMENT)
    removed, added = scheme_changes.indicator_changes(whole, without), scheme_changes.indicator_changes(without, whole)
    assert [(row.kind, row.points, row.months_before, row.months_after) for row in removed] == [
        (RecordKind.ECO_COURSE, PointsChange.REMOVED, 24, None)
    ]
    assert [(row.points, row.months_before, row.months_after) for row in added] == [(PointsChange.ADDED, None, 24)]
    longer = scheme_changes.indicator_changes(whole, changed("bike_trip", validity_months=36))
    assert [(row.points, row.months_before, row.months_after) for row in longer] == [(PointsChange.SAME, 24, 36)]
    assert scheme_changes.indicator_changes(whole, whole) == []


def test_caps_that_differ_are_listed() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["dimensions"][0]["cap"] += 1
    changes = scheme_changes.cap_changes(Scheme.from_document(DOCUMENT), Scheme.from_document(document))
    assert [(row.dimension, row.before, row.after) for row in changes] == [
        (Dimension(document["dimensions"][0]["dimension"]), 200, 201)
    ]


@pytest.mark.parametrize("dimension", Dimension)
def test_the_shipped_scheme_has_ways_for_everybody(dimension: Dimension) -> None:
    ways = scheme_changes.gentle_kinds(Scheme.from_document(DOCUMENT), dimension)
    assert len(ways) >= WAYS_MIN
    assert not ways & STRENUOUS_KINDS


@given(tiers, tiers)
def test_a_scheme_gives_less_exactly_where_some_sum_earns_less(
    before: list[dict[str, int]], after: list[dict[str, int]]
) -> None:
    old, new, kind = changed("bike_trip", tiers=before), changed("bike_trip", tiers=after), RecordKind.BIKE_TRIP
    falls = any(new.indicators[kind].points_of(total) < old.indicators[kind].points_of(total) for total in SUMS)
    assert scheme_changes.gives_less(old, new) == ([kind] if falls else [])


@pytest.mark.parametrize(
    ("members", "less"),
    [
        ({"validity_months": 23}, True),
        ({"validity_months": 25}, False),
        ({"dimension": "ecological_culture"}, True),
        ({"yearly_cap": 101}, False),
        ({"yearly_cap": 99}, True),
    ],
)
def test_fewer_months_and_another_dimension_are_less(members: dict[str, Any], less: bool) -> None:
    whole = Scheme.from_document(DOCUMENT)
    assert scheme_changes.gives_less(whole, changed("bike_trip", **members)) == [RecordKind.BIKE_TRIP] * less


def test_a_lower_cap_of_a_dimension_is_less_and_a_higher_one_is_not() -> None:
    whole, higher = Scheme.from_document(DOCUMENT), copy.deepcopy(DOCUMENT)
    higher["dimensions"][0]["cap"] += 1
    assert scheme_changes.gives_less(whole, Scheme.from_document(higher)) == []
    (dimension,) = scheme_changes.gives_less(Scheme.from_document(higher), whole)
    assert dimension == higher["dimensions"][0]["dimension"]


@given(st.sampled_from(Dimension), st.integers(1, 500))
def test_strenuous_kinds_add_nothing_to_the_gentle_cap(dimension: Dimension, yearly_cap: int) -> None:
    whole, other = Scheme.from_document(DOCUMENT), changed("bike_trip", yearly_cap=yearly_cap)
    gentle = scheme_changes.gentle_cap(whole, dimension)
    assert scheme_changes.gentle_cap(other, dimension) == gentle <= whole.caps[dimension]
