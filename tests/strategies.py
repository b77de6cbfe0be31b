"""Hypothesis strategies that several test modules use."""

from __future__ import annotations

from hypothesis import HealthCheck
from hypothesis import strategies as st

from benefits.rules.conditions import DEPTH_MAX, MEASURES, All, Any, AtLeast, Condition

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
