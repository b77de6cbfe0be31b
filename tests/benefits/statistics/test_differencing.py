"""ADV-70 a thousand times: an attacker who knows everybody but one person learns no more than epsilon allows.

The attacker owns every account of the population but the neighbour's, and knows that the neighbour has either 40 points
or 100. All the simulations of a week are spent on the difference: each asks for a threshold that only the neighbour can
decide, spelled so that the service takes it for a new question. The guess is the more likely of the two worlds, the
best that anybody can do with these answers. Advantage is twice the share of right guesses, less one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import pytest

from benefits.statistics import noise, releases
from benefits.statistics.noise import Sampler
from benefits.statistics.privacy_budget import ALLOWANCES, WEEK_EPSILON_MILLI, ReleaseKind
from consent.domain import small_cells
from consent.domain.exact_counts import ExactCounts

pytestmark = pytest.mark.slow
RUNS = 1_000
PEOPLE = 1_000
SIMULATIONS = ALLOWANCES[ReleaseKind.SIMULATIONS]
QUESTIONS = SIMULATIONS.share_milli // SIMULATIONS.cost_milli
FALSE_ALARM = 1e-6
"""The odds at which these tests may fail although the noise is right."""


def advantage_bound(epsilon: float) -> float:
    """Return the most advantage over a tossed coin that epsilon allows: tanh(epsilon / 2)."""
    return math.tanh(epsilon / 2)


def most_right(runs: int, chance: float) -> int:
    """Return the number of right guesses that is exceeded with odds below FALSE_ALARM, by the exact binomial tail."""
    tail = 0.0
    for right in range(runs, 0, -1):
        log = math.lgamma(runs + 1) - math.lgamma(right + 1) - math.lgamma(runs - right + 1)
        tail += math.exp(log + right * math.log(chance) + (runs - right) * math.log1p(-chance))
        if tail > FALSE_ALARM:
            return right
    raise AssertionError("unreachable")


def weighed(answers: Sequence[int | None], without: int) -> float:
    """Return how much more likely the answers are with the neighbour among those counted, as a log ratio."""
    scale = noise.scale_of(SIMULATIONS.per_person, SIMULATIONS.cost_milli)
    return sum((abs(count - without) - abs(count - without - 1)) / scale for count in answers if count is not None)


def right_guesses(sampler: Sampler) -> dict[str, int]:
    """Return the number of right guesses in RUNS weeks, from the noisy answers and from those that are shown."""
    random, right = Random(70), {"noisy": 0, "shown": 0}
    without = PEOPLE // 2
    for _ in range(RUNS):
        neighbour_has_100 = random.random() < 0.5
        exact = ExactCounts(dict.fromkeys(map(str, range(QUESTIONS)), without + neighbour_has_100), 1)
        noisy = list(releases.noisy(exact, ReleaseKind.SIMULATIONS, sampler).values())
        shown = [small_cells.suppress([count, PEOPLE - count])[0] for count in noisy]
        for name, answers in (("noisy", noisy), ("shown", shown)):
            ratio = weighed(answers, without)
            guess = random.random() < 0.5 if ratio == 0 else ratio > 0
            right[name] += guess == neighbour_has_100
    return right


def no_noise(counts: Sequence[int], _: int, __: int) -> list[int]:
    """The mutation: noise of scale zero."""
    return list(counts)


BOUND = most_right(RUNS, (1 + advantage_bound(QUESTIONS * SIMULATIONS.cost_milli / noise.MILLI)) / 2)


def test_adv_70_a_thousand_attacks_gain_no_more_than_epsilon_allows() -> None:
    assert QUESTIONS == 20
    # Epsilon 0.25: at most 56.2 % of the guesses are right on average, and in 1,000 runs no more than about 640.
    assert 0.123 < advantage_bound(0.25) < 0.125
    assert 620 < BOUND < 650
    right = right_guesses(noise.add_noise)
    assert right["noisy"] <= BOUND
    assert right["shown"] <= BOUND


def test_without_noise_the_same_attack_always_wins() -> None:
    assert right_guesses(no_noise)["noisy"] == RUNS > BOUND


def test_with_a_fiftieth_of_the_noise_the_attack_is_seen() -> None:
    def weak(counts: Sequence[int], per_person: int, epsilon_milli: int) -> list[int]:
        return noise.add_noise(counts, per_person, epsilon_milli * 50)

    assert right_guesses(weak)["noisy"] > BOUND


def test_the_whole_week_allows_less_than_half_an_advantage() -> None:
    assert advantage_bound(WEEK_EPSILON_MILLI / noise.MILLI) < 0.47
