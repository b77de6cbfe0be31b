"""Lints against brute force over small points, and the condition language's own promises."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.rules import conditions, lints
from benefits.rules.compiled import Rule
from benefits.rules.conditions import All, Any, AtLeast, Condition
from benefits.rules.lints import MEASURES
from consent.domain.records import Dimension

DIMENSIONS = [str(dimension) for dimension in Dimension]
GREEN_60 = {"measure": "green_living", "at_least": 60}
CAPS = {DIMENSIONS[0]: 4, DIMENSIONS[1]: 4, **dict.fromkeys(DIMENSIONS[2:], 0)}
leaf = st.builds(AtLeast, st.sampled_from([DIMENSIONS[0], DIMENSIONS[1], "total"]), st.integers(1, 10))
condition = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Any, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def everybody() -> list[dict[str, int]]:
    return [
        {DIMENSIONS[0]: left, DIMENSIONS[1]: right, "total": left + right}
        for left, right in itertools.product(range(5), repeat=2)
    ]


@given(condition, condition)
def test_implication_is_exact(condition: Condition, other: Condition) -> None:
    truth = all(Rule(other).applies(who) for who in everybody() if Rule(condition).applies(who))
    assert lints.implies(condition, other, CAPS) is truth


@given(condition)
def test_reach_is_exact(condition: Condition) -> None:
    assert lints.reachable(condition, CAPS) is any(Rule(condition).applies(who) for who in everybody())


@given(condition)
def test_a_part_reported_as_needless_changes_no_result(condition: Condition) -> None:
    for finding in lints.lint(condition, CAPS):
        path = finding.pointer.split("/")[1:]
        if finding.code == "out_of_reach":
            continue
        *above, last = path
        parent = condition
        for part in above[1::2]:
            assert isinstance(parent, All | Any)
            parent = parent.parts[int(part)]
        assert isinstance(parent, All | Any)
        rest = tuple(part for number, part in enumerate(parent.parts) if number != int(last))
        without = type(parent)(rest)
        for who in everybody():
            assert Rule(parent).applies(who) is Rule(without).applies(who), finding


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ({"measure": "total", "at_least": 60}, []),
        ({"measure": "total", "at_least": 1_001}, [("out_of_reach", "")]),
        ({"all": [GREEN_60, {"measure": "total", "at_least": 40}]}, [("implied", "/all/1")]),
        ({"any": [{"measure": "total", "at_least": 60}, GREEN_60]}, [("dead_branch", "/any/1")]),
        ({"all": [{"measure": "total", "at_least": 60}] * 2}, [("said_twice", "/all/1")]),
        ({"any": [{"measure": "total", "at_least": 60}, {"measure": "green_living", "at_least": 300}]},
         [("dead_branch", "/any/1"), ("out_of_reach", "/any/1")]),
    ],
)  # fmt: skip
def test_lints_report_code_and_pointer(document: object, codes: list[tuple[str, str]]) -> None:
    caps: Mapping[str, int] = dict.fromkeys(DIMENSIONS, 200)
    assert [(finding.code, finding.pointer) for finding in lints.lint(conditions.parse(document), caps)] == codes


@given(condition, st.sampled_from(everybody()), st.sampled_from(MEASURES[:2]))
def test_more_points_never_cost_a_benefit(condition: Condition, who: dict[str, int], measure: str) -> None:
    more = {**who, measure: who[measure] + 1, "total": who["total"] + 1}
    assert Rule(condition).applies(more) or not Rule(condition).applies(who)
