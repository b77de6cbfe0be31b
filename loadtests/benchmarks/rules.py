"""Conditions and simulations: `python -m loadtests.benchmarks.rules`.

1. Decisions with their full trace, and the lines people read, of 100 conditions over 1,000 people, a second.
2. Lints: whether any of 100 conditions implies another, all pairs.
3. Simulation of 20 benefits over 200,000 residents' frozen points on PostgreSQL, with noise, budget and stored answers;
   the import of OpenDP, once a process, is counted in.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import UTC
from random import Random

import asyncpg

from benefits.rules import conditions, lints
from benefits.rules.compiled import Rule
from benefits.rules.conditions import Condition
from benefits.statistics import population, simulation, weeks
from consent.database import queries
from service.storage import database
from tests.support import servers

CAP = 200


def generated(random: Random, depth: int) -> Condition:
    """A condition of up to `depth` levels."""
    if depth == 0 or random.random() < 0.3:
        measure = random.choice(population.MEASURES)
        return conditions.AtLeast(measure, random.randint(1, 1_000 if measure == conditions.TOTAL else CAP))
    parts = tuple(generated(random, depth - 1) for _ in range(random.randint(1, 4)))
    return random.choice((conditions.All, conditions.Any))(parts)


def people(random: Random, count: int) -> list[tuple[int, ...]]:
    """Points by MEASURES, the total first."""
    persons = []
    for _ in range(count):
        points = [random.randint(0, CAP) for _ in population.MEASURES[1:]]
        persons.append((sum(points), *points))
    return persons


def evaluate(drawn: list[Condition], rows: list[tuple[int, ...]]) -> dict[str, float]:
    """Evaluations a second, by way."""
    haves = [dict(zip(population.MEASURES, row, strict=True)) for row in rows]
    rates = {}
    rules = [Rule(condition) for condition in drawn]
    for way in ("decided with full trace", "and lines for people"):
        began = time.perf_counter()
        for rule in rules:
            for have in haves:
                decided = rule.decide(have)
                if way == "and lines for people":
                    rule.lines(decided)
        rates[way] = len(drawn) * len(haves) / (time.perf_counter() - began)
    return rates


async def simulate(url: str, drawn: list[Condition], rows: list[tuple[int, ...]]) -> float:
    """Seconds for one simulation of each condition, as the API runs it: a transaction each."""
    await database.open_database(url)
    try:
        await database.migrate_all()
        connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
        no_deeds = [0] * len(population.KINDS)
        week = weeks.week_at(await queries.now(), UTC)
        await connection.copy_records_to_table(
            "frozen_points",
            columns=("week", "place", *population.MEASURES, *population.KINDS),
            records=[(week.number, place, *row, *no_deeds) for place, row in enumerate(rows)],
        )
        await connection.execute("ANALYZE")
        await connection.close()
        began = time.perf_counter()
        for number, condition in enumerate(drawn):
            async with queries.transaction():
                impact = await simulation.simulate(f"benefit-{number}", condition, week)
            assert impact.population is not None
        return time.perf_counter() - began
    finally:
        await database.close_database()


def simulation_seconds(residents: int) -> float:
    """Seconds of 20 simulations over so many frozen residents."""
    random = Random(1)
    drawn = [generated(random, 3) for _ in range(20)]
    with servers.postgres(durable=True, tuned=True) as server:
        return asyncio.run(simulate(server.create(), drawn, people(random, residents)))


def main() -> None:
    """Run it all and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=200_000)
    chosen = parser.parse_args()
    random = Random(1)
    drawn = [generated(random, 3) for _ in range(100)]
    for way, rate in evaluate(drawn, people(random, 1_000)).items():
        print(f"{way:45} {rate:,.0f} evaluations/s")
    began = time.perf_counter()
    caps = dict.fromkeys(population.MEASURES[1:], CAP)
    implied = sum(
        lints.implies(condition, other, caps) for condition in drawn for other in drawn if condition is not other
    )
    print(f"{'all pairs of 100 conditions compared, s':45} {time.perf_counter() - began:.2f} ({implied} imply another)")
    seconds = simulation_seconds(chosen.residents)
    print(f"{f'20 benefits over {chosen.residents:,} residents, s':45} {seconds:.2f}")


if __name__ == "__main__":
    main()
