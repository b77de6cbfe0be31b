"""Ways to more points: each is enough, and one unit less is not."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.scoring import points, ways
from consent.domain.records import RecordKind
from tests.benefits.scoring.test_points import TIMELINE, TODAY, compute, deed, released

DAY = date(TODAY.year, 2, 1)


@given(
    st.lists(st.tuples(st.sampled_from(RecordKind), st.integers(1, 3_000)), max_size=5),
    st.integers(1, 60),
    st.sampled_from(["total", "green_living", "social_responsibility"]),
)
def test_each_way_is_enough_and_less_is_not(done: list[tuple[RecordKind, int]], target: int, measure: str) -> None:
    records = [deed(f"r{number}", kind, quantity, DAY) for number, (kind, quantity) in enumerate(done)]
    computed = compute(*records)
    before = points.measures(computed)[measure]
    for way in ways.ways_to(target, measure, released(*records), computed, TIMELINE):

        def after(quantity: int, kind: RecordKind = way.kind) -> int:
            assumed = points.supposing(released(*records), [(kind, quantity)] if quantity else [], TIMELINE, TODAY)
            return points.measures(assumed)[measure]

        assert after(way.quantity) >= before + target
        assert after(way.quantity - 1) < before + target


def test_what_is_familiar_comes_first() -> None:
    records = [deed("r", RecordKind.VOLUNTEER_MINUTES, 60, DAY)]
    listed = ways.ways_to(1, "social_responsibility", released(*records), compute(*records), TIMELINE)
    assert listed[0].kind is RecordKind.VOLUNTEER_MINUTES
    assert RecordKind.COMMUNITY_MEETING in [way.kind for way in listed]


@pytest.mark.parametrize("target", [201, 500])
def test_beyond_a_cap_there_is_no_way(target: int) -> None:
    assert ways.ways_to(target, "green_living", released(), compute(), TIMELINE) == []
