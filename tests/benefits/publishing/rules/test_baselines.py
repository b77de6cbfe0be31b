"""Baselines in both directions, capacities of different periods, and kinds for the same thing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.publishing.rules import baselines
from benefits.publishing.rules.context import FLAGGED, Neighbour, PublicationContext, RelatedService, Relation
from benefits.rules.vocabulary import AMOUNT_MAX, LOWER_IS_BETTER, Attribute, Period, ServiceKind

NUMBERS = [attribute for attribute in Attribute if attribute is not Attribute.DELIVERY]
MEASURED = Neighbour("some-benefit", "some-service", "some-provider", {})


def service(evidence: str = "a notice board", **members: Any) -> dict[str, Any]:
    return {"service_id": "some-service", "baseline": {}, "evidence": evidence, **members}


def improved(before: dict[str, Any], after: dict[str, Any], *neighbours: Neighbour) -> list[str]:
    context = PublicationContext(before=before, neighbours=neighbours)
    return [finding.pointer for finding in baselines.improved(after, context)]


@given(st.sampled_from(NUMBERS), st.integers(0, AMOUNT_MAX), st.integers(0, AMOUNT_MAX))
def test_a_baseline_that_gets_better_waits_while_a_benefit_is_measured(
    attribute: Attribute, first: int, second: int
) -> None:
    before = service(baseline={str(attribute): first})
    after = service("another notice board", baseline={str(attribute): second})
    better = second < first if attribute in LOWER_IS_BETTER else second > first
    assert improved(before, after, MEASURED) == ([f"/baseline/{attribute}"] if better else [])
    # Without a benefit only the capacity counts: the share of a later benefit is taken of it.
    assert improved(before, after) == ([f"/baseline/{attribute}"] if better and attribute == "capacity" else [])


@pytest.mark.parametrize("evidence", ["a notice board", "  a notice  board\n"])
def test_old_evidence_is_named(evidence: str) -> None:
    before, after = service(baseline={"counters": 1}), service(evidence, baseline={"counters": 2})
    assert improved(before, after, MEASURED) == ["/baseline/counters", "/evidence"]


def test_a_first_baseline_gets_no_better() -> None:
    context = PublicationContext(neighbours=[MEASURED])
    assert not list(baselines.improved(service(baseline={"capacity": 5}), context))


def test_a_capacity_is_a_weeks_unless_its_period_is_stated() -> None:
    assert baselines.period_of_capacity(service()) is Period.WEEK
    weekly, daily = service(baseline={"capacity": 70}), service(baseline={"capacity": 70}, capacity_period="day")
    assert baselines.comparable(weekly) == baselines.comparable({**weekly, "capacity_period": "week"})
    assert improved(weekly, daily) == ["/baseline/capacity", "/evidence"]
    assert improved(daily, weekly) == []
    context = PublicationContext(baselines=[baselines.comparable(daily)])
    worse = list(baselines.worsened(baselines.comparable(weekly), context, "/baseline", FLAGGED))
    assert [finding.pointer for finding in worse] == ["/baseline/capacity"]


@given(st.sampled_from(ServiceKind), st.sampled_from(ServiceKind))
def test_neighbouring_kinds_are_symmetric_and_never_the_same_kind(kind: ServiceKind, other: ServiceKind) -> None:
    assert baselines.are_neighbours(kind, other) == baselines.are_neighbours(other, kind)
    assert not baselines.are_neighbours(kind, kind)


def test_a_tour_can_be_written_as_two_kinds() -> None:
    assert baselines.are_neighbours("park_extra", "scenic_extra")
    assert not baselines.are_neighbours("library_loan", "scenic_extra")


@pytest.mark.parametrize(
    ("relation", "code"),
    [(Relation.TWIN, "provider_twin"), (Relation.NEIGHBOURING_KIND, "neighbouring_kind")],
)
def test_a_related_service_is_flagged_with_what_it_gave(relation: Relation, code: str) -> None:
    elsewhere = [RelatedService("tour", relation, {"price_fen": 4_000, "counters": 3})]
    dearer = service(baseline={"price_fen": 6_000})
    rows = [
        (finding.code, finding.pointer) for finding in baselines.related(dearer, PublicationContext(related=elsewhere))
    ]
    assert [codes for codes, _ in rows] == [code, "baseline_worsened"]
    assert rows[-1][1] == "/baseline/price_fen"
    # An officer has decided on this baseline before; another version with it asks nobody again.
    assert not list(baselines.related(dearer, PublicationContext(related=elsewhere, before=dearer)))
    assert not list(baselines.related(dearer, PublicationContext()))
