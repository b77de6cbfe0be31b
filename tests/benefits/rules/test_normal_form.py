"""Conditions that are written otherwise and mean the same have one normal form; those that differ have two."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from benefits.rules.conditions import TOTAL, All, Any, AtLeast, Condition
from benefits.rules.lints import MEASURES
from benefits.rules.normal_form import normal_form
from tests.strategies import CONDITIONS

POINTS = st.lists(st.integers(0, 400), min_size=5, max_size=5)


def shuffled(condition: Condition, random: Random) -> Condition:
    """Return the condition with its parts in another order, some of them twice, and nested once more."""
    if isinstance(condition, AtLeast):
        return random.choice((All, Any))((condition,)) if random.random() < 0.3 else condition
    parts = [shuffled(part, random) for part in condition.parts]
    parts += random.choices(parts, k=random.randrange(2))
    random.shuffle(parts)
    return type(condition)(tuple(parts))


def met(boxes: tuple[tuple[int, ...], ...], points: list[int]) -> bool:
    have = (*points, sum(points))
    return any(all(had >= bound for had, bound in zip(have, box, strict=True)) for box in boxes)


@given(CONDITIONS, st.randoms(use_true_random=False))
def test_order_repetition_and_nesting_make_no_difference(condition: Condition, random: Random) -> None:
    assert normal_form(shuffled(condition, random), 10) == normal_form(condition, 10)


@given(CONDITIONS, POINTS)
def test_the_normal_form_decides_like_the_condition(condition: Condition, points: list[int]) -> None:
    have = dict(zip(MEASURES, (*points, sum(points)), strict=True))

    def decide(part: Condition) -> bool:
        if isinstance(part, AtLeast):
            return have[part.measure] >= part.at_least
        return (all if isinstance(part, All) else any)(map(decide, part.parts))

    assert met(normal_form(condition), points) is decide(condition)


def test_thresholds_between_two_tens_are_one_question_and_others_are_not() -> None:
    low, high = MEASURES[0], MEASURES[1]
    forms = {at_least: normal_form(AtLeast(low, at_least), 10) for at_least in (1, 9, 10, 11, 20)}
    assert forms[1] == forms[9] == forms[10] != forms[11] == forms[20]
    assert normal_form(AtLeast(low, 10)) != normal_form(AtLeast(high, 10)) != normal_form(AtLeast(TOTAL, 10))
    # A person with 20 and 30 has 50 in all.
    both = (AtLeast(low, 20), AtLeast(high, 30))
    assert normal_form(All(both)) == normal_form(All((*both, AtLeast(TOTAL, 45))))
    assert normal_form(All(both)) != normal_form(All((*both, AtLeast(TOTAL, 55))))
    assert normal_form(Any(both)) == normal_form(Any((*both, All(both))))
