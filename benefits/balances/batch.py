"""Recomputation of everybody's stored balance after a new scheme, in parts, each one set-based statement.

Nothing depends on it: a balance that is not usable is computed on demand. A part is one transaction and may be
repeated, so a stopped batch can continue, and the service answers meanwhile. Persons whose consents change during it
are left out. SQL text: points of millions of persons are computed inside the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from benefits.balances.person_balance import OWN_COMPUTATION
from benefits.catalogue import in_force
from benefits.scoring import sql
from consent.database import queries
from consent.records import gate
from consent.records.derived_table import DerivedTable
from consent.records.gate import Part

Clock = Callable[[], Awaitable[datetime]]
PERSONS_A_PART = 200_000
"""Persons of a part: some seconds of work, during which a person whose points are recomputed may have to wait."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Numbers of persons in a part, or in several, and of those computed; the others have no live consent."""

    persons: int
    computed: int


async def list_parts(parts: int | None = None) -> list[Part]:
    """Return the parts of a batch: one for each partition of the tables, else `parts` ranges of ids (by size if None).

    Raises:
        ValueError: the tables have another number of partitions than `parts`.
    """
    pieces = await queries.partition_count()
    if pieces and parts not in (None, pieces):
        raise ValueError(f"the tables are cut into {pieces} pieces; a batch has as many parts")
    count = pieces or parts or await _parts()
    return [Part(number, count, cut=bool(pieces)) for number in range(count)]


async def _parts() -> int:
    return await gate.count_persons() // PERSONS_A_PART + 1


async def compute_part(which: Part, clock: Clock, day_of: Callable[[datetime], date]) -> BatchResult:
    """Store the balances of one part of all persons, at the instant of `clock`; joins a running transaction.

    Raises:
        RecordsWithheld: nothing may be used.
    """
    at = await clock()
    today, timeline = day_of(at), await in_force.timeline(at)
    derived = DerivedTable(
        "snapshot",
        relations=sql.scoring(timeline, today, sql.dialect_of(queries.is_sqlite())),
        joined={"g": "scored"},
        columns={
            "scheme_version": f"'{timeline.version_for(today.year).version}'",
            "timeline_sha256": f"'{timeline.sha256}'",
            "total": sql.total(),
            "dimensions": sql.balance_json(timeline, today),
            "as_of": str(queries.to_day_number(today)),
            "valid_until": "g.valid_until",
        },
        by_person=True,
    )
    persons, computed = await gate.release_to_all(which, at, OWN_COMPUTATION, derived)
    return BatchResult(persons, computed)


async def run(
    plan: Sequence[Part],
    after: int,
    jobs: int,
    clock: Clock,
    day_of: Callable[[datetime], date],
    report: Callable[[int, int, BatchResult], None],
) -> BatchResult:
    """Compute the parts from number `after` on, `jobs` of them concurrently (one on SQLite); return the sum.

    After each part `report` is called with the number of leading parts that are done, the number of parts, and the sum
    so far: a stopped batch continues from that number.
    """
    turns, done = asyncio.Semaphore(1 if queries.is_sqlite() else jobs), dict[int, BatchResult]()

    async def compute(which: Part) -> None:
        async with turns:
            done[which.number] = await compute_part(which, clock, day_of)
        ready = next(number for number in range(after, len(plan) + 1) if number not in done)
        report(ready, len(plan), _sum(done.values()))

    async with asyncio.TaskGroup() as group:
        for which in plan[after:]:
            group.create_task(compute(which))
    return _sum(done.values())


def _sum(done: Iterable[BatchResult]) -> BatchResult:
    parts = list(done)
    return BatchResult(sum(part.persons for part in parts), sum(part.computed for part in parts))
