"""The condition language: what it reads, what it refuses and where, and that more points never lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any as Json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.rules import conditions
from benefits.rules.compiled import Rule
from benefits.rules.conditions import (
    AT_LEAST_MAX,
    DEPTH_MAX,
    LEAVES_MAX,
    All,
    Any,
    AtLeast,
    Condition,
    ConditionLine,
)
from tests.benefits.scoring import recount
from tests.strategies import CONDITIONS, ORDER, depth_of

STANDINGS = st.fixed_dictionaries({measure: st.integers(0, 1_000) for measure in ORDER})
BOTH = {"all": [{"measure": "total", "at_least": 600}, {"measure": "green_living", "at_least": 50}]}


def holds_by_lines(condition: Condition, lines: Iterator[ConditionLine]) -> bool:
    if isinstance(condition, AtLeast):
        return next(lines).met
    results = [holds_by_lines(part, lines) for part in condition.parts]
    return all(results) if isinstance(condition, All) else any(results)


@pytest.mark.parametrize(
    ("total", "green", "applies"), [(600, 50, True), (599, 50, False), (600, 49, False), (1_000, 200, True)]
)
def test_b1_both_thresholds_are_needed(total: int, green: int, applies: bool) -> None:
    rule, standing = Rule(conditions.parse(BOTH)), {"total": total, "green_living": green}
    decided = rule.decide(standing)
    assert decided.applies is applies
    assert rule.lines(decided) == [
        ConditionLine("total", 600, total, total >= 600),
        ConditionLine("green_living", 50, green, green >= 50),
    ]


def test_any_needs_one_and_an_absent_measure_counts_as_none() -> None:
    condition = conditions.parse({"any": BOTH["all"]})
    assert Rule(condition).applies({"total": 0, "green_living": 50})
    assert Rule(condition).decide({}) == (False, (0, 0), (False, False))
    assert conditions.measures(condition) == {"total", "green_living"}


@given(CONDITIONS, STANDINGS, STANDINGS)
def test_more_points_never_lose(condition: Condition, standing: dict[str, int], more: dict[str, int]) -> None:
    richer = {measure: points + more[measure] for measure, points in standing.items()}
    rule = Rule(condition)
    assert rule.applies(richer) or not rule.applies(standing)


@given(CONDITIONS, STANDINGS)
def test_the_trace_agrees_with_the_verdict(condition: Condition, standing: dict[str, int]) -> None:
    rule = Rule(condition)
    decided = rule.decide(standing)
    lines = iter(rule.lines(decided))
    assert decided.applies is holds_by_lines(condition, lines)
    assert next(lines, None) is None
    assert decided.applies is recount.is_met(conditions.to_document(condition), standing)


@given(CONDITIONS)
def test_a_round_trip_through_json_changes_nothing(condition: Condition) -> None:
    assert conditions.parse(conditions.to_document(condition)) == condition


LEAF_DOCUMENT = {"measure": "total", "at_least": 1}


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({"points": {"lt": 300}}, "", "condition_unknown"),
        ({"not": LEAF_DOCUMENT}, "", "condition_unknown"),
        ({"measure": "total", "below": 5}, "", "condition_unknown"),
        ({"measure": "total", "at_least": 1, "at_most": 9}, "", "condition_unknown"),
        ({"all": [LEAF_DOCUMENT], "any": [LEAF_DOCUMENT]}, "", "condition_unknown"),
        ({}, "", "condition_unknown"),
        ({"measure": "total"}, "", "condition_unknown"),
        ([LEAF_DOCUMENT], "", "object_expected"),
        (None, "", "object_expected"),
        ("total", "", "object_expected"),
        ({"all": []}, "/all", "empty"),
        ({"any": {}}, "/any", "list_expected"),
        ({"all": [LEAF_DOCUMENT, {"any": [3]}]}, "/all/1/any/0", "object_expected"),
        ({"measure": "tier", "at_least": 1}, "/measure", "measure_unknown"),
        ({"measure": ["total"], "at_least": 1}, "/measure", "measure_unknown"),
        ({"measure": "household", "at_least": 1}, "/measure", "measure_unknown"),
        ({"measure": "total", "at_least": 0}, "/at_least", "out_of_range"),
        ({"measure": "total", "at_least": -1}, "/at_least", "out_of_range"),
        ({"measure": "total", "at_least": AT_LEAST_MAX + 1}, "/at_least", "out_of_range"),
        ({"measure": "total", "at_least": True}, "/at_least", "integer_expected"),
        ({"measure": "total", "at_least": 1.0}, "/at_least", "integer_expected"),
        ({"measure": "total", "at_least": float("nan")}, "/at_least", "integer_expected"),
        ({"measure": "total", "at_least": "６００"}, "/at_least", "integer_expected"),
        ({"any": [LEAF_DOCUMENT, {"measure": "total", "at_least": None}]}, "/any/1/at_least", "integer_expected"),
    ],
)
def test_other_documents_are_refused_as_conditions(document: Json, pointer: str, code: str) -> None:
    with pytest.raises(conditions.ConditionInvalid) as caught:
        conditions.parse(document)
    assert (caught.value.pointer, caught.value.code) == (pointer, code)


def nested(levels: int) -> Json:
    document: Json = LEAF_DOCUMENT
    for _ in range(levels - 1):
        document = {"all": [document]}
    return document


def test_depth_and_number_are_bounded() -> None:
    assert depth_of(conditions.parse(nested(DEPTH_MAX))) == DEPTH_MAX
    for levels in (DEPTH_MAX + 1, 10_000):
        with pytest.raises(conditions.ConditionInvalid) as deep:
            conditions.parse(nested(levels))
        assert (deep.value.pointer, deep.value.code) == ("/all/0" * DEPTH_MAX, "too_deep")
    halves = [{"any": [LEAF_DOCUMENT] * (LEAVES_MAX // 2)}] * 2
    assert len(list(conditions.leaves(conditions.parse({"all": halves})))) == LEAVES_MAX
    with pytest.raises(conditions.ConditionInvalid) as many:
        conditions.parse({"all": [*halves, LEAF_DOCUMENT]})
    assert (many.value.pointer, many.value.code) == ("/all/2", "too_many_parts")


def test_a_wrong_condition_cannot_even_be_constructed() -> None:
    for measure, at_least in (("total", 0), ("total", -5), ("tier", 5), ("total", True)):
        with pytest.raises(conditions.ConditionInvalid):
            AtLeast(measure, at_least)
    for empty in (All, Any):
        with pytest.raises(conditions.ConditionInvalid):
            empty(())


HAVE = {"total": 41, "green_living": 41, "social_responsibility": 5}


@pytest.mark.parametrize(
    ("document", "needs"),
    [
        ({"measure": "total", "at_least": 41}, []),
        ({"any": [{"measure": "total", "at_least": 100}, {"measure": "green_living", "at_least": 50}]},
         [("green_living", 50, 41)]),
        ({"any": [{"measure": "total", "at_least": 100}, {"measure": "green_living", "at_least": 40}]}, []),
        ({"all": [{"measure": "total", "at_least": 60}, {"measure": "social_responsibility", "at_least": 20}]},
         [("total", 60, 41), ("social_responsibility", 20, 5)]),
        ({"any": [{"all": [{"measure": "total", "at_least": 50}, {"measure": "green_living", "at_least": 50}]},
                  {"measure": "total", "at_least": 58}]},
         [("total", 58, 41)]),
    ],
)  # fmt: skip
def test_what_is_missing_is_the_least_of_any_and_the_sum_of_all(
    document: dict[str, object], needs: list[tuple[str, int, int]]
) -> None:
    lines = conditions.needs(conditions.parse(document), HAVE)
    assert [(line.measure, line.at_least, line.have) for line in lines] == needs
    assert conditions.missing(lines) == sum(least - have for _, least, have in needs)
