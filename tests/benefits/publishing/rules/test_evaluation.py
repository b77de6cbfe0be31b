"""The order of findings by their rules, of which limits have a letter, as R8a."""

from __future__ import annotations

import pytest

from benefits.publishing.rules import evaluation


def test_a_limit_comes_after_its_rule_and_before_the_next() -> None:
    assert sorted(["R10", "R8b", "R9", "R8a", "R8"], key=evaluation._rule_order) == ["R8", "R8a", "R8b", "R9", "R10"]


@pytest.mark.parametrize("rule", ["", "8", "R", "Ra", "R8aa", "R8A", "R-1", "r8", "R8 "])
def test_another_id_is_refused_by_name(rule: str) -> None:
    with pytest.raises(ValueError, match="as R8 or R8a, not as"):
        evaluation._rule_order(rule)
