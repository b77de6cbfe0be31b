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
