"""The comparison of two sets of records: a loss on any day, in the total or a dimension, is noticed."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from benefits.scoring import comparison, points, scheme
from benefits.scoring.scheme import Scheme, Timeline
from consent.domain.records import Record, RecordKind, Released

TIMELINE = Timeline((Scheme.from_document(scheme.shipped()[0]),))
TODAY = date(2026, 11, 23)
DAYS = st.dates(date(2024, 1, 1), TODAY)
RECORDS = st.lists(st.tuples(st.sampled_from(RecordKind), st.integers(1, 500), DAYS), max_size=6)


def released(*records: tuple[RecordKind, int, date]) -> Released:
    rows = tuple(
        Record(f"r-{number}", "s", kind, quantity, day) for number, (kind, quantity, day) in enumerate(records)
    )
    return Released("person", "points.compute", 1, rows)


@given(RECORDS)
def test_nothing_is_lost_against_itself(records: list[tuple[RecordKind, int, date]]) -> None:
    assert comparison.first_loss(released(*records), released(*records), TIMELINE, TODAY) is None


@given(RECORDS, RECORDS)
def test_no_loss_means_no_fewer_points_on_any_later_day(
    before: list[tuple[RecordKind, int, date]], after: list[tuple[RecordKind, int, date]]
) -> None:
    had, has = released(*before), released(*after)
    lost_on = comparison.first_loss(had, has, TIMELINE, TODAY)
    for offset in range(0, 800, 40):
        day = TODAY + timedelta(days=offset)
        lower = points.compute(has, TIMELINE, day).total < points.compute(had, TIMELINE, day).total
        assert not lower or (lost_on is not None and lost_on <= day)


def test_an_earlier_day_loses_on_the_day_of_its_own_expiry() -> None:
    ride = (RecordKind.BIKE_TRIP, 10, date(2025, 6, 10))
    earlier = (RecordKind.BIKE_TRIP, 10, date(2025, 6, 9))
    assert comparison.first_loss(released(ride), released(earlier), TIMELINE, TODAY) == date(2027, 6, 9)
    assert comparison.first_loss(released(earlier), released(ride), TIMELINE, TODAY) is None
