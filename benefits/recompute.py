"""Everybody's points computed anew, each part in one set-based statement, so that nobody waits for a new scheme.

Nothing needs it to be right: whoever asks first has their points computed then. A part is all or nothing and may be
done again; a consent that ends before its part's instant is out, and of one that ends while it runs nothing is kept.
So a batch goes on where it stopped, and the service answers meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime

from benefits import bulk, catalogue
from benefits.standing import COLUMNS, OWN_COMPUTATION, REPLACED
from consent import database, gate
from consent.gate import Part

Clock = Callable[[], Awaitable[datetime]]
PERSONS_A_PART = 200_000
"""Some seconds' work, a fifth of it the writing, during which whoever needs points computed anew may have to wait."""

STALE = """
DELETE FROM snapshot WHERE person_id >= $1 AND person_id < $2
   AND NOT EXISTS (SELECT 1 FROM held WHERE held.person_id = snapshot.person_id AND held.epoch = snapshot.epoch)
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a part did: its persons, and how many were computed; the others have nothing that may be used."""

    persons: int
    computed: int


async def parts() -> int:
    """Into how many parts a batch is cut now."""
    found = await database.row("SELECT count(*) AS persons FROM person")
    assert found is not None
    return int(found["persons"]) // PERSONS_A_PART + 1


async def part(which: Part, clock: Clock, day_of: Callable[[datetime], date]) -> Done:
    """Compute one part, in the running transaction if there is one; `clock` is read when it begins."""
    at = await clock()
    today, timeline = day_of(at), await catalogue.timeline(at)
    derived = bulk.scoring(timeline, today, bulk.dialect_of(database.is_sqlite()))
    insert = (
        f"INSERT INTO snapshot ({COLUMNS}) SELECT s.person_id, s.epoch, '{timeline.version_for(today.year).version}',"
        f" '{timeline.sha256}', {bulk.total()}, {bulk.standing_json(timeline, today)},"
        f" {database.to_day_number(today)}, g.valid_until, s.covered_until"
        f" FROM subject s LEFT JOIN scored g ON g.person_id = s.person_id WHERE true {REPLACED}"
    )
    persons, computed = await gate.release_to_all(which, at, OWN_COMPUTATION, derived, insert, STALE)
    return Done(persons, computed)
