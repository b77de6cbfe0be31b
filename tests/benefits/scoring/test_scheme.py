"""The scheme: dated data, strictly read, compiled exactly, hashed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from benefits.scoring import scheme
from benefits.scoring.scheme import Scheme, SchemeInvalid, Timeline
from consent.domain.records import Dimension, RecordKind
from consent.kernel.canonical_json import canonical_json
from consent.kernel.faults import DocumentInvalid
from tests.benefits.scoring import recount

DOCUMENT = scheme.shipped()[0]
COMPILED = Scheme.from_document(DOCUMENT)


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DOCUMENT), **members}


def indicator(position: int = 0, **members: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    document["indicators"][position].update(members)
    return document


def test_the_shipped_scheme_is_the_contracts() -> None:
    assert COMPILED.version == "2026.1"
    assert COMPILED.from_year == 2024
    assert COMPILED.caps == dict.fromkeys(Dimension, 200)
    assert set(COMPILED.indicators) == set(RecordKind)
    for kind, (dimension, cap, _) in recount.RATES.items():
        compiled = COMPILED.indicators[RecordKind(kind)]
        assert (compiled.dimension, compiled.yearly_cap, compiled.validity_months) == (dimension, cap, 24)


@given(st.sampled_from(list(RecordKind)), st.integers(0, 200_000))
def test_points_of_a_years_sum_are_exact(kind: RecordKind, total: int) -> None:
    assert COMPILED.indicators[kind].points_of(total) == recount.worth(kind, total)


@given(st.sampled_from(sorted(COMPILED.indicators)), st.data())
def test_the_least_sum_for_so_many_points(kind: RecordKind, data: st.DataObject) -> None:
    indicator = COMPILED.indicators[kind]
    points = data.draw(st.integers(1, indicator.yearly_cap))
    least = indicator.least_for(points)
    assert indicator.points_of(least - 1) < points <= indicator.points_of(least)


@given(st.sampled_from(list(RecordKind)), st.integers(0, 100_000), st.integers(0, 10_000))
def test_more_deeds_never_give_less(kind: RecordKind, total: int, more: int) -> None:
    indicator = COMPILED.indicators[kind]
    assert 0 <= indicator.points_of(total) <= indicator.points_of(total + more) <= indicator.yearly_cap


TIERS = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=3)


def with_tiers(drawn: list[tuple[int, int, int]], cap: int) -> Scheme:
    """The shipped scheme with other tiers for its first kind: widths, units and points."""
    tiers, up_to = [], 0
    for width, units, points in drawn:
        up_to += width
        tiers.append({"up_to": up_to, "units": units, "points": points})
    del tiers[-1]["up_to"]
    return Scheme.from_document(indicator(tiers=tiers, yearly_cap=cap))


@settings(max_examples=40)
@given(TIERS, TIERS, st.integers(1, 200), st.integers(1, 200))
def test_values_that_a_scheme_lowers_are_listed_exactly(
    drawn: list[tuple[int, int, int]], other: list[tuple[int, int, int]], cap: int, other_cap: int
) -> None:
    before, after = with_tiers(drawn, cap), with_tiers(other, other_cap)
    kind = RecordKind(DOCUMENT["indicators"][0]["kind"])
    somewhere_less = any(
        after.indicators[kind].points_of(units) < before.indicators[kind].points_of(units) for units in range(3_000)
    )
    assert before.lowered_by(after) == ((str(kind),) if somewhere_less else ())


def test_every_indicator_names_its_reference() -> None:
    assert all(part["reference"] for part in (DOCUMENT, *DOCUMENT["indicators"]))


@pytest.mark.parametrize("spelled", [json.dumps, lambda document: yaml.safe_dump(document, allow_unicode=True)])
def test_the_hash_survives_json_and_yaml(spelled: Any) -> None:
    assert Scheme.from_document(yaml.safe_load(spelled(DOCUMENT))).sha256 == COMPILED.sha256
    assert canonical_json(DOCUMENT) == canonical_json(json.loads(json.dumps(DOCUMENT)))


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        (changed(base_score=600), "/base_score", "unknown_field"),
        (changed(version="v1"), "/version", "string_pattern_mismatch"),
        (changed(from_year=1), "/from_year", "greater_than_equal"),
        (changed(from_year=2024.0), "/from_year", "int_type"),
        (changed(dimensions=DOCUMENT["dimensions"][:4]), "/dimensions", "dimensions_incomplete"),
        (changed(dimensions=DOCUMENT["dimensions"] * 2), "/dimensions", "dimensions_incomplete"),
        (changed(indicators=[]), "/indicators", "too_short"),
        (changed(indicators=[DOCUMENT["indicators"][0]] * 2), "/indicators", "kind_repeated"),
        (indicator(kind="traffic_violation"), "/indicators/0/kind", "enum"),
        (indicator(deduction=5), "/indicators/0/deduction", "unknown_field"),
        (indicator(yearly_cap=0), "/indicators/0/yearly_cap", "greater_than_equal"),
        (indicator(yearly_cap=-5), "/indicators/0/yearly_cap", "greater_than_equal"),
        (indicator(validity_months=0), "/indicators/0/validity_months", "greater_than_equal"),
        (indicator(tiers=[]), "/indicators/0/tiers", "too_short"),
        (indicator(tiers=[{"units": 0, "points": 1}]), "/indicators/0/tiers/0/units", "greater_than_equal"),
        (indicator(tiers=[{"units": 1, "points": -1}]), "/indicators/0/tiers/0/points", "greater_than_equal"),
        (indicator(tiers=[{"units": 1, "points": 0.5}]), "/indicators/0/tiers/0/points", "int_type"),
        (indicator(tiers=[{"units": 1, "points": 1, "up_to": 9}]), "/indicators/0/tiers", "last_tier_ends"),
        (indicator(tiers=[{"units": 1, "points": 1}] * 2), "/indicators/0/tiers", "tiers_not_rising"),
        (
            indicator(tiers=[{"up_to": 9, "units": 1, "points": 1}] * 2 + [{"units": 2, "points": 1}]),
            "/indicators/0/tiers",
            "tiers_not_rising",
        ),
        (indicator(tiers=[{"up_to": None, "units": 1, "points": 1}]), "/indicators/0/tiers/0/up_to", "null_forbidden"),
    ],
)  # fmt: skip
def test_an_invalid_scheme_is_refused_with_its_pointer(document: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(DocumentInvalid) as raised:
        Scheme.from_document(document)
    assert (pointer, code) in [(fault.pointer, fault.code) for fault in raised.value.faults]


def test_each_civil_year_is_scored_by_the_version_that_began_last() -> None:
    later = Scheme.from_document(changed(version="2027.1", from_year=2027))
    timeline = Timeline((later, COMPILED))
    assert [timeline.version_for(year).version for year in (2024, 2026, 2027, 2040)] == [
        "2026.1",
        "2026.1",
        "2027.1",
        "2027.1",
    ]
    assert timeline.scoring(2023) is None
    with pytest.raises(LookupError):
        timeline.version_for(2023)
    assert timeline.sha256 == Timeline((COMPILED, later)).sha256 != Timeline((COMPILED,)).sha256


def test_versions_that_overlap_or_none_at_all_are_refused() -> None:
    with pytest.raises(SchemeInvalid):
        Timeline(())
    with pytest.raises(SchemeInvalid):
        Timeline((COMPILED, Scheme.from_document(changed(version="2026.2"))))
