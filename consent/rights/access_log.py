"""The access log: every use of a person's records or points, of theirs alone or of everybody's at once.

SQL text: a use for everybody is read by the spans in which a consent of the person lived, a condition built for each
person; on partitioned tables it calls a function of PostgreSQL.

A use of one person is an event in their chain. A use for everybody is one row; it counts as theirs if their consent to
compute points lived at its instant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from consent.consents import register
from consent.database import queries
from consent.documents import recipients
from consent.domain.grants import State
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.models import StoredConsent
from consent.persons import Person
from consent.records import gate

AFTER_ALL = 2**62
"""Above every event number and every time in microseconds."""

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
"""SQL condition: the use was of everybody, or of the hash partition that has the person's rows."""


@dataclass(frozen=True, slots=True)
class RecordUse:
    """A use of a person's data, its time by the hour; `cursor` is where the next page begins."""

    kind: str
    at: datetime
    organisation: str
    purpose: str
    what: str
    outcome: str
    cursor: tuple[int, int]


async def list_for(person: Person, before: tuple[int, int], limit: int) -> list[RecordUse]:
    """Return the latest uses, newest first.

    `before` is (AFTER_ALL, AFTER_ALL) for the first page, then the `cursor` of the last use already read.
    """
    own = await ledger.events_of(person, gate.USES, before[0], limit)
    for_all = await queries.fetch_all(await _for_all(person), person.person_id, before[1], limit)
    uses: list[RecordUse] = []
    number, instant = before
    while len(uses) < limit and (own or for_all):
        if own and (not for_all or own[0].at >= _hour(for_all[0]["at"])):
            event = own.pop(0)
            number = event.number
            uses.append(_use(event.kind, event.at, event.facts, (number, instant)))
        else:
            row = for_all.pop(0)
            instant = row["at"]
            uses.append(_use(row["kind"], _hour(instant), row, (number, instant)))
    return uses


async def openings_for_all(person: Person) -> list[ledger.Opening]:
    """Return the uses for everybody that concerned the person, oldest first, with the salts of their leaves."""
    rows = await queries.fetch_all(await _for_all(person), person.person_id, AFTER_ALL, AFTER_ALL)
    return [ledger.Opening(ledger.use_for_all_event(row), row["salt"], row["leaf_hash"]) for row in reversed(rows)]


async def _for_all(person: Person) -> str:
    """Build the query over uses for everybody, limited to the spans (microseconds) in which a consent lived."""
    consents = await StoredConsent.filter(
        person_id=person.person_id, purpose=Purpose.POINTS_COMPUTE, state__not=State.REFUSED
    )
    changes = await recipients.load_changes()
    grants = [register.grant_from_row(row, changes) for row in consents]
    spans = [
        (queries.to_micros(grant.given_at), queries.to_micros(min(grant.ended_at or grant.ends_at, grant.ends_at)))
        for grant in grants
    ]
    lived = " OR ".join(f"(u.at >= {begin} AND u.at < {end})" for begin, end in spans)
    theirs = IN_THEIR_PIECE if await queries.partition_count() else "u.pieces IS NULL"
    return FOR_ALL.format(theirs=theirs, lived=lived or "1 = 0")


def _use(kind: str, at: datetime, facts: dict[str, Any], cursor: tuple[int, int]) -> RecordUse:
    return RecordUse(kind, at, facts["organisation"], facts["purpose"], facts["what"], facts["outcome"], cursor)


def _hour(micros: int) -> datetime:
    return queries.from_micros(micros).replace(minute=0, second=0, microsecond=0)
