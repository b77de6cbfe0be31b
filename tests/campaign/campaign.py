"""The sequence of a campaign: a fault, recovery, comparison, and the table of all."""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.city import Machine
from tests.campaign.fault import Fault
from tests.campaign.oracle import Findings, unexpected
from tests.campaign.scene import Scene

BEFORE, AFTER = 6, 12
"""Acknowledged writes before a fault strikes and after it is over."""


@dataclass
class Row:
    """The figures of one fault."""

    runs: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    recovered_seconds: list[float] = field(default_factory=list)


class Campaign:
    """Strikes faults in cities, one after another, and adds up their figures."""

    def __init__(self, shared: Machine, seed: int, chance: random.Random, rounds_per_city: int, verbose: bool) -> None:
        self.machine, self.seed, self.chance = shared, seed, chance
        self.rounds_per_city, self.verbose = rounds_per_city, verbose
        self.rows: dict[str, Row] = defaultdict(Row)
        self.differences: list[str] = []
        self.checkpoints = 0

    async def run(self, possible: list[Fault], deadline: float, rounds: int) -> None:
        """Strike faults until the deadline (monotonic) or so many rounds; a difference ends the city."""
        done = number = 0
        while time.monotonic() < deadline and (not rounds or done < rounds):
            number += 1
            scene = Scene(self.machine, self.seed, number, Path(self.machine.folder), self._processes())
            try:
                await scene.begin()
                for _ in range(self.rounds_per_city):
                    if time.monotonic() > deadline or (rounds and done >= rounds):
                        break
                    (fault,) = self.chance.choices(possible, [fault.weight for fault in possible])
                    done += 1
                    if await self._strike(scene, fault, random.Random(f"{self.seed}.{done}")):
                        break
            finally:
                self.checkpoints += scene.witness.seen
                await scene.close()

    def _processes(self) -> int:
        return 1 if self.machine.engine == "sqlite" else 2

    async def _strike(self, scene: Scene, fault: Fault, chance: random.Random) -> bool:
        """Strike one fault; return True when something is wrong afterwards, or the city must not be used again."""
        before = scene.journal.acknowledged
        name, over = fault.name, time.monotonic()
        try:
            scene.act()
            await scene.until_acknowledged(chance.randint(1, BEFORE))
            name = await fault.strike(scene, chance) or name
            over, reached = time.monotonic(), scene.journal.acknowledged
            if scene.findings is None:
                await scene.until_acknowledged(AFTER, reached)
            scene.differences += await scene.rest()
            findings = scene.findings or await scene.check()
        except Exception as error:
            scene.differences += [f"{type(error).__name__}: {error}", *await scene.rest()]
            findings = Findings()
        row = self.rows[name]
        row.runs += 1
        row.acknowledged += scene.journal.acknowledged - before
        row.lost += len(findings.lost)
        row.doubled += len(findings.doubled)
        recovered = scene.journal.first_after(over)
        if scene.recovered_seconds is not None:
            row.recovered_seconds.append(scene.recovered_seconds)
        elif recovered is not None:
            row.recovered_seconds.append(recovered - over)
        wrong = [*scene.differences, *findings.all, *unexpected(scene.journal)]
        self.differences += [f"{fault.name} (city {scene.number}): {text}" for text in wrong]
        if self.verbose:
            print(f"{sum(row.runs for row in self.rows.values()):5} {fault.name}: {wrong or 'ok'}", flush=True)
        return bool(wrong) or fault.ends_city

    def not_run(self, possible: list[Fault]) -> list[str]:
        """Return the names of the faults that could have struck and never did."""
        return [fault.name for fault in possible if fault.name not in self.rows]

    def table(self) -> str:
        """Return the figures as a Markdown table."""
        lines = [
            "| fault | runs | acknowledged | lost | doubled | recovered in (s), p50 | max |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for name, row in sorted(self.rows.items()):
            seconds = row.recovered_seconds or [0.0]
            lines.append(
                f"| {name} | {row.runs} | {row.acknowledged:,} | {row.lost} | {row.doubled} |"
                f" {statistics.median(seconds):.2f} | {max(seconds):.2f} |"
            )
        rows = list(self.rows.values())
        runs, acknowledged = sum(row.runs for row in rows), sum(row.acknowledged for row in rows)
        lost, doubled = sum(row.lost for row in rows), sum(row.doubled for row in rows)
        lines.append(f"| all | {runs} | {acknowledged:,} | {lost} | {doubled} | | |")
        return "\n".join([*lines, "", f"{self.checkpoints} pairs of checkpoints proven consistent."])
