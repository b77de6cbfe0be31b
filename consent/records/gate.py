"""The only road to records and to what is derived from them.

Whatever passes here is covered by a consent that lives at this moment, and leaves an event in the person's own chain:
a use without a trace cannot be written, because the same call makes both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from consent.crypto.blind_index import ID_DIGITS
from consent.database import queries
from consent.domain.purposes import Purpose
from consent.domain.records import Record, RecordKind, Released
from consent.events import ledger
from consent.kernel.errors import DomainError, NotFound
from consent.persons import Person


class NotCovered(DomainError):
    """No live consent of this person covers the use."""

    code = "consent_needed"


class RecordsFrozen(DomainError):
    """The consent log is frozen: nothing is released until withdrawals and erasures were replayed."""

    code = "records_withheld"


class Use(NamedTuple):
    """What the access log will say: which organisation, what was looked at, and with what outcome."""

    kind: str
    organisation: str
    what: str
    outcome: str


WITHHELD = "(SELECT withheld FROM log_head WHERE log = 'consent') AS withheld"
"""What a glance reads to know whether anything may be used now; `let_through` goes by it."""

USES = ("points.computed", "points.counted", "benefit.checked", "ticket.issued", "benefit.redeemed", "officer.looked")
"""Kinds of events that are uses of a person's records or points; the access log shows exactly these."""

LIVE_RECORDS = """
SELECT r.record_id, r.source_id, r.kind, r.quantity, r.occurred_on, r.received_at, c.expires_at
  FROM record r
  JOIN consent c ON c.person_id = r.person_id AND c.purpose = 'points.compute' AND c.counterpart = r.source_id
 WHERE r.person_id = $1 AND c.state = 'given' AND c.given_at <= $2 AND c.expires_at > $2
 ORDER BY r.occurred_on, r.record_id
"""


def require_not_frozen(withheld: int) -> None:
    """Withheld while the database may be an older copy of itself, in which consents live that have ended."""
    if withheld:
        raise RecordsFrozen("the database may be an older copy; records wait until its tombstones were replayed")


async def release(person: Person, at: datetime, use: Use) -> Released:
    """The records that the person's live `points.compute` consents cover at `at`, and the event of their use."""
    await _trace(person, Purpose.POINTS_COMPUTE, use, at)
    fenced = await queries.fetch_one(f"SELECT epoch, {WITHHELD} FROM person WHERE person_id = $1", person.person_id)
    if fenced is None:
        raise NotFound("nobody of this id is known (any more)")
    require_not_frozen(fenced["withheld"])
    found = await queries.fetch_all(LIVE_RECORDS, person.person_id, queries.to_micros(at))
    return Released(
        person.person_id,
        Purpose.POINTS_COMPUTE,
        fenced["epoch"],
        tuple(
            Record(
                row["record_id"],
                row["source_id"],
                RecordKind(row["kind"]),
                row["quantity"],
                queries.from_day_number(row["occurred_on"]),
                queries.from_micros(row["received_at"]).date(),
            )
            for row in found
        ),
        covered_until=queries.from_micros(min(row["expires_at"] for row in found)) if found else None,
    )


RELEASED_TO_ALL = """
WITH covering AS NOT MATERIALIZED (
  SELECT person_id, counterpart AS source_id, expires_at FROM consent{piece}
   WHERE purpose = 'points.compute' AND state = 'given' AND given_at <= $3 AND expires_at > $3
     AND person_id >= $1 AND person_id < $2),
subject AS (
  SELECT p.person_id, p.epoch, c.covered_until FROM person{piece} p
    JOIN (SELECT person_id, min(expires_at) AS covered_until FROM covering GROUP BY person_id) c
      ON c.person_id = p.person_id),
released AS (
  SELECT r.person_id, r.kind, r.quantity, r.occurred_on, r.received_at FROM record{piece} r
    JOIN covering c ON c.person_id = r.person_id AND c.source_id = r.source_id{of_the_part}),
"""
"""`LIVE_RECORDS` for every person of a range of ids: `subject` is who may be computed, `released` what of."""

OF_THE_PART = " WHERE r.person_id >= $1 AND r.person_id < $2"
"""Says to the planner what the join implies; a whole is read faster without."""

HELD = """
WITH held AS (SELECT person_id, epoch FROM person{piece} WHERE person_id >= $1 AND person_id < $2 FOR SHARE SKIP LOCKED)
"""
"""Whoever nobody is changing now. Every change of consents or records begins with the person's row lock."""

