"""Everybody's points computed anew, each part in one set-based statement, so that nobody waits for a new scheme.

Nothing needs it to be right: whoever asks first has their points computed then. A part is all or nothing and may be
done again; a consent that ends before its part's instant is out, and of one that ends while it runs nothing is kept.
So a batch goes on where it stopped, and the service answers meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from benefits.balances.snapshots import OWN_COMPUTATION
from benefits.catalogue import in_force
from benefits.scoring import sql
from consent.database import queries
from consent.records import gate
from consent.records.derived_table import DerivedTable
from consent.records.gate import Part

Clock = Callable[[], Awaitable[datetime]]
PERSONS_A_PART = 200_000
"""Some seconds' work, a fifth of it the writing, during which whoever needs points computed anew may have to wait."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a part did: its persons, and how many were computed; the others have nothing that may be used."""

    persons: int
    computed: int


async def plan(of: int | None = None) -> list[Part]:
    """The parts of a batch: one a piece of tables that are cut, else so many by their ids, or as many as are due.

    ValueError for another number than there are pieces.
    """
    pieces = await queries.partition_count()
    if pieces and of not in (None, pieces):
        raise ValueError(f"the tables are cut into {pieces} pieces; a batch has as many parts")
    count = pieces or of or await _parts()
    return [Part(number, count, cut=bool(pieces)) for number in range(count)]


async def _parts() -> int:
    return await gate.count_persons() // PERSONS_A_PART + 1


async def part(which: Part, clock: Clock, day_of: Callable[[datetime], date]) -> Done:
    """Compute one part, in the running transaction if there is one; `clock` is read when it begins."""
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
    return Done(persons, computed)


async def run(
    plan: Sequence[Part],
    after: int,
    jobs: int,
    clock: Clock,
    day_of: Callable[[datetime], date],
    tell: Callable[[int, int, Done], None],
) -> Done:
    """Compute the parts from number `after` on, `jobs` beside each other (on SQLite one).

    `tell` hears after each how many parts from the first on are done, of how many, and what was done so far: from
    there a batch that was stopped goes on.
    """
    turns, done = asyncio.Semaphore(1 if queries.is_sqlite() else jobs), dict[int, Done]()

    async def compute(which: Part) -> None:
        async with turns:
            done[which.number] = await part(which, clock, day_of)
        ready = next(number for number in range(after, len(plan) + 1) if number not in done)
        tell(ready, len(plan), _sum(done.values()))

    async with asyncio.TaskGroup() as group:
        for which in plan[after:]:
            group.create_task(compute(which))
    return _sum(done.values())


def _sum(done: Iterable[Done]) -> Done:
    parts = list(done)
    return Done(sum(one.persons for one in parts), sum(one.computed for one in parts))
