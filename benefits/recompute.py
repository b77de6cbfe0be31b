"""Everybody's points computed anew, person after person through the gate: so that nobody waits for a new scheme.

Nothing needs it to be right: whoever asks first has their points computed then. Each computation is an event of its
person, each result is fenced by their epoch, and a consent that ends while the batch runs ends for the batch, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime

from benefits import catalogue, standing
from consent import database, gate, people
from consent.errors import NotFound
from consent.vault import Keyring

Clock = Callable[[], Awaitable[datetime]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch did: the last person looked at (empty at the end), how many computed, and how many passed over
    because nothing of theirs may be used (any more)."""

    last: str
    computed: int
    skipped: int


async def batch(keyring: Keyring, after: str, limit: int, clock: Clock, day_of: Callable[[datetime], date]) -> Batch:
    """Compute the next persons' points, in the running transaction if there is one; `clock` is read for each of them.

    Resumable: call again with the `last` of the batch before.
    """
    found = await database.rows(
        "SELECT person_id FROM person WHERE person_id > $1 ORDER BY person_id LIMIT $2", after, limit
    )
    computed = 0
    for row in found:
        at = await clock()
        if not await gate.anything_live(row["person_id"], at):
            continue
        try:
            person = await people.read(keyring, row["person_id"])
            timeline = await catalogue.timeline(at)
            result, released = await standing.compute(person, timeline, day_of(at), at)
        except NotFound:  # erased meanwhile
            continue
        computed += await standing.store(released, result, timeline)
    last = str(found[-1]["person_id"]) if len(found) == limit else ""
    return Batch(last, computed, len(found) - computed)