MEMORY_OF_A_PART = "128MB"
"""What PostgreSQL may sort and hash in before it goes to disk."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of `of` equal parts of all persons; `number` counts from 0.

    By their random ids, or `cut`: a piece of tables that lie in so many (`database.partitions`).
    """

    number: int
    of: int
    cut: bool = False

    @property
    def piece(self) -> str:
        """What the names of the tables of a piece end with."""
        return f"_p{self.number}" if self.cut else ""

    def bounds(self) -> tuple[str, str]:
        """The first id of the part, and the first beyond it."""
        if self.cut:
            return "", "g"
        space = 16**ID_DIGITS
        first, beyond = (f"{space * place // self.of:0{ID_DIGITS}x}" for place in (self.number, self.number + 1))
        return first, "g" if self.number + 1 == self.of else beyond


async def release_to_all(
    part: Part, at: datetime, use: Use, derived: str, insert: str, stale: str | None = None
) -> tuple[int, int]:
    """Release, to one statement, what the live consents of a part of all persons cover at `at`, with the trace of it.

    `derived` are tables that go on from `subject` and `released`, `insert` puts one row a subject, and `stale`, needed
    unless the rows are without persons, deletes of the `{piece}` those put for whoever is not in `held`: their
    consents or records have changed meanwhile or are changing now, and nobody is kept waiting. Returns how many persons
    the part has and how many rows were put. One trace stands for all, in the access log of everybody who had a live
    consent at `at`.
    """
    first, beyond = part.bounds()
    async with queries.transaction():
        head = await queries.fetch_one(
            f"SELECT withheld, (SELECT count(*) FROM person{part.piece}"
            " WHERE person_id >= $1 AND person_id < $2) AS persons"
            " FROM log_head WHERE log = 'consent'",
            first,
            beyond,
        )
        assert head is not None
        require_not_frozen(head["withheld"])
        if not queries.is_sqlite():
            await queries.execute(f"SET LOCAL work_mem = '{MEMORY_OF_A_PART}'")
            # A plan for any range at all, as PostgreSQL keeps one after five parts, goes from person to person; so does
            # one for a server whose pages are said to be in memory. For everybody both take twice as long.
            await queries.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            await queries.execute("SET LOCAL enable_nestloop = off")
        within = OF_THE_PART if part.of > 1 and not part.cut else ""
        released = RELEASED_TO_ALL.format(of_the_part=within, piece=part.piece)
        rows = await queries.insert_select(released + derived, insert, first, beyond, queries.to_micros(at))
        piece = (part.number, part.of) if part.cut else None
        await ledger.used_for_all(use._asdict(), Purpose.POINTS_COMPUTE, (first, beyond), piece, at)
        if stale is not None:
            await _take_away(stale, part)
    if stale is not None and queries.is_citus():
        # Nobody was held there: whoever changed something while the rows were not to be seen yet is seen now.
        await _take_away(stale, part)
    return int(head["persons"]), rows


async def _take_away(stale: str, part: Part) -> None:
    if queries.is_citus():
        await queries.execute(stale.format(piece="", held="(SELECT person_id, epoch FROM person) held"), *part.bounds())
    else:
        await queries.execute((HELD + stale).format(piece=part.piece, held="held"), *part.bounds())


async def permit(person: Person, provider_id: str, at: datetime, use: Use) -> None:
    """Permit the use of the person's points for a benefit of this provider, and write its event.

    NotCovered without a live consent, Withheld while nothing may be used.
    """
    found = await _live(person.person_id, Purpose.BENEFIT_CHECK, provider_id, at)
    if found is None:
        raise NotCovered("no live consent covers this provider")
    require_not_frozen(found["withheld"])
    await _trace(person, Purpose.BENEFIT_CHECK, use, at)


COVERING = """
  LEFT JOIN consent c ON c.person_id = p.person_id AND c.purpose = 'benefit.check' AND c.state = 'given'
   AND c.counterpart = {counterpart}"""
"""What a glance at a person `p` joins, to know from when until when a consent covers a provider."""

PERMITTED_AT_ONCE = """
WITH before AS ({before}),
permitted AS (UPDATE person SET events = $2, last_leaf = $3 FROM before
  WHERE person_id = $1 AND epoch = $8 AND events = $2 - 1
    AND (SELECT withheld FROM log_head WHERE log = 'consent') = 0 RETURNING person_id),
kept AS (INSERT INTO event (person_id, number, leaf_hash, kind, at, sealed)
  SELECT $1, $2, $3, $4, $5, $6 FROM permitted),
left_out AS (INSERT INTO outbox (leaf_hash, leaf, log, put_at) SELECT $3, $7, 'consent', $9 FROM permitted),
"""
"""One step of a person's chain, only if it is still as it was seen: the epoch stands for every consent and record. And
none while nothing may be used."""
FIRST_FREE = 10
"""The first parameter that a statement after PERMITTED_AT_ONCE has for itself."""


