"""The normal form of a condition: two conditions that are written otherwise and mean the same have the same one."""

from __future__ import annotations

from benefits.rules import lints
from benefits.rules.conditions import Condition
from benefits.rules.lints import Box


def normal_form(condition: Condition, step: int = 1) -> tuple[Box, ...]:
    """Return the lower bounds of which one box must hold, with each threshold raised to the next multiple of `step`.

    Order, repetition, nesting and parts that another part implies make no difference. A total below the sum of the
    dimensions that are needed with it is raised to that sum.
    """
    boxes = [tuple(raised_to(bound, step) for bound in box) for box in lints.boxes(condition)]
    return tuple(sorted(lints.least((*bounds, max(total, sum(bounds))) for *bounds, total in boxes)))


def raised_to(at_least: int, step: int) -> int:
    """Return the threshold raised to the next multiple of `step`."""
    return -(-at_least // step) * step
