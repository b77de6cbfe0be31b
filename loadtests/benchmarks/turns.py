"""Figures of several ways of doing the same, taken in turns, and when they count.

A machine that others share is quick one minute and slow the next, so each round has every way once. Where the figures
of one way spread by more than SPREAD_MAX the comparison is void, and it is made anew up to TRIES times.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SPREAD_MAX = 0.10
"""Of the standard deviation to the median."""
TRIES = 3


@dataclass(slots=True)
class Turns:
    """The figures of one try, by way, in the order of the rounds."""

    voided: int = 0
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, figure: float) -> None:
        """One figure of one round."""
        self.figures.setdefault(way, []).append(figure)

    def median(self, way: str) -> float:
        """The middle figure of a way."""
        return statistics.median(self.figures[way])

    def spread_of(self, way: str) -> float:
        """How far the figures of a way lie apart."""
        return statistics.pstdev(self.figures[way]) / self.median(way)

    @property
    def spread(self) -> float:
        """The largest spread of any way."""
        return max(self.spread_of(way) for way in self.figures)

    @property
    def valid(self) -> bool:
        """Whether the comparison counts."""
        return self.spread <= SPREAD_MAX

    def verdict(self) -> dict[str, Any]:
        """What a report says of it: the spread, whether it counts, and how many tries before were void."""
        return {"spread": round(self.spread, 3), "valid": self.valid, "voided": self.voided}


def tries() -> Iterator[Turns]:
    """A new `Turns` to fill, and another while the one before came out void, TRIES at most; the last one counts."""
    for number in range(TRIES):
        turns = Turns(voided=number)
        yield turns
        if turns.valid:
            return
