"""Discrete Laplace noise from OpenDP, which makes counts differentially private.

A count with noise of scale b changes by a factor of at most exp(1 / b) in probability when one person comes or goes;
for `per_person` changes and scale `per_person` / epsilon that is exp(epsilon). OpenDP samples from the system's secure
random source in exact arithmetic, without the floating-point leaks of a hand-made sampler.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

MILLI = 1000
"""Thousandths in a whole epsilon: epsilon is an integer of thousandths, so that sums of a budget are exact."""
OUTSIDE = 20
"""One noisy count in twenty lies further from the truth than `give_or_take` says."""
SUM_FACTOR = 2.06
"""Standard deviations that 19 of 20 sums of Laplace noise stay within: the normal 1.96, and a twentieth for sums of few
parts, whose tails are heavier (2.055 for two)."""
CHANCE_HITS = 20
"""One noisy answer in twenty has an empty cell that reaches `noise_floor`."""

Sampler = Callable[[Sequence[int], int, int], list[int]]
"""(counts, per_person, epsilon in thousandths) → noisy counts. Tests pass a weaker one to prove that noise matters."""


def add_noise(counts: Sequence[int], per_person: int, epsilon_milli: int) -> list[int]:
    """Return the counts with independent noise each; negative ones are possible.

    `per_person` is the most by which one person changes the sum of all counts, `epsilon_milli` the loss of privacy.
    The first call in a process imports OpenDP, about 0.3 s and 26 MB; await `load` before, off the event loop.
    """
    mechanism = _mechanism(scale_of(per_person, epsilon_milli))
    # The library's own proof for this scale; its result is rounded up by less than a billionth.
    if mechanism.map(per_person) > epsilon_milli / MILLI * (1 + 1e-9):
        raise ValueError("the noise is too small for the epsilon")
    return [int(noisy) for noisy in mechanism([int(count) for count in counts])]


async def load() -> None:
    """Import OpenDP on another thread unless this process has it already: servers start without it."""
    await asyncio.to_thread(_mechanism, 1.0)


def scale_of(per_person: int, epsilon_milli: int) -> float:
    """Return the scale of the noise: the mean distance from the truth, nearly."""
    return per_person * MILLI / epsilon_milli


def give_or_take(per_person: int, epsilon_milli: int) -> int:
    """Return the distance from the truth that nineteen of twenty noisy counts stay within."""
    return math.ceil(scale_of(per_person, epsilon_milli) * math.log(OUTSIDE))


def give_or_take_of_sum(parts: int, per_person: int, epsilon_milli: int) -> int:
    """Return the distance from the truth that nineteen of twenty sums of so many noisy counts stay within."""
    if parts <= 1:
        return give_or_take(per_person, epsilon_milli)
    return math.ceil(SUM_FACTOR * scale_of(per_person, epsilon_milli) * math.sqrt(2 * parts))


def noise_floor(cells: int, per_person: int, epsilon_milli: int) -> int:
    """Return the count that an empty cell reaches by noise alone in one of CHANCE_HITS answers of so many cells."""
    return math.ceil(scale_of(per_person, epsilon_milli) * math.log(max(cells, 1) * CHANCE_HITS / 2))


@lru_cache(maxsize=16)
def _mechanism(scale: float) -> Any:
    from opendp.domains import atom_domain, vector_domain
    from opendp.measurements import make_geometric
    from opendp.metrics import l1_distance
    from opendp.mod import enable_features

    # OpenDP asks for this word before it gives out measurements whose proofs are not all reviewed yet.
    enable_features("contrib")
    return make_geometric(vector_domain(atom_domain(T="i64")), l1_distance(T="i64"), scale=scale)
