"""The only way to use records, and the points derived from them.

Every function that releases records or permits a use of points checks for a live consent and writes the event of the
use in the same transaction, so no use is without an event. `own_records` shows a person their own records, which is no
use. SQL text: the batch and the chain are set-based, the locks need FOR UPDATE, the liveness of a consent is one SQL
condition for all. The rest are QuerySets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from consent import persons
from consent.crypto.blind_index import ID_DIGITS
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.selection import Selection
from consent.database.write_plan import Plan
from consent.domain.liveness import ConsentPeriod, is_live, live_sql
from consent.domain.purposes import Purpose
from consent.domain.recipients import end_sql
from consent.domain.records import Record, RecordKind, Released
from consent.events import ledger
from consent.events.ledger import ChainHead
from consent.kernel.errors import NotCovered, NotFound, require_not_withheld
from consent.models import StoredPerson, StoredRecord
from consent.persons import Person
from consent.records import source_ids
from consent.records.derived_table import DerivedTable
from consent.records.withholding import NOT_WITHHELD, WITHHELD


class Use(NamedTuple):
    """A use as the access log shows it: the kind of event, the organisation, the thing used, the outcome.

    `lasting_id` is the slip or binding by which a venue used the points; None for an ordinary ticket.
    """

    kind: str
    organisation: str
    what: str
    outcome: str
    lasting_id: str | None = None


USES = (
    "points.computed", "points.counted", "benefit.checked", "ticket.issued", "binding.requested", "slip.issued",
    "pass.issued", "commitment.accepted", "benefit.redeemed", "pass.redeemed", "officer.looked",
)  # fmt: skip
"""Kinds of events that are uses of a person's records or points; the access log shows exactly these."""

LIVE_RECORDS = f"""
SELECT r.record_id, r.source_id, r.kind, r.quantity, r.occurred_on, r.received_at, c.expires_at, c.given_at
  FROM record r
  JOIN consent c ON c.person_id = r.person_id AND c.purpose = 'points.compute' AND c.counterpart = r.source_id
 WHERE r.person_id = $1 AND {live_sql("$2", "c")}
 ORDER BY r.occurred_on, r.record_id
"""
"""A person's records, each joined to the live consent that covers it; without one there is no row."""
BEGINS_LATER = "purpose = 'points.compute' AND state = 'given' AND given_at > {at}"
"""SQL condition of a given consent that lies ahead of the clock: the clock was set back after it was given."""
RELEASE_STATE = (
    f"SELECT epoch, {WITHHELD}, (SELECT min(given_at) FROM consent"
    f" WHERE person_id = $1 AND {BEGINS_LATER.format(at='$2')}) AS begins_at FROM person WHERE person_id = $1"
)
"""The epoch that released records carry, the withholding, and the first begin of a consent ahead of the clock."""


async def release(person: Person, at: datetime, use: Use) -> Released:
    """Release the records that the person's live `points.compute` consents cover at `at`; append the event of the use.

    Runs in the caller's transaction. The event locks the person's row, so that the epoch belongs to these records.

    Raises:
        NotFound: the person was erased.
        RecordsWithheld: nothing may be used.
    """
    await _trace(person, Purpose.POINTS_COMPUTE, use, at)
    state = await queries.fetch_one(RELEASE_STATE, person.person_id, queries.to_micros(at))
    if state is None:
        raise NotFound("nobody of this id is known (any more)")
    require_not_withheld(state["withheld"])
    records = await queries.fetch_all(LIVE_RECORDS, person.person_id, queries.to_micros(at))
    changes = [row["expires_at"] for row in records]
    if state["begins_at"] is not None:
        changes.append(state["begins_at"])
    begins = [row["given_at"] for row in records]
    return Released(
        person.person_id,
        Purpose.POINTS_COMPUTE,
        state["epoch"],
        tuple(
            Record(
                row["record_id"],
                row["source_id"],
                RecordKind(row["kind"]),
                row["quantity"],
                queries.from_day_number(row["occurred_on"]),
                queries.from_micros(row["received_at"]).date(),
            )
            for row in records
        ),
        covered_until=queries.from_micros(min(changes)) if changes else None,
        covered_from=queries.from_micros(max(begins)) if begins else None,
    )


