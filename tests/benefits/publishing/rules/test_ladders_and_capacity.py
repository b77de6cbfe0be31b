"""Thresholds over everything an organisation offers, and quotas of added places."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.publishing.rules import capacity, ladders
from benefits.publishing.rules.context import Neighbour, PublicationContext
from benefits.rules import conditions
from benefits.rules.vocabulary import CAPACITY_SHARE_PERCENT_MAX, THRESHOLDS_MAX, Period
from tests.strategies import CONDITIONS


def at_least(points: int, measure: str = "total") -> dict[str, Any]:
    return {"measure": measure, "at_least": points}


def ladder(condition: dict[str, Any], *others: tuple[str, dict[str, Any]]) -> list[str]:
    neighbours = [
        Neighbour(f"b{number}", "s", provider, {"condition": other, "effect": {"kind": "delivery"}})
        for number, (provider, other) in enumerate(others)
    ]
    context = PublicationContext(neighbours=neighbours, organisation={"ours", "sister"})
    return [finding.code for finding in ladders.check({"condition": condition}, context)]


def test_the_third_threshold_of_an_organisation_is_flagged_whatever_the_effect() -> None:
    assert ladder(at_least(60), ("ours", at_least(80))) == []
    assert ladder(at_least(60), ("ours", at_least(80)), ("sister", at_least(60))) == []
    assert ladder(at_least(60), ("ours", at_least(80)), ("sister", at_least(100))) == ["threshold_ladder"]
    assert ladder(at_least(60), ("ours", at_least(80)), ("stranger", at_least(100))) == []


def test_a_ladder_over_several_measures_is_a_ladder() -> None:
    steps = [("ours", at_least(20, measure)) for measure in ("green_living", "social_responsibility")]
    assert ladder(at_least(60), *steps) == ["threshold_ladder"]
    # A single benefit with several parts is one question with one answer.
    every = {"all": [at_least(60), *(part for _, part in steps)]}
    assert ladder(every) == []


@given(st.lists(CONDITIONS, min_size=1, max_size=5))
def test_more_benefits_never_make_a_ladder_shorter(listed: list[conditions.Condition]) -> None:
    documents = [conditions.to_document(condition) for condition in listed]
    counts = [ladders.count_thresholds(documents[: number + 1]) for number in range(len(documents))]
    assert counts == sorted(counts)
    assert counts[-1] >= len(set(listed))
    assert (len(set(listed)) > THRESHOLDS_MAX) <= (counts[-1] > THRESHOLDS_MAX)


def window(places: int, total: dict[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "benefit_id": "b", "service_id": "s", "effect": {"kind": "extra_window", "extra_capacity": places},
    }  # fmt: skip
    return body if total is None else {**body, "quota": {"total": total}}


def codes(body: dict[str, Any], service: dict[str, Any], *neighbours: Neighbour) -> list[str]:
    context = PublicationContext(service=service, neighbours=neighbours)
    return [finding.code for finding in capacity.check(body, context)]


@given(
    st.integers(1, 200),
    st.none() | st.fixed_dictionaries({"count": st.integers(1, 300), "period": st.sampled_from([*Period])}),
    st.sampled_from([None, *Period]),
)
def test_added_places_have_a_quota_that_they_suffice_for(
    places: int, total: dict[str, Any] | None, period: Period | None
) -> None:
    service: dict[str, Any] = {"baseline": {"capacity": 1_000}}
    if period is not None:
        service["capacity_period"] = str(period)
    fits = total is not None and total["count"] <= places and total["period"] == (period or Period.WEEK)
    assert codes(window(places, total), service) == ([] if fits else ["quota_exceeds_places"])


@pytest.mark.parametrize("effect", [{"kind": "delivery"}, {"kind": "extra_counter", "counters": 1}])
def test_other_effects_take_no_places(effect: dict[str, Any]) -> None:
    assert codes({**window(1, None), "effect": effect}, {"baseline": {}}) == []


def test_a_live_and_a_pending_version_count_once() -> None:
    service = {"baseline": {"capacity": 100}}
    most = 100 * CAPACITY_SHARE_PERCENT_MAX // 100
    pending, live = window(most - 1, None), window(most // 2, None)
    versions = [Neighbour("other", "s", "p", body) for body in (pending, live)]
    assert codes(window(1, {"count": 1, "period": "week"}), service, *versions) == []
    assert codes(window(2, {"count": 1, "period": "week"}), service, *versions) == ["capacity_share"]
