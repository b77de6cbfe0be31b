"""Points are a pure function of records, schemes and a day; B3 to B6 and B8 by number, the rest by property."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.scoring import points, scheme
from benefits.scoring.points import Points
from benefits.scoring.scheme import Scheme, Timeline
from consent.domain.records import NO_RECORDS, Dimension, Record, RecordKind, Released
from tests.benefits.scoring.recount import recount

DOCUMENT = scheme.shipped()[0]
V1 = Scheme.from_document(DOCUMENT)
TIMELINE = Timeline((V1,))
VOLUNTEER, RIDE, TREE = RecordKind.VOLUNTEER_MINUTES, RecordKind.BIKE_TRIP, RecordKind.TREE_PLANTED
TODAY = date(2026, 11, 23)


def deed(record_id: str, kind: RecordKind, quantity: int, day: date, source: str = "s") -> Record:
    return Record(record_id, source, kind, quantity, day)


def released(*records: Record) -> Released:
    return Released("person", "points.compute", 1, tuple(records))


def compute(*records: Record, on: date = TODAY, timeline: Timeline = TIMELINE) -> Points:
    return points.compute(released(*records), timeline, on)


def dimension_of(result: Points, dimension: Dimension) -> points.DimensionPoints:
    return next(line for line in result.dimensions if line.dimension is dimension)


def later_version(**members: Any) -> Scheme:
    return Scheme.from_document({**copy.deepcopy(DOCUMENT), "version": "2027.1", "from_year": 2027, **members})


records_of_a_life = st.lists(
    st.builds(
        Record,
        st.integers(0, 9_999).map(str),
        st.sampled_from(["a", "b"]),
        st.sampled_from(list(RecordKind)),
        st.integers(1, 3_000),
        st.dates(date(2022, 1, 1), TODAY),
    ),
    max_size=30,
    unique_by=lambda record: record.record_id,
)


def test_without_records_there_are_no_points_and_no_base_score() -> None:
    nothing = points.compute(NO_RECORDS, TIMELINE, TODAY)
    assert (nothing.total, nothing.contributions, nothing.valid_until) == (0, (), None)
    assert [dimension.dimension for dimension in nothing.dimensions] == list(Dimension)


def test_before_the_first_scheme_nobody_can_be_scored() -> None:
    with pytest.raises(LookupError):
        compute(on=date(2023, 12, 31))


def test_b3_a_deed_of_14_months_ago_is_scored_by_its_year() -> None:
    day = date(2025, 9, 23)
    generous = later_version(
        from_year=2026,
        indicators=[{**DOCUMENT["indicators"][0], "tiers": [{"units": 1, "points": 1}]}],
    )
    result = compute(deed("1", RIDE, 10, day), timeline=Timeline((V1, generous)))
    assert result.total == 5
    assert result.scheme_version == "2027.1"
    assert result.contributions[0].expires_on == result.valid_until == date(2027, 9, 23)


@pytest.mark.parametrize(("hours", "expected"), [(20, 20), (21, 20), (80, 50), (82, 50), (200, 90), (203, 90)])
def test_b4_volunteer_hours_by_tiers(hours: int, expected: int) -> None:
    day = date(2026, 3, 1)
    assert compute(deed("1", VOLUNTEER, hours * 60, day)).total == expected
    halves = [deed(str(part), VOLUNTEER, 30, day + timedelta(days=part % 200)) for part in range(hours * 2)]
    assert compute(*halves).total == expected
    assert compute(*reversed(halves)).total == expected


def test_b4_new_year_divides_the_sum() -> None:
    both = compute(deed("1", VOLUNTEER, 630, date(2025, 12, 31)), deed("2", VOLUNTEER, 570, date(2026, 1, 1)), on=TODAY)
    assert [contribution.points for contribution in both.contributions] == [10, 9]


def test_b5_a_cap_of_200() -> None:
    days = {"big": date(2026, 1, 1), "small": date(2026, 2, 1)}
    fast = Scheme.from_document(
        {
            **copy.deepcopy(DOCUMENT),
            "indicators": [{**DOCUMENT["indicators"][0], "yearly_cap": 10_000, "tiers": [{"units": 1, "points": 1}]}],
        }
    )
    timeline = Timeline((fast,))
    both = compute(deed("1", RIDE, 199, days["big"]), deed("2", RIDE, 5, days["small"]), on=TODAY, timeline=timeline)
    assert both.total == 200
    assert dimension_of(both, Dimension.GREEN_LIVING).capped_off == 4
    assert compute(deed("1", RIDE, 199, days["big"]), timeline=timeline).total == 199


def test_b6_the_last_day_is_the_day_before_the_same_date_two_years_later() -> None:
    tree = deed("1", TREE, 1, date(2025, 5, 1))
    assert compute(tree, on=date(2027, 4, 30)).total == 5
    assert compute(tree, on=date(2027, 4, 30)).valid_until == date(2027, 5, 1)
    assert compute(tree, on=date(2027, 5, 1)).total == 0
    assert compute(tree, on=date(2027, 5, 1)).valid_until is None


def test_b6_29_february_counts_as_1_march() -> None:
    leap = deed("1", TREE, 1, date(2024, 2, 29))
    assert compute(leap, on=date(2026, 2, 28)).total == 5
    assert compute(leap, on=date(2026, 3, 1)).total == 0


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 1, 31), 1, date(2025, 3, 1)),
        (date(2024, 1, 31), 1, date(2024, 3, 1)),
        (date(2025, 12, 31), 2, date(2026, 3, 1)),
        (date(2024, 2, 29), 48, date(2028, 3, 1)),
        (date(2025, 12, 15), 24, date(2027, 12, 15)),
    ],
)
def test_b6_a_date_that_the_later_month_lacks(day: date, months: int, expected: date) -> None:
    assert points.expiry_of(day, months) == expected


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 240))
def test_deeds_have_expired_up_to_one_day_and_none_after(on: date, months: int) -> None:
    last = points.last_expired(on, months)
    assert points.expiry_of(last, months) <= on < points.expiry_of(last + timedelta(days=1), months)


def test_b8_a_new_version_takes_nothing_back() -> None:
    poorer = later_version(
        dimensions=[{"dimension": str(dimension), "cap": 10} for dimension in Dimension],
        indicators=[{**DOCUMENT["indicators"][0], "yearly_cap": 1}],
    )
    timeline = Timeline((V1, poorer))
    given_before = deed("1", RIDE, 100, date(2026, 6, 1))
    assert compute(given_before, timeline=timeline).total == 50
    new_year = compute(given_before, on=date(2027, 1, 1), timeline=timeline)
    assert (new_year.total, new_year.scheme_version) == (50, "2027.1")
    assert compute(given_before, on=date(2028, 5, 31), timeline=timeline).total == 50
    assert compute(given_before, on=date(2028, 6, 1), timeline=timeline).total == 0
    assert new_year.valid_until == date(2028, 6, 1)


def test_a_higher_cap_of_a_coming_year_shows_in_valid_until() -> None:
    many = [deed(str(number), kind, 100_000, date(2026, 1, 1)) for number, kind in enumerate(RecordKind)]
    low = Scheme.from_document(
        {**copy.deepcopy(DOCUMENT), "dimensions": [{"dimension": str(dimension), "cap": 10} for dimension in Dimension]}
    )
    timeline = Timeline((low, later_version()))
    now = compute(*many, timeline=timeline)
    assert now.valid_until == date(2027, 1, 1)
    assert compute(*many, on=date(2027, 1, 1), timeline=timeline).total > now.total


def test_a_deed_of_a_year_before_the_first_scheme_gives_nothing_and_spoils_nothing() -> None:
    result = compute(deed("old", RIDE, 50, date(2023, 12, 31)), deed("new", RIDE, 50, date(2026, 1, 1)))
    assert [contribution.record_id for contribution in result.contributions] == ["new"]


@given(records_of_a_life, st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_an_independent_calculator_agrees(records: list[Record], on: date) -> None:
    result = compute(*records, on=on)
    expected = recount(((record.record_id, record.kind, record.quantity, record.occurred_on) for record in records), on)
    assert {str(dimension.dimension): dimension.points for dimension in result.dimensions} == expected
    assert result.total == sum(expected.values())


@given(records_of_a_life, st.randoms())
def test_the_order_of_records_does_not_change_the_result(records: list[Record], random: Any) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    assert compute(*shuffled) == compute(*records)


@given(records_of_a_life, st.data())
def test_splitting_a_record_changes_no_total(records: list[Record], data: st.DataObject) -> None:
    split = []
    for record in records:
        part = data.draw(st.integers(0, record.quantity))
        for number, quantity in enumerate((part, record.quantity - part)):
            if quantity:
                split.append(deed(f"{record.record_id}-{number}", record.kind, quantity, record.occurred_on))
    assert [(dimension.points, dimension.capped_off) for dimension in compute(*split).dimensions] == [
        (dimension.points, dimension.capped_off) for dimension in compute(*records).dimensions
    ]


@given(records_of_a_life)
def test_contributions_add_up_to_the_total(records: list[Record]) -> None:
    result = compute(*records)
    for dimension in result.dimensions:
        lines = [line.points for line in result.contributions if line.dimension is dimension.dimension]
        assert all(line >= 0 for line in lines)
        assert sum(lines) == dimension.points + dimension.capped_off
        assert dimension.points <= dimension.cap
    assert result.total == sum(dimension.points for dimension in result.dimensions)


@given(records_of_a_life, st.dates(date(2024, 1, 1), TODAY))
def test_one_more_deed_never_takes_points(records: list[Record], day: date) -> None:
    extra = replace(deed("extra", RIDE, 7, day), received_on=TODAY)
    before, after = compute(*records), compute(*records, extra)
    for fewer, other in zip(before.dimensions, after.dimensions, strict=True):
        assert fewer.points <= other.points


def test_a_record_received_after_its_validity_uses_no_cap() -> None:
    live, old = deed("live", RIDE, 196, date(2024, 12, 1)), deed("old", RIDE, 196, date(2024, 1, 1))
    assert compute(live).total == 98
    # In time it had filled the year's cap of 100 before the later one, and has expired since.
    assert compute(live, replace(old, received_on=date(2025, 12, 31))).total == 2
    assert compute(live, replace(old, received_on=date(2026, 1, 1))).total == 98


@given(records_of_a_life)
def test_points_are_the_same_on_every_day_before_valid_until(records: list[Record]) -> None:
    result = compute(*records)
    if result.valid_until is None:
        assert compute(*records, on=TODAY + timedelta(days=1_000)).total == result.total == 0
        return
    assert result.valid_until > TODAY
    # Some expiries give no points and change nothing.
    expiries = {given.expires_on for given in result.contributions if given.expires_on < result.valid_until}
    for day in {*expiries, result.valid_until - timedelta(days=1)}:
        assert compute(*records, on=day).dimensions == result.dimensions
    assert result.valid_until in {given.expires_on for given in result.contributions}


def test_an_expiry_whose_loss_a_cap_hides_ends_valid_until_too() -> None:
    # The rule must be the one of `sql.scoring`, which cannot try the days out.
    first = deed("first", RIDE, 1_000, date(2025, 3, 1))
    later = [deed(kind, kind, 1_000_000, date(2026, 3, 1)) for kind in RecordKind]
    result = compute(first, *later)
    assert compute(*later).total == result.total
    assert result.valid_until == date(2027, 3, 1)
    assert compute(first, *later, on=date(2027, 3, 1)).total == result.total


@given(records_of_a_life, st.dates(date(2024, 6, 1), TODAY))
def test_later_records_do_not_change_earlier_results(records: list[Record], on: date) -> None:
    known = [record for record in records if record.occurred_on <= on]
    assert compute(*records, on=on) == compute(*known, on=on)
