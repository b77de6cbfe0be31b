"""Time of a "no" at a venue by reason: `python -m loadtests.benchmarks.refusals`.

Every reason as often as the others, in random order, on each engine, one request after another through the whole
application. `--work` sends each answer at once, and so shows the work alone; without it answers are sent at whole steps
of time, as in service. A reason whose points must be computed first is made so before each request.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benefits.redemption import tickets
from consent.database import queries
from loadtests.benchmarks.turns import SPREAD_MAX
from service.api.venue import handlers
from service.demo import seed
from service.settings import Settings
from tests.support import servers
from tests.support.city import City, running_city
from tests.support.refusals import REASONS, no_longer_eligible
from tests.support.seeding import seed_database

CALLS = ("checks", "redemptions")
HANDLES_EACH = 5
"""Handles of each reason; a handle serves again, its count of checks set back."""
STALE = "no_longer_eligible, computed first"
WARMING = 50


async def handles_of(town: City) -> dict[str, list[str]]:
    """Handles by reason, the points of those that are not eligible any more computed."""
    by_reason = {
        reason: [await make(town, f"{reason.replace('_', '-')}-{number}") for number in range(HANDLES_EACH)]
        for reason, make in REASONS.items()
    }
    stale = [await no_longer_eligible(town, f"stale-{number}") for number in range(HANDLES_EACH)]
    for handle in by_reason["no_longer_eligible"]:
        await town.venue().post("/v1/venue/checks", {"handle": handle})
    return {**by_reason, STALE: stale}


async def timed(town: City, call: str, handles: dict[str, list[str]], count: int) -> dict[str, list[float]]:
    """Milliseconds of each request by reason, in random order."""
    chance, venue = random.Random(7), town.venue()
    order = [reason for reason in handles for _ in range(count)]
    chance.shuffle(order)
    taken: dict[str, list[float]] = {reason: [] for reason in handles}
    for number, reason in enumerate([*order[:WARMING], *order]):
        body = {"handle": handles[reason][number % HANDLES_EACH]}
        await queries.execute("UPDATE ticket SET checks = 0 WHERE checks > 0")
        if reason == STALE:
            await queries.execute(
                "DELETE FROM snapshot WHERE person_id = (SELECT person_id FROM ticket WHERE handle_index = $1)",
                tickets.index_of(town.app_context.keyring, body["handle"]),
            )
        began = time.perf_counter()
        answer = await venue.post(f"/v1/venue/{call}", body)
        milliseconds = (time.perf_counter() - began) * 1000
        assert answer.content == handlers.STANDARD_TERMS, (reason, answer.text)
        if number >= WARMING:
            taken[reason].append(milliseconds)
    return taken


def table(title: str, taken: dict[str, list[float]]) -> str:
    """A Markdown table of p10, median and p90 by reason, and the spread of the medians."""
    lines = [f"{title}, milliseconds", "", "| reason | p10 | median | p90 |", "|---|---|---|---|"]
    medians = []
    for reason, figures in taken.items():
        tenths = statistics.quantiles(figures, n=10)
        median = statistics.median(figures)
        lines.append(f"| {reason.replace('_', ' ')} | {tenths[0]:.2f} | {median:.2f} | {tenths[8]:.2f} |")
        # By its work alone it differs; the steps of time are for it.
        medians += [] if reason == STALE and handlers.NO_STEP_SECONDS < 0.001 else [median]
    spread = statistics.pstdev(medians) / statistics.median(medians)
    lines += ["", f"Spread of the medians {spread:.3f}{'' if spread <= SPREAD_MAX else ': they differ'}."]
    return "\n".join(lines)


async def measure(settings: Settings, folder: Path, engine: str, count: int) -> None:
    """Both calls on one engine; print a table each."""
    async with running_city(replace(settings, integrate_seconds=3_600), folder) as town:
        handles = await handles_of(town)
        for call in CALLS:
            print(table(f"{engine}, {call}", await timed(town, call, handles, count)), flush=True)
            print()


def main() -> None:
    """Measure on each engine, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=500)
    asked.add_argument("--work", action="store_true", help="send each answer at once")
    chosen = asked.parse_args()
    if chosen.work:
        handlers.NO_STEP_SECONDS = 1e-6
    with tempfile.TemporaryDirectory() as name, servers.postgres(durable=True, tuned=True) as server:
        folder = Path(name)
        for engine in ("SQLite", "PostgreSQL"):
            settings = seed.settings_of(folder)
            if engine == "PostgreSQL":
                settings = replace(settings, database_url=server.create())
            asyncio.run(seed_database(settings))
            asyncio.run(measure(settings, folder, engine, chosen.count))


if __name__ == "__main__":
    main()