class ChainHead(NamedTuple):
    """A person as one glance saw them: what their chain goes on from, and the ends of the consent that covers."""

    person: Person
    events: int
    last_leaf: str
    given_at: int | None
    expires_at: int | None

    def covered(self, at: datetime) -> bool:
        """Whether the consent that was looked for lives at `at`."""
        micros = queries.to_micros(at)
        return self.given_at is not None and self.given_at <= micros < (self.expires_at or 0)


async def permit_at_once(
    held: object, seen: ChainHead, at: datetime, use: Use, before: str, then: str, values: tuple[object, ...]
) -> bool:
    """`permit`, its event and what it permits as a single statement, or nothing of it; whether it was done.

    `before` is an insert or update RETURNING a row if it may go on, `then` goes on from `permitted` and ends with a
    SELECT that divides by zero where something did not hold; their parameters are `values`, from $FIRST_FREE on. On a
    connection that is lent.
    """
    if not seen.covered(at):
        return False
    said = {
        "organisation": use.organisation,
        "purpose": Purpose.BENEFIT_CHECK,
        "what": use.what,
        "outcome": use.outcome,
    }
    new = ledger.prepare_event(seen.person, seen.events + 1, seen.last_leaf, use.kind, said, at, to_the_hour=True)
    return await queries.execute_guarded(
        held,
        _permitted_at_once(before, then),
        new.person_id,
        new.number,
        new.leaf_hash,
        new.kind,
        new.at,
        new.sealed,
        new.leaf,
        seen.person.epoch,
        queries.to_micros(at),
        *values,
    )


@lru_cache(maxsize=16)
def _permitted_at_once(before: str, then: str) -> str:
    return PERMITTED_AT_ONCE.format(before=before) + then


async def covered(person_id: str, purpose: Purpose, counterpart: str, at: datetime) -> bool:
    """Whether a consent for exactly this purpose and counterpart lives at `at`."""
    return await _live(person_id, purpose, counterpart, at) is not None


async def _live(person_id: str, purpose: Purpose, counterpart: str, at: datetime) -> queries.Row | None:
    return await queries.fetch_one(
        f"SELECT {WITHHELD} FROM consent WHERE person_id = $1 AND purpose = $2 AND counterpart = $3"
        " AND state = 'given' AND given_at <= $4 AND expires_at > $4",
        person_id,
        purpose,
        counterpart,
        queries.to_micros(at),
    )


async def anything_live(person_id: str, at: datetime) -> bool:
    """Whether any consent of the person to compute points lives at `at`."""
    return (
        await queries.fetch_one(
            "SELECT 1 AS live FROM consent WHERE person_id = $1 AND purpose = 'points.compute' AND state = 'given'"
            " AND given_at <= $2 AND expires_at > $2 LIMIT 1",
            person_id,
            queries.to_micros(at),
        )
        is not None
    )


async def own_records(person: Person, before: tuple[int, str] | None, limit: int) -> list[queries.Row]:
    """A person's look at their own records, the newest day first; not a use, so it leaves no event.

    `before` is (day number, id) of the last one already read.
    """
    day, record_id = before or (2**31 - 1, "")
    found = await queries.fetch_all(
        "SELECT record_id, source_record_id, source_id, kind, quantity, occurred_on, received_at FROM record"
        " WHERE person_id = $1 AND (occurred_on < $2 OR (occurred_on = $2 AND record_id < $3))"
        " ORDER BY occurred_on DESC, record_id DESC LIMIT $4",
        person.person_id,
        day,
        record_id,
        limit,
    )
    return [
        {
            **row,
            "occurred_on": queries.from_day_number(row["occurred_on"]),
            "received_at": queries.from_micros(row["received_at"]),
        }
        for row in found
    ]


async def _trace(person: Person, purpose: Purpose, use: Use, at: datetime) -> None:
    await ledger.append(person, use.kind, _said(purpose, use), at, to_the_hour=True)


def _said(purpose: Purpose, use: Use) -> ledger.Facts:
    return {"organisation": use.organisation, "purpose": purpose, "what": use.what, "outcome": use.outcome}
