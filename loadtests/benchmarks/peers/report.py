"""The goals of the comparison and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadtests.benchmarks.peers.kinds import LABELS, NO, READ, REPLAY, UNKNOWN, YES
from loadtests.benchmarks.peers.services import OURS, SERVICES

LEAST_RATIOS = {
    "sqlalchemy": {READ: 5.0, YES: 8.0},
    "asyncpg": {READ: 1.8, YES: 1.8},
    "django": {READ: 12.0, YES: 12.0},
    "fastify": {READ: 0.6, YES: 1.5},
}
"""Least processor time of a peer's request, as a multiple of ours. A read costs Fastify less than it costs us."""
NO_MOST, HALF_MOST = 1.3, 1.4


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal and its figure; `valid` when the figure's spread is small enough to count."""

    name: str
    target: float
    measured: float
    at_least: bool
    valid: bool

    @property
    def reached(self) -> bool:
        """Return whether the figure reaches the goal."""
        return self.measured >= self.target if self.at_least else self.measured <= self.target


def goals(measured: Mapping[str, Any]) -> list[Goal]:
    """Return the goals whose kinds of request and services were measured."""
    return [*_peer_goals(measured["kinds"]), *_own_goals(measured["kinds"])]


def text(measured: Mapping[str, Any]) -> str:
    """Return tables of all figures and of the goals."""
    return "\n".join([*_tables(measured["kinds"]), *_goal_lines(goals(measured))])


def _peer_goals(kinds: Mapping[str, Any]) -> Iterator[Goal]:
    labels = {service.name: service.label for service in SERVICES}
    for name, ratios in LEAST_RATIOS.items():
        for kind, least in ratios.items():
            figures = kinds.get(kind, {}).get("services", {}).get(name, {})
            if "ratio" in figures:
                yield Goal(f"{labels[name]}, {LABELS[kind]}", least, figures["ratio"], True, kinds[kind]["valid"])


def _own_goals(kinds: Mapping[str, Any]) -> Iterator[Goal]:
    ours = {kind: figures["services"][OURS] for kind, figures in kinds.items() if OURS in figures["services"]}
    for kind in (NO, UNKNOWN, REPLAY):
        if kind in ours and YES in ours:
            valid = all(kinds[name].get("valid", False) for name in (kind, YES))
            ratio = round(ours[kind]["full_us"] / ours[YES]["full_us"], 2)
            yield Goal(f'ours, {LABELS[kind]}, to a "yes"', NO_MOST, ratio, False, valid)
    for kind in (READ, YES):
        if kind in ours:
            name = f"ours, {LABELS[kind]}, half load to full"
            yield Goal(name, HALF_MOST, ours[kind]["half_to_full"], False, kinds[kind].get("valid", False))


def _tables(kinds: Mapping[str, Any]) -> Iterator[str]:
    heads = ("full µs", "half µs", "× ours", "spread", "× half", "spread", "req/s", "p50 ms", "p99 ms", "max ms")
    names = (
        "full_us", "half_us", "ratio", "spread", "ratio_half", "spread_half", "requests_a_second", "half_p50_ms",
        "half_p99_ms", "half_max_ms",
    )  # fmt: skip
    labels = {service.name: service.label for service in SERVICES}
    for kind, figures in kinds.items():
        mark = "" if figures.get("valid", True) else "  (void: ratios spread by more than a tenth)"
        yield f"\n{LABELS[kind]}{mark}"
        yield f"{'':26}" + "".join(f"{head:>9}" for head in heads)
        for name, row in figures["services"].items():
            yield f"{labels[name]:26}" + "".join(f"{row.get(column, ''):>9}" for column in names)


def _goal_lines(reached: list[Goal]) -> Iterator[str]:
    yield f"\n{'goal':58} {'target':>8} {'measured':>9}"
    for goal in reached:
        verdict = ("reached" if goal.reached else "not reached") + ("" if goal.valid else ", void")
        yield f"{goal.name:58} {'≥' if goal.at_least else '≤'} {goal.target:6g} {goal.measured:9g} {verdict}"
