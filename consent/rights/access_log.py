"""The access log: every use of a person's records or points, whether it was theirs alone or everybody's at once.

A use of their own stands in their chain of events. A use for all stands once, and is theirs when a consent of theirs
to compute points lived at its instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent.database import queries
from consent.events import ledger
from consent.persons import Person
from consent.records import gate

NEWEST = 2**62

LIVED = """
SELECT given_at, CASE WHEN ended_at < expires_at THEN ended_at ELSE expires_at END AS ended_at FROM consent
 WHERE person_id = $1 AND purpose = 'points.compute' AND state <> 'refused'
"""
FOR_ALL = """
SELECT u.use_id, u.at, u.kind, u.organisation, u.purpose, u.what, u.outcome,
       u.leaf_hash, u.salt, u.first_id, u.beyond_id, u.piece, u.pieces
  FROM use_for_all u
 WHERE u.first_id <= $1 AND u.beyond_id > $1 AND u.at < $2 AND {theirs}
   AND ({lived})
 ORDER BY u.at DESC LIMIT $3
"""
IN_THEIR_PIECE = (
    "(u.pieces IS NULL OR satisfies_hash_partition('person'::regclass, coalesce(u.pieces, 1), coalesce(u.piece, 0),"
    " $1::text))"
)
"""A use of one piece of the tables is theirs whose rows lie in it."""


@dataclass(frozen=True, slots=True)
class RecordUse:
    """One use, its time by the hour; `place` is where the list goes on after it."""

    kind: str
    at: datetime
    organisation: str
    purpose: str
    what: str
    outcome: str
    place: tuple[int, int]


async def list_for(person: Person, before: tuple[int, int], limit: int) -> list[RecordUse]:
    """The latest uses, newest first. `before` is (NEWEST, NEWEST), or the `place` of the last one that was read."""
    own = await ledger.events_of(person, gate.USES, before[0], limit)
    for_all = await queries.fetch_all(await _for_all(person), person.person_id, before[1], limit)
    found: list[RecordUse] = []
    number, instant = before
    while len(found) < limit and (own or for_all):
        if own and (not for_all or own[0].at >= _hour(for_all[0]["at"])):
            event = own.pop(0)
            number = event.number
            found.append(_used(event.kind, event.at, event.facts, (number, instant)))
        else:
            row = for_all.pop(0)
            instant = row["at"]
            found.append(_used(row["kind"], _hour(instant), row, (number, instant)))
    return found


async def openings_for_all(person: Person) -> list[ledger.Opening]:
    """The uses for all that were theirs, too, oldest first, with what their leaves commit to."""
    found = await queries.fetch_all(await _for_all(person), person.person_id, NEWEST, NEWEST)
    return [ledger.Opening(ledger.use_for_all_event(row), row["salt"], row["leaf_hash"]) for row in reversed(found)]


async def _for_all(person: Person) -> str:
    """The question, with the spans (microseconds) in which a consent of theirs lived."""
    spans = await queries.fetch_all(LIVED, person.person_id)
    lived = " OR ".join(f"(u.at >= {int(one['given_at'])} AND u.at < {int(one['ended_at'])})" for one in spans)
    theirs = IN_THEIR_PIECE if await queries.partition_count() else "u.pieces IS NULL"
    return FOR_ALL.format(theirs=theirs, lived=lived or "1 = 0")


def _used(kind: str, at: datetime, facts: dict[str, Any], place: tuple[int, int]) -> RecordUse:
    return RecordUse(kind, at, facts["organisation"], facts["purpose"], facts["what"], facts["outcome"], place)


def _hour(micros: int) -> datetime:
    return queries.from_micros(micros).replace(minute=0, second=0, microsecond=0)