RELEASED_TO_ALL = """
WITH covering AS NOT MATERIALIZED (
  SELECT person_id, counterpart AS source_id, given_at, expires_at FROM consent{piece}
   WHERE purpose = 'points.compute' AND {live}
     AND person_id >= $1 AND person_id < $2),
subject AS (
  SELECT p.person_id, p.epoch, c.covered_until, c.covered_from FROM person{piece} p
    JOIN (SELECT person_id, min(expires_at) AS covered_until, max(given_at) AS covered_from
            FROM covering GROUP BY person_id) c
      ON c.person_id = p.person_id),
released AS (
  SELECT r.person_id, r.kind, r.quantity, r.occurred_on, r.received_at FROM record{piece} r
    JOIN covering c ON c.person_id = r.person_id AND c.source_id = r.source_id{of_the_part}),
"""
"""`LIVE_RECORDS` for every person of a range of ids: `subject` has the persons, `released` their records."""

OF_THE_PART = " WHERE r.person_id >= $1 AND r.person_id < $2"
"""Implied by the join, but the planner does not see it. Over all persons it would only slow the scan down."""

UNCHANGED = """
WITH unchanged AS (
  SELECT person_id, epoch FROM person{piece} WHERE person_id >= $1 AND person_id < $2 FOR SHARE SKIP LOCKED)
"""
"""Persons whom nobody is changing now: every change of consents or records begins with the person's row lock."""
STALE = """
DELETE FROM {table} AS s WHERE s.person_id >= $1 AND s.person_id < $2
   AND NOT EXISTS (SELECT 1 FROM {unchanged} WHERE unchanged.person_id = s.person_id AND unchanged.epoch = s.epoch)
"""
EARLY = f"""
DELETE FROM {{table}} WHERE person_id >= $1 AND person_id < $2 AND person_id IN (
  SELECT person_id FROM consent{{piece}} WHERE person_id >= $1 AND person_id < $2 AND {BEGINS_LATER.format(at="$3")})
"""
"""Delete the rows of persons with a consent ahead of the clock: each would stay without that consent's records."""
MEMORY_OF_A_PART = "128MB"
"""Memory in which PostgreSQL may sort and hash before it writes to disk."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of `count` equal parts of all persons, numbered from 0: a range of their random ids.

    With `cut` it is instead one of the `count` hash partitions of the tables (`queries.partition_count`).
    """

    number: int
    count: int
    cut: bool = False

    @property
    def piece(self) -> str:
        """The suffix of the partitions' table names; empty for a range of ids."""
        return f"_p{self.number}" if self.cut else ""

    def bounds(self) -> tuple[str, str]:
        """Return the first id of the part, and the first id beyond it."""
        if self.cut:
            return "", "g"
        space = 16**ID_DIGITS
        first, beyond = (f"{space * number // self.count:0{ID_DIGITS}x}" for number in (self.number, self.number + 1))
        return first, "g" if self.number + 1 == self.count else beyond


