"""Turns of the services at full and at half load, and the ratios of their processor time within each round."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtests.benchmarks.peers import load
from loadtests.benchmarks.peers.kinds import STATUS, Senders
from loadtests.benchmarks.peers.services import OURS, Running
from loadtests.benchmarks.turns import Turns

WARM_UP_REQUESTS = 200
REQUESTS_MIN = 60
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds, turns of each service in a round, seconds of a turn, and tries while ratios spread too far."""

    rounds: int
    slices: int
    seconds: float
    tries: int


@dataclass(slots=True)
class Figures:
    """Figures of one try, by service and load: microseconds a request, requests a second, latencies in seconds."""

    cpu: Turns = field(default_factory=Turns)
    rate: Turns = field(default_factory=Turns)
    ratio: Turns = field(default_factory=Turns)
    latencies: dict[str, list[float]] = field(default_factory=dict)


def compare(kind: str, started: Sequence[Running], senders: Senders, plan: Plan) -> dict[str, Any]:
    """Measure a kind of request on every service; return medians, ratios to ours, spreads and latencies.

    A try is void when the ratios of the rounds spread by more than a tenth, and repeated `plan.tries` times at most.
    """
    rates = {running.name: _warm_up(kind, running, senders, plan) for running in started}
    figures = Figures()
    for figures in _tries(plan.tries):
        for _ in range(plan.rounds):
            _round(kind, started, senders, plan, (figures, rates))
    return _summary(figures, [running.name for running in started])


def _tries(most: int) -> Iterator[Figures]:
    for number in range(most):
        figures = Figures(ratio=Turns(voided=number))
        yield figures
        if not figures.ratio.figures or figures.ratio.valid:
            return


def _warm_up(kind: str, running: Running, senders: Senders, plan: Plan) -> float:
    """Return the requests a second at full load, measured after a first turn that fills caches."""
    driven = load.full(running.port, senders.prepare(kind, running, WARM_UP_REQUESTS), STATUS[kind])
    longer = max(REQUESTS_MIN, round(WARM_UP_REQUESTS / driven.seconds * plan.seconds))
    driven = load.full(running.port, senders.prepare(kind, running, longer), STATUS[kind])
    return longer / driven.seconds


def _round(
    kind: str, started: Sequence[Running], senders: Senders, plan: Plan, results: tuple[Figures, dict[str, float]]
) -> None:
    """Give every service its turns at both loads, alternating, and add their means and ratios."""
    figures, rates = results
    costs: dict[tuple[str, str], list[float]] = {}
    speeds: dict[str, list[float]] = {}
    for _ in range(plan.slices):
        for running in started:
            name, rate = running.name, rates[running.name]
            count = max(REQUESTS_MIN, round(rate * plan.seconds))
            micros, driven = _turn(kind, running, senders, count, None)
            costs.setdefault((name, "full"), []).append(micros)
            speeds.setdefault(name, []).append(count / driven.seconds)
            micros, driven = _turn(kind, running, senders, max(REQUESTS_MIN, count // 2), HALF * rate)
            costs.setdefault((name, "half"), []).append(micros)
            figures.latencies.setdefault(name, []).extend(driven.latencies)
    means = {key: statistics.fmean(values) for key, values in costs.items()}
    for (name, level), micros in means.items():
        figures.cpu.add(f"{name} {level}", micros)
        if name != OURS and (OURS, level) in means:
            figures.ratio.add(f"{name} {level}", micros / means[OURS, level])
    for name, values in speeds.items():
        figures.rate.add(name, statistics.fmean(values))
        rates[name] = statistics.median(figures.rate.figures[name])


def _turn(kind: str, running: Running, senders: Senders, count: int, rate: float | None) -> tuple[float, load.Driven]:
    """Drive one turn, at `rate` a second or as fast as it goes; return microseconds a request and what was driven."""
    requests = senders.prepare(kind, running, count)
    before = running.cpu_seconds()
    if rate is None:
        driven = load.full(running.port, requests, STATUS[kind])
    else:
        driven = load.paced(running.port, requests, STATUS[kind], rate)
    micros = (running.cpu_seconds() - before) / count * 1e6
    senders.verify(kind, running, count)
    return micros, driven


def _summary(figures: Figures, names: Sequence[str]) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name in names:
        full, half = f"{name} full", f"{name} half"
        latencies = sorted(figures.latencies[name])
        summary[name] = {
            "full_us": round(figures.cpu.median(full)),
            "half_us": round(figures.cpu.median(half)),
            "spread_us": round(max(figures.cpu.spread_of(full), figures.cpu.spread_of(half)), 3),
            "half_to_full": round(_median_ratio(figures.cpu, half, full), 2),
            "requests_a_second": round(figures.rate.median(name)),
            "half_p50_ms": _milliseconds(latencies, 0.5),
            "half_p99_ms": _milliseconds(latencies, 0.99),
            "half_max_ms": _milliseconds(latencies, 1.0),
        }
        if full in figures.ratio.figures:
            summary[name] |= {
                "ratio": round(figures.ratio.median(full), 2),
                "spread": round(figures.ratio.spread_of(full), 3),
                "ratio_half": round(figures.ratio.median(half), 2),
                "spread_half": round(figures.ratio.spread_of(half), 3),
            }
    # Ratios within a round share its moments of a slow machine; without a peer the figures themselves must agree.
    compared = figures.ratio if figures.ratio.figures else figures.cpu
    return {"services": summary, **compared.verdict()}


def _median_ratio(turns: Turns, over: str, under: str) -> float:
    pairs = zip(turns.figures[over], turns.figures[under], strict=True)
    return statistics.median(numerator / denominator for numerator, denominator in pairs)


def _milliseconds(latencies: Sequence[float], share: float) -> float:
    return round(latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1e3, 2)
