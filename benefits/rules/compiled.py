"""A condition made ready to be decided many times, always with its full trace: what the person has, and what is met.

The points are fetched and compared in one step each, so that saying why costs no more than deciding; the lines that
people read are made of the trace when somebody reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from operator import ge, itemgetter
from typing import NamedTuple

from benefits.rules import conditions
from benefits.rules.conditions import All, AtLeast, Condition, ConditionLine

PointsByMeasure = Mapping[str, int]
"""Points by measure; a measure that is absent counts as none."""
Met = tuple[bool, ...]


class Trace(NamedTuple):
    """A decision and why: for every "at least", in the condition's own order, what there is and whether it is met."""

    applies: bool
    have: tuple[int, ...]
    met: Met


class Rule:
    """A condition, compiled: its thresholds as columns, and `decide`, which takes a Standing and gives the Trace."""

    __slots__ = ("condition", "decide", "measures", "thresholds")

    def __init__(self, condition: Condition) -> None:
        leaves = tuple(conditions.leaves(condition))
        self.condition = condition
        self.measures = tuple(leaf.measure for leaf in leaves)
        self.thresholds = tuple(leaf.at_least for leaf in leaves)
        self.decide = _decider(self.measures, self.thresholds, _verdict(condition, count()))

    def applies(self, standing: PointsByMeasure) -> bool:
        """The decision alone."""
        return self.decide(standing).applies

    def lines(self, trace: Trace) -> list[ConditionLine]:
        """A trace of this rule as people read it."""
        return list(map(ConditionLine, self.measures, self.thresholds, trace.have, trace.met))


def _decider(
    measures: tuple[str, ...], thresholds: tuple[int, ...], verdict: Callable[[Met], bool]
) -> Callable[[PointsByMeasure], Trace]:
    # A getter of one item would return it bare.
    fetch = itemgetter(*measures) if len(measures) > 1 else lambda standing: (standing[measures[0]],)
    make = Trace._make

    def decide(standing: PointsByMeasure) -> Trace:
        try:
            have = fetch(standing)
        except KeyError:
            have = tuple(standing.get(measure, 0) for measure in measures)
        met = tuple(map(ge, have, thresholds))
        return make((verdict(met), have, met))

    return decide


def _verdict(condition: Condition, places: Iterator[int]) -> Callable[[Met], bool]:
    """Whether the condition holds, given which of its leaves, counted in its own order, are met."""
    if isinstance(condition, AtLeast):
        return itemgetter(next(places))
    settling = not isinstance(condition, All)  # the verdict of one part that settles the whole
    if all(isinstance(part, AtLeast) for part in condition.parts):
        numbers = [next(places) for _ in condition.parts]
        leaves = slice(numbers[0], numbers[-1] + 1)
        return (lambda met: True in met[leaves]) if settling else (lambda met: False not in met[leaves])
    parts = tuple(_verdict(part, places) for part in condition.parts)

    def settled(met: Met) -> bool:
        for part in parts:
            if part(met) is settling:
                return settling
        return not settling

    return settled
