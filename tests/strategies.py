"""Hypothesis strategies that several test modules use."""

from __future__ import annotations

from typing import Any as AnyValue

from hypothesis import HealthCheck
from hypothesis import strategies as st

from benefits.rules import effects
from benefits.rules.conditions import DEPTH_MAX, MEASURES, All, Any, AtLeast, Condition
from benefits.rules.effects import EFFECTS
from benefits.rules.vocabulary import EffectKind, Period

SUPPRESSED_HEALTH_CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
ORDER = sorted(MEASURES)
LEAF = st.builds(AtLeast, st.sampled_from(ORDER), st.integers(1, 1_000))


def depth_of(condition: Condition) -> int:
    return 1 if isinstance(condition, AtLeast) else 1 + max(depth_of(part) for part in condition.parts)


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAF,
    lambda inner: st.builds(
        lambda make, parts: make(tuple(parts)), st.sampled_from((All, Any)), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
).filter(lambda condition: depth_of(condition) <= DEPTH_MAX)


@st.composite
def effect_documents(draw: st.DrawFn) -> dict[str, AnyValue]:
    """Effects as JSON values: small amounts, amounts at the limit of the effect, and amounts above it."""
    kind = draw(st.sampled_from(sorted(EffectKind)))
    limit = EFFECTS[kind].limit
    amounts = st.sampled_from((1, 2, max(1, limit // 3), limit, limit + 1))
    return {"kind": str(kind), **{name: draw(amounts) for name in effects.amount_names(EFFECTS[kind])}}


QUOTAS: st.SearchStrategy[dict[str, AnyValue] | None] = st.one_of(
    st.none(),
    st.builds(
        lambda count, period: {"total": {"count": count, "period": str(period)}},
        st.sampled_from((1, 2, 10, 200)),
        st.sampled_from(Period),
    ),
)
"""Total quotas of benefits, or None for a benefit without a quota."""
