"""Figures of several ways of doing the same, taken in turns, and when they count.

A machine that others share is quick one minute and slow the next, so each round has every way once. If the figures
of one way spread by more than SPREAD_MAX the comparison is void, and it is repeated up to TRIES times.
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
        """Return the median figure of a way."""
        return statistics.median(self.figures[way])

    def spread_of(self, way: str) -> float:
        """Return the standard deviation of a way's figures, as a share of their median."""
        return statistics.pstdev(self.figures[way]) / self.median(way)

    @property
    def spread(self) -> float:
        """The largest spread of any way."""
        return max(self.spread_of(way) for way in self.figures)

    @property
    def valid(self) -> bool:
        """True if every spread is small enough for the comparison to count."""
        return self.spread <= SPREAD_MAX

    def verdict(self) -> dict[str, Any]:
        """Return the members for a report: the spread, validity, and the number of void tries before."""
        return {"spread": round(self.spread, 3), "valid": self.valid, "voided": self.voided}


def tries() -> Iterator[Turns]:
    """A new `Turns` to fill, and another while the one before came out void, TRIES at most; the last one counts."""
    for number in range(TRIES):
        turns = Turns(voided=number)
        yield turns
        if turns.valid:
            return