async def release_to_all(part: Part, at: datetime, use: Use, derived: DerivedTable) -> tuple[int, int]:
    """Fill a table from the records that live consents of a part of all persons cover at `at`, in one statement.

    Return the number of persons in the part and of rows inserted. Joins the running transaction or opens its own; one
    entry of the use counts for everybody who had a live consent at `at`. With `derived.by_person` the rows of persons
    whose consents or records changed meanwhile, or are changing now, are deleted again: no person is locked, so that
    nobody waits for a batch.

    Raises:
        RecordsWithheld: nothing may be used.
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
        require_not_withheld(head["withheld"])
        if not queries.is_sqlite():
            await queries.execute(f"SET LOCAL work_mem = '{MEMORY_OF_A_PART}'")
            # PostgreSQL 18 chooses a generic plan after five parts, and with it a nested loop from person to person; so
            # it does under settings for a database in memory. For all persons both take twice as long as a hash join.
            await queries.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            await queries.execute("SET LOCAL enable_nestloop = off")
        within = OF_THE_PART if part.count > 1 and not part.cut else ""
        released = RELEASED_TO_ALL.format(of_the_part=within, piece=part.piece, live=live_sql("$3"))
        relations, insert = released + derived.relations, derived.insert()
        rows = await queries.insert_select(relations, insert, first, beyond, queries.to_micros(at))
        piece = (part.number, part.count) if part.cut else None
        stated = {name: value for name, value in use._asdict().items() if value is not None}
        await ledger.record_use_for_all(stated, Purpose.POINTS_COMPUTE, (first, beyond), piece, at)
        if derived.by_person:
            await _delete_stale(derived.table, part)
            early = EARLY.format(table=derived.table + part.piece, piece=part.piece)
            await queries.execute(early, first, beyond, queries.to_micros(at))
    if derived.by_person and queries.is_citus():
        # No person's row was locked there: a change committed while the new rows were not yet visible is seen now.
        await _delete_stale(derived.table, part)
    return int(head["persons"]), rows


async def _delete_stale(table: str, part: Part) -> None:
    """Delete the rows of persons whose epoch has moved, or whose row somebody else has locked just now."""
    if queries.is_citus():
        delete = STALE.format(table=table, unchanged="(SELECT person_id, epoch FROM person) unchanged")
    else:
        delete = UNCHANGED.format(piece=part.piece) + STALE.format(table=table + part.piece, unchanged="unchanged")
    await queries.execute(delete, *part.bounds())


async def permit(person: Person, provider_id: str, at: datetime, use: Use) -> int:
    """Permit the use of the person's points for a benefit of this provider; append its event.

    Return when the consent was given, in microseconds; by it `past_uses` tells the consent from a later one. Runs in
    the caller's transaction, which holds the person's row lock.

    Raises:
        NotCovered: no live consent covers the provider.
        RecordsWithheld: nothing may be used.
    """
    consent = await _live(person.person_id, Purpose.BENEFIT_CHECK, provider_id, at)
    if consent is None:
        raise NotCovered("no live consent covers this provider")
    require_not_withheld(consent["withheld"])
    await _trace(person, Purpose.BENEFIT_CHECK, use, at)
    return int(consent["given_at"])


SUBJECT = Selection(("i.person_id AS person_id",), "subject i", "i.subject_index = {subject_index}")
"""The person of a token's `sub`, by its blind index."""
EPOCH = Selection(("p.epoch AS epoch",), "person p", "p.person_id = {person_id}")
"""A person's epoch, with which a stored balance is compared."""
CHAIN = Selection(
    (
        "p.epoch AS epoch", "p.events AS events", "p.last_leaf AS last_leaf", "p.wrapped_key AS wrapped_key",
        "p.sealed_subject AS sealed_subject",
    ),
    "person p",
    "p.person_id = {person_id}",
)  # fmt: skip
"""A person's epoch and end of chain, with the key and the `sub` that the next event needs."""
PERIOD = ("c.given_at AS given_at", f"{end_sql('c')} AS consent_ends_at")
"""The columns of a `ConsentPeriod`."""
GIVEN_CONSENT = Selection(
    PERIOD,
    "consent c",
    "c.person_id = {person_id} AND c.purpose = 'benefit.check' AND c.state = 'given' AND c.counterpart = {counterpart}",
)
"""A person's given consent to check benefits of a provider, ended by itself or not; `liveness.is_live` decides."""


def permit_writes(head: ChainHead, period: ConsentPeriod, at: datetime, use: Use) -> Plan:
    """Return the writes of a use of the person's points under the `benefit.check` consent read together with `head`.

    The event's fence is a conflict where person or consent have changed since they were read. Nothing is used while
    records are withheld.

    Raises:
        NotCovered: the consent does not live at `at`.
    """
    if not is_live(period, queries.to_micros(at)):
        raise NotCovered("no live consent covers this provider")
    fence, event, leaf = ledger.fenced_event(head, use.kind, _facts(Purpose.BENEFIT_CHECK, use), at)
    return fence, NOT_WITHHELD, event, leaf


def standard_terms_writes(keyring: Keyring, head: ChainHead | None, at: datetime, use: Use) -> Plan:
    """Return the writes of standard terms for a venue, a "no": of a use of the points behind `head`, or of nobody's.

    Both are the same statements. The caller has checked the consent behind `head`; its end since then is a conflict.
    """
    used = head is not None
    fence, event, leaf = ledger.standard_terms_event(
        head or ChainHead(persons.decoy(keyring), 0, ""), use.kind, _facts(Purpose.BENEFIT_CHECK, use), at, used=used
    )
    return fence, NOT_WITHHELD, event, leaf


