"""Compile a condition once and decide it for many persons, always with its full trace.

Points are fetched and compared in one C-level step each, so that the trace costs no more than the bare decision. The
lines that people read are built from the trace only when somebody reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from operator import ge, itemgetter
from typing import NamedTuple

from benefits.rules import conditions
from benefits.rules.conditions import All, AtLeast, Condition, ConditionLine

PointsByMeasure = Mapping[str, int]
"""Points by measure (total or a dimension); an absent measure counts as 0."""
Met = tuple[bool, ...]


class Trace(NamedTuple):
    """A decision with its reasons: for every "at least", in the condition's order, the points and if they suffice."""

    applies: bool
    have: tuple[int, ...]
    met: Met


class Rule:
    """A compiled condition: `decide` takes points by measure and returns a `Trace`."""

    __slots__ = ("condition", "decide", "measures", "thresholds")

    def __init__(self, condition: Condition) -> None:
        leaves = tuple(conditions.leaves(condition))
        self.condition = condition
        self.measures = tuple(leaf.measure for leaf in leaves)
        self.thresholds = tuple(leaf.at_least for leaf in leaves)
        self.decide = _decider(self.measures, self.thresholds, _verdict(condition, count()))

    def applies(self, points: PointsByMeasure) -> bool:
        """Return the decision without the trace."""
        return self.decide(points).applies

    def lines(self, trace: Trace) -> list[ConditionLine]:
        """Return a trace of this rule as one line for each "at least"."""
        return list(map(ConditionLine, self.measures, self.thresholds, trace.have, trace.met))


def _decider(
    measures: tuple[str, ...], thresholds: tuple[int, ...], verdict: Callable[[Met], bool]
) -> Callable[[PointsByMeasure], Trace]:
    # itemgetter of a single key returns the value itself, not a tuple.
    fetch = itemgetter(*measures) if len(measures) > 1 else lambda points: (points[measures[0]],)
    make = Trace._make

    def decide(points: PointsByMeasure) -> Trace:
        try:
            have = fetch(points)
        except KeyError:
            have = tuple(points.get(measure, 0) for measure in measures)
        met = tuple(map(ge, have, thresholds))
        return make((verdict(met), have, met))

    return decide


def _verdict(condition: Condition, leaf_numbers: Iterator[int]) -> Callable[[Met], bool]:
    """Return a function from the met flags of all leaves, in the condition's order, to the verdict."""
    if isinstance(condition, AtLeast):
        return itemgetter(next(leaf_numbers))
    # A part with this verdict decides the whole: False in `all`, True in `any`.
    settling = not isinstance(condition, All)
    if all(isinstance(part, AtLeast) for part in condition.parts):
        numbers = [next(leaf_numbers) for _ in condition.parts]
        leaves = slice(numbers[0], numbers[-1] + 1)
        return (lambda met: True in met[leaves]) if settling else (lambda met: False not in met[leaves])
    parts = tuple(_verdict(part, leaf_numbers) for part in condition.parts)

    def settled(met: Met) -> bool:
        for part in parts:
            if part(met) is settling:
                return settling
        return not settling

    return settled
