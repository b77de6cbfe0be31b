"""The closed effects: what each does to a baseline, and that none can make anything worse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.rules import effect_limits, effects
from benefits.rules.effect_limits import FEE_DISCOUNT_PERCENT_MAX
from benefits.rules.effects import EFFECTS, Effect
from benefits.rules.vocabulary import AMOUNT_MAX, LOWER_IS_BETTER, Attribute, EffectKind

BASELINES = st.dictionaries(
    st.sampled_from([str(attribute) for attribute in Attribute if attribute is not Attribute.DELIVERY]),
    st.integers(0, AMOUNT_MAX),
).flatmap(
    lambda numbers: st.one_of(st.just(numbers), st.booleans().map(lambda delivery: {**numbers, "delivery": delivery}))
)


@st.composite
def any_effect(draw: st.DrawFn) -> Effect:
    effect = draw(st.sampled_from(list(EFFECTS.values())))
    return effect(*(draw(st.integers(1, effect.limit)) for _ in effects.amount_names(effect)))


IMPROVEMENTS: list[tuple[dict[str, Any], Any, Any]] = [
    ({"kind": "deposit_waiver", "up_to_fen": 10_000}, {"deposit_fen": 10_000}, {"deposit_fen": 0}),
    ({"kind": "deposit_waiver", "up_to_fen": 10_000}, {"deposit_fen": 15_000}, {"deposit_fen": 5_000}),
    ({"kind": "fee_discount", "percent": 30}, {"price_fen": 999}, {"price_fen": 699}),
    ({"kind": "fee_discount", "percent": 20}, {"price_fen": 500}, {"price_fen": 400}),
    ({"kind": "free_minutes", "minutes": 30}, {"free_minutes": 15}, {"free_minutes": 45}),
    ({"kind": "longer_period", "days": 15}, {"period_days": 30}, {"period_days": 45}),
    ({"kind": "more_items", "items": 5}, {"items": 5}, {"items": 10}),
    ({"kind": "pay_after", "within_days": 3}, {}, {"pay_within_days": 3}),
    ({"kind": "extra_counter", "counters": 1}, {"counters": 6}, {"counters": 7}),
    ({"kind": "extra_window", "extra_capacity": 20}, {"capacity": 200}, {"capacity": 220}),
    ({"kind": "delivery"}, {"delivery": False}, {"delivery": True}),
    ({"kind": "small_gift", "value_fen": 500}, {"gift_fen": 0}, {"gift_fen": 500}),
    ({"kind": "missing_paper_accepted", "within_days": 10}, {}, {"papers_within_days": 10}),
]
"""An effect, a baseline, and what the effect makes of it: at least one row for each kind."""


@pytest.mark.parametrize(("document", "baseline", "after"), IMPROVEMENTS)
def test_each_effect_improves_its_attribute(document: dict[str, Any], baseline: Any, after: Any) -> None:
    effect, wait = effects.parse(document), {"wait_minutes": 30}
    assert effects.apply(effect, {**baseline, **wait}) == {**after, **wait}
    assert effects.improves(effect, baseline)
    assert effects.to_document(effect) == document


@pytest.mark.parametrize(
    ("document", "baseline"),
    [
        ({"kind": "deposit_waiver", "up_to_fen": 10_000}, {}),
        ({"kind": "deposit_waiver", "up_to_fen": 10_000}, {"deposit_fen": 0}),
        ({"kind": "fee_discount", "percent": 30}, {"price_fen": 0}),
        ({"kind": "pay_after", "within_days": 3}, {"pay_within_days": 7}),
        ({"kind": "small_gift", "value_fen": 500}, {"gift_fen": 500}),
        ({"kind": "missing_paper_accepted", "within_days": 5}, {"papers_within_days": 10}),
        ({"kind": "delivery"}, {"delivery": True}),
    ],
)
def test_an_effect_equal_to_the_baseline_is_no_improvement(document: dict[str, Any], baseline: Any) -> None:
    effect = effects.parse(document)
    assert effects.apply(effect, baseline) == baseline
    assert not effects.improves(effect, baseline)


@given(any_effect(), BASELINES)
def test_dominance_never_worse_and_better_in_one_attribute_at_most(effect: Effect, baseline: dict[str, int]) -> None:
    after = effects.apply(effect, baseline)
    assert effects.worsened(after, baseline) == frozenset()
    changed = {name for name in {*after, *baseline} if after.get(name, 0) != baseline.get(name, 0)}
    assert changed <= {effect.attribute}
    assert effects.improves(effect, baseline) == bool(changed)
    assert all(type(value) in (int, bool) and value >= 0 for value in after.values())


@given(st.integers(0, AMOUNT_MAX), st.integers(1, FEE_DISCOUNT_PERCENT_MAX))
def test_a_discount_is_rounded_in_the_persons_favour_by_less_than_a_fen(price: int, percent: int) -> None:
    after = effects.apply(effects.FeeDiscount(percent), {"price_fen": price})["price_fen"]
    assert 0 <= price * (100 - percent) - after * 100 < 100


@given(any_effect())
def test_a_round_trip_through_json_changes_nothing(effect: Effect) -> None:
    assert effects.parse(effects.to_document(effect)) == effect


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ({"kind": "surcharge", "fen": 1}, "/kind", "effect_unknown"),
        ({"kind": "publish_names"}, "/kind", "effect_unknown"),
        ({"kind": ["delivery"]}, "/kind", "effect_unknown"),
        ({}, "/kind", "effect_unknown"),
        ("delivery", "", "object_expected"),
        ({"kind": "fee_discount", "percent": FEE_DISCOUNT_PERCENT_MAX + 1}, "/percent", "out_of_range"),
        ({"kind": "fee_discount", "percent": -10}, "/percent", "out_of_range"),
        ({"kind": "fee_discount", "percent": 0}, "/percent", "out_of_range"),
        ({"kind": "fee_discount", "percent": True}, "/percent", "integer_expected"),
        ({"kind": "fee_discount", "percent": 9.5}, "/percent", "integer_expected"),
        ({"kind": "extra_window", "extra_capacity": 0}, "/extra_capacity", "out_of_range"),
        ({"kind": "small_gift", "value_fen": AMOUNT_MAX + 1}, "/value_fen", "out_of_range"),
        ({"kind": "small_gift"}, "/value_fen", "missing"),
        ({"kind": "delivery", "badge/label": "x"}, "/badge~1label", "unknown_field"),
        ({"kind": "extra_counter", "counters": 1, "display_label": "x"}, "/display_label", "unknown_field"),
    ],
)
def test_other_documents_are_refused_as_effects(document: Any, pointer: str, code: str) -> None:
    with pytest.raises(effects.EffectInvalid) as caught:
        effects.parse(document)
    assert (caught.value.pointer, caught.value.code) == (pointer, code)


@pytest.mark.parametrize("kind", [kind for kind in EffectKind if kind is not EffectKind.DELIVERY])
def test_each_amount_has_a_limit_of_its_own_for_new_documents(kind: EffectKind) -> None:
    effect = EFFECTS[kind]
    (name,) = effects.amount_names(effect)
    limits = {value for constant, value in vars(effect_limits).items() if constant.endswith("_MAX")}
    assert effect.limit in limits, f"give {effect.__name__} a `limit` from benefits/rules/effect_limits.py"
    document = {"kind": str(kind), name: effect.limit}
    assert effects.to_document(effects.parse_new(document)) == document
    with pytest.raises(effects.EffectInvalid) as caught:
        effects.parse_new({**document, name: effect.limit + 1})
    assert (caught.value.pointer, caught.value.code) == (f"/{name}", "out_of_range")
    assert caught.value.fault.values == {"most": effect.limit}


def test_a_gift_of_20_yuan_is_a_thank_you_and_one_of_2000_a_price() -> None:
    assert effects.parse_new({"kind": "small_gift", "value_fen": 2_000})
    with pytest.raises(effects.EffectInvalid):
        effects.parse_new({"kind": "small_gift", "value_fen": 200_000})


def test_a_stored_amount_above_its_limit_can_still_be_read() -> None:
    """Documents of version 0.1.0 may have one."""
    gift = effects.parse({"kind": "small_gift", "value_fen": effect_limits.GIFT_FEN_MAX + 1})
    assert effects.apply(gift, {"gift_fen": 0}) == {"gift_fen": effect_limits.GIFT_FEN_MAX + 1}


def test_every_effect_has_an_improvement_above() -> None:
    missing = set(EffectKind) - {document["kind"] for document, _, _ in IMPROVEMENTS}
    assert not missing, f"add {', '.join(missing)} to IMPROVEMENTS in tests/benefits/rules/test_effects.py"


def test_the_list_is_complete_and_each_effect_is_of_its_kind() -> None:
    assert set(EFFECTS) == set(EffectKind)
    assert all(effect.kind is kind for kind, effect in EFFECTS.items())


def test_a_worse_baseline_is_noticed_in_every_direction() -> None:
    for attribute in Attribute:
        less, more = {str(attribute): 1}, {str(attribute): 2}
        worse, better = (more, less) if attribute in LOWER_IS_BETTER else (less, more)
        assert effects.worsened(worse, better) == {attribute}
        assert effects.worsened(better, worse) == frozenset()
        assert effects.dominates(better, worse)
        assert not effects.dominates(worse, better)
    assert not effects.dominates({"price_fen": 1, "items": 1}, {"price_fen": 2, "items": 2})