async def lock_epoch(person_id: str) -> int | None:
    """Lock the person's row in the running transaction; return their epoch, or None for somebody unknown."""
    row = await queries.fetch_one("SELECT epoch FROM person WHERE person_id = $1 FOR UPDATE", person_id)
    return None if row is None else int(row["epoch"])


async def count_persons() -> int:
    """Return the number of persons known to the service."""
    return await StoredPerson.all().count()


async def persons_with_records_of(days: Iterable[date], after: str, limit: int) -> list[str]:
    """Return the ids above `after`, in order, of persons with a record of one of these civil days; no use by itself."""
    numbers = [queries.to_day_number(day) for day in days]
    if not numbers:
        return []
    of_days = StoredRecord.filter(person_id__gt=after, occurred_on__in=numbers)
    rows = await of_days.distinct().order_by("person_id").limit(limit).values("person_id")
    return [row["person_id"] for row in rows]


async def covered(person_id: str, purpose: Purpose, counterpart: str, at: datetime) -> bool:
    """Report whether a consent for exactly this purpose and counterpart lives at `at`."""
    return await _live(person_id, purpose, counterpart, at) is not None


async def _live(person_id: str, purpose: Purpose, counterpart: str, at: datetime) -> queries.Row | None:
    return await queries.fetch_one(
        f"SELECT given_at, {WITHHELD} FROM consent WHERE person_id = $1 AND purpose = $2 AND counterpart = $3"
        f" AND {live_sql('$4')}",
        person_id,
        purpose,
        counterpart,
        queries.to_micros(at),
    )


async def live_counterparts(person: Person, purpose: Purpose, at: datetime) -> set[str]:
    """Read the counterparts for which a consent of this purpose lives at `at`."""
    return set(await live_periods(person, purpose, at))


async def live_periods(person: Person, purpose: Purpose, at: datetime) -> dict[str, ConsentPeriod]:
    """Read the consents of this purpose that live at `at`, by counterpart."""
    rows = await queries.fetch_all(
        f"SELECT c.counterpart, {', '.join(PERIOD)} FROM consent c"
        f" WHERE c.person_id = $1 AND c.purpose = $2 AND {live_sql('$3', 'c')}",
        person.person_id,
        purpose,
        queries.to_micros(at),
    )
    return {row["counterpart"]: ConsentPeriod(row["given_at"], row["consent_ends_at"]) for row in rows}


async def own_record(person: Person, record_id: str) -> tuple[str, str, int, date] | None:
    """Return source id, kind, quantity and civil day of a person's own record for themselves, or None; no use."""
    row = await StoredRecord.get_or_none(person_id=person.person_id, record_id=record_id)
    if row is None:
        return None
    return row.source_id, row.kind, row.quantity, queries.from_day_number(row.occurred_on)


async def own_records(
    person: Person, kind: RecordKind | None, before: tuple[int, str] | None, limit: int
) -> list[queries.Row]:
    """Return a person's own records for themselves, the newest day first; no use, so it leaves no event.

    `kind` None is all kinds; `before` is day number and id of the last record of the page before.
    """
    own = StoredRecord.filter(person_id=person.person_id)
    if kind is not None:
        own = own.filter(kind=kind)
    if before is not None:
        own = own.filter(paging.older_than(before, "occurred_on", "record_id"))
    return [
        {
            "record_id": row.record_id,
            "source_record_id": source_ids.open_id(person, row.record_id, row.sealed_source_record_id),
            "source_id": row.source_id,
            "kind": row.kind,
            "quantity": row.quantity,
            "occurred_on": queries.from_day_number(row.occurred_on),
            "received_at": queries.from_micros(row.received_at),
        }
        for row in await own.order_by("-occurred_on", "-record_id").limit(limit)
    ]


async def _trace(person: Person, purpose: Purpose, use: Use, at: datetime) -> None:
    await ledger.append(person, use.kind, _facts(purpose, use), at, to_the_hour=True)


def _facts(purpose: Purpose, use: Use) -> ledger.Facts:
    facts = {"organisation": use.organisation, "what": use.what, "outcome": use.outcome, "lasting_id": use.lasting_id}
    return {"purpose": purpose, **facts}
