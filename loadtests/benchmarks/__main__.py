"""All goals in one run: `python -m loadtests.benchmarks --json docs/performance.json`; `--plot FILE.svg` draws it.

Starts its own PostgreSQL (durable) and Redis, loads a population, and runs ours and the bare counterparts in turns.
Prints a table of goals and measurements; a comparison whose spread is above a tenth is repeated, and
marked void where it stays so. Other rule engines need `pip install -e '.[peers]'`, and are left out without.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from benefits.redemption import tickets
from loadtests.benchmarks import ingest, logs, recompute, routes, rules
from service.auth.access_tokens import Audience
from service.demo import seed
from tests.support import servers

CHECKS = 200_000
FROZEN = 200_000
"""Residents of the simulation."""
LOG_SECONDS = 8.0
PEERS = ("cel", "zen", "cedarpy")


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of a figure: `measured` at least or at most `bound`, in `unit`."""

    name: str
    unit: str
    bound: float
    measured: float
    at_least: bool
    valid: bool

    @property
    def reached(self) -> bool:
        """True if the figure reaches the goal."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound


def micros(work: Callable[[], object]) -> float:
    """Microseconds of one call, over CHECKS calls."""
    began = time.perf_counter()
    for _ in range(CHECKS):
        work()
    return (time.perf_counter() - began) / CHECKS * 1e6


def small_checks() -> dict[str, float]:
    """A token that was verified before, and what finds the ticket of a handle: microseconds each."""
    with tempfile.TemporaryDirectory() as name:
        settings, issuer = seed.settings_of(Path(name)), seed.issuer_of(Path(name))
        verifier, now = issuer.verifier(), datetime.now(UTC)
        token, handle = issuer.mint(Audience.RESIDENT, "resident-1", now=now), "0123456789abcdef" * 2
        verifier.verify(Audience.RESIDENT, token, now)
        return {
            "token check on a cache hit": round(micros(lambda: verifier.verify(Audience.RESIDENT, token, now)), 1),
            "verification of a handle": round(micros(lambda: tickets.index_of(settings.keyring, handle)), 1),
        }


async def batches(sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    """Everybody's points at each size."""
    with servers.postgres(durable=True, tuned=True) as server:
        return {str(size): await recompute.measure(server.create(), size, rounds) for size in sizes}


def engines(rounds: int) -> dict[str, Any] | None:
    """Compare other rule engines with ours, where they are installed."""
    if not all(importlib.util.find_spec(name) for name in PEERS):
        return None
    from loadtests.benchmarks import engines as benchmark

    return benchmark.run(rounds, 300)


def goals(figures: dict[str, Any]) -> list[Goal]:
    """The goals with what was measured, the largest size of each."""
    requests = list(figures["requests"].values())[-1]
    batch = list(figures["everybody"].values())[-1]
    read, redeem, process = requests["read my points"], requests["redeem a ticket"], requests["process"]
    taken, small, log, peers = figures["ingest"], figures["small"], figures["logs"], figures["engines"]
    others = [] if peers is None else [
        Goal("conditions with full trace, of the quickest other", "times", 1.0, peers["times_the_quickest_other"],
             True, peers["valid"]),
    ]  # fmt: skip
    return [
        Goal("read my points, of a bare route", "ratio", 0.85, read["ratio"], True, read["valid"]),
        Goal("redeem a ticket, of a bare route", "ratio", 0.70, redeem["ratio"], True, redeem["valid"]),
        Goal("token check on a cache hit", "µs", 15, small["token check on a cache hit"], False, True),
        Goal("ingest through the gate, of bare COPY", "ratio", 0.50, taken["ratio"], True, taken["valid"]),
        Goal("everybody's points, to hand SQL", "times", 1.3, batch["ratio"], False, batch["valid"]),
        Goal("everybody's points, of an ORM loop", "times", 50, batch["times_the_orm"], True, batch["valid"]),
        *others,
        Goal("20 simulations of 200,000 residents", "s", 2, figures["simulations_seconds"], False, True),
        Goal("consent events with the logs, of without", "ratio", 0.95, log["ratio"], True, log["valid"]),
        Goal("one process ready", "s", 2, process["ready_seconds"], False, True),
        Goal("one process's resident memory", "MiB", 120, process["resident_mib"], False, True),
    ]


def table(goals_reached: Sequence[Goal]) -> str:
    """The goals as lines of text."""
    lines = [f"{'':50} {'wanted':>10} {'measured':>10}"]
    for goal in goals_reached:
        verdict = ("reached" if goal.reached else "not reached") + ("" if goal.valid else ", void")
        sign = "≥" if goal.at_least else "≤"
        lines.append(f"{goal.name:50} {sign} {goal.bound:8g} {goal.measured:10g} {goal.unit:6} {verdict}")
    return "\n".join(lines)


def plot(goals_reached: Sequence[Goal]) -> str:
    """Each figure as a share of what was wanted, as an SVG: beyond the line is better than wanted."""
    row, left, scale, most = 30, 350, 160, 2.6
    height = row * len(goals_reached) + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" font-family="sans-serif" font-size="14">',
        "<title>What was measured against what was wanted</title>",
        f'<rect width="900" height="{height}" fill="#ffffff"/>',
    ]
    for place, goal in enumerate(goals_reached):
        better = goal.measured / goal.bound if goal.at_least else goal.bound / max(goal.measured, 1e-9)
        y, width = 10 + place * row, min(better, most) * scale
        fill = "#2f6f4f" if goal.reached else "#8a8a8a"
        label = f"{goal.measured:g} {goal.unit} ({'≥' if goal.at_least else '≤'} {goal.bound:g})"
        parts.append(f'<text x="{left - 10}" y="{y + 17}" text-anchor="end">{escape(goal.name)}</text>')
        parts.append(f'<rect x="{left}" y="{y + 3}" width="{width:.0f}" height="20" fill="{fill}"/>')
        parts.append(f'<text x="{left + min(width, 2.2 * scale) + 8:.0f}" y="{y + 17}">{escape(label)}</text>')
    line = left + scale
    parts.append(f'<line x1="{line}" x2="{line}" y1="5" y2="{height - 35}" stroke="#000000" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{line}" y="{height - 15}" text-anchor="middle">as wanted</text></svg>')
    return "\n".join(parts) + "\n"


def main() -> None:
    """Run, print, write."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--population", type=int, nargs="*", default=[10_000, 1_000_000])
    asked.add_argument("--records", type=int, default=1_000_000, help="of the delivery")
    asked.add_argument("--batch", type=int, nargs="*", default=[400_000, 4_000_000])
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--json", type=Path)
    asked.add_argument("--plot", type=Path)
    chosen = asked.parse_args()
    steps: dict[str, Callable[[], Any]] = {
        "small": small_checks,
        "requests": lambda: routes.run(200, chosen.population, chosen.rounds, 6_000),
        "ingest": lambda: ingest.run(chosen.records, max(3, chosen.rounds // 2)),
        "everybody": lambda: asyncio.run(batches(chosen.batch, chosen.rounds)),
        "engines": lambda: engines(chosen.rounds),
        "simulations_seconds": lambda: round(rules.simulation_seconds(FROZEN), 2),
        "logs": lambda: logs.run(LOG_SECONDS),
    }
    figures: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="minutes")}
    for name, step in steps.items():
        figures[name] = step()
        # The whole takes most of an hour: each figure is printed and stored at once.
        print(name, json.dumps(figures[name]), file=sys.stderr, flush=True)
        if chosen.json:
            chosen.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    measured = goals(figures)
    print(table(measured))
    if chosen.plot:
        chosen.plot.write_text(plot(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
