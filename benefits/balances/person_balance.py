"""A person's points: computed on demand, stored as a snapshot, fenced by the person's consent epoch.

A stored balance is used only while `stored.is_usable`, so no batch has to run and a withdrawal takes effect at once.
SQL text: the read of the balance is one query over tables of two packages.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from benefits.balances.stored import Balance, StoredBalance, balance_from, is_usable
from benefits.models import Snapshot
from benefits.scoring import points
from benefits.scoring.points import Points
from benefits.scoring.scheme import Timeline
from consent.database import queries
from consent.database.selection import Selection
from consent.documents.change_number import CHANGES
from consent.domain.records import NO_RECORDS, Released
from consent.persons import Person
from consent.records import gate, withholding
from consent.records.gate import Use

STORED = Selection(
    (
        "s.epoch AS balance_epoch", "s.scheme_version AS scheme_version", "s.timeline_sha256 AS timeline_sha256",
        "s.total AS total", "s.dimensions AS dimensions", "s.as_of AS as_of", "s.valid_until AS valid_until",
        "s.covered_until AS covered_until", "s.covered_from AS covered_from",
    ),
    "snapshot s",
    "s.person_id = {person_id}",
)  # fmt: skip
"""The columns of `StoredBalance`, in its order."""
COLUMNS = (
    "person_id, epoch, scheme_version, timeline_sha256, total, dimensions, as_of, valid_until, covered_until,"
    " covered_from"
)
REPLACED = (
    "ON CONFLICT (person_id) DO UPDATE SET epoch = excluded.epoch, scheme_version = excluded.scheme_version,"
    " timeline_sha256 = excluded.timeline_sha256, total = excluded.total, dimensions = excluded.dimensions,"
    " as_of = excluded.as_of, valid_until = excluded.valid_until, covered_until = excluded.covered_until,"
    " covered_from = excluded.covered_from"
)
OWN_COMPUTATION = Use("points.computed", "credit-easy", "records", "computed")
NO_BALANCE = StoredBalance(None, "", "", 0, "", 0, None, None, None)


class LoadedBalance(NamedTuple):
    """Everything that decides about reading somebody's points, as of one instant.

    `micros` is the database's clock, `changes` the catalogue's change number, `withheld` 1 while nothing may be used;
    `person_id` and `epoch` are None for somebody unknown.
    """

    micros: int
    changes: int
    withheld: int
    person_id: str | None
    epoch: int | None
    stored: StoredBalance


async def load_balance(subject_index: str) -> LoadedBalance:
    """Read a subject's stored balance and all that decides about it, in one query; three on Citus."""
    if queries.is_citus():
        return await _load_distributed(subject_index)
    row = await queries.fetch_record(_load_sql(queries.clock_sql()), subject_index)
    assert row is not None
    micros, changes, withheld, person_id, epoch, *stored = row.values()
    return LoadedBalance(micros, changes, withheld, person_id, epoch, StoredBalance(*stored))


@lru_cache(maxsize=2)
def _load_sql(clock: str) -> str:
    columns = ", ".join((*gate.SUBJECT.columns, *gate.EPOCH.columns, *STORED.columns))
    return (
        f"SELECT {clock} AS micros, {CHANGES} AS changes, {withholding.WITHHELD}, {columns}"
        " FROM (SELECT 1 AS present) AS always"
        f" {gate.SUBJECT.join(subject_index='$1')} {gate.EPOCH.join(person_id='i.person_id')}"
        f" {STORED.join(person_id='i.person_id')}"
    )


async def _load_distributed(subject_index: str) -> LoadedBalance:
    """`load_balance` where subject and person are distributed by different keys; the clock is read last."""
    person_id, epoch, stored = None, None, NO_BALANCE
    known = await queries.fetch_one(gate.SUBJECT.query(subject_index="$1"), subject_index)
    if known is not None:
        person_id = known["person_id"]
        epoch, stored = await _stored_of(person_id)
    row = await queries.fetch_one(
        f"SELECT {queries.clock_sql()} AS micros, {CHANGES} AS changes, {withholding.WITHHELD}"
    )
    assert row is not None
    return LoadedBalance(row["micros"], row["changes"], row["withheld"], person_id, epoch, stored)


async def _stored_of(person_id: str) -> tuple[int | None, StoredBalance]:
    """Return a person's epoch and stored balance; epoch None and NO_BALANCE for an unknown id."""
    row = await queries.fetch_one(
        f"SELECT {', '.join((*gate.EPOCH.columns, *STORED.columns))} FROM {gate.EPOCH.table}"
        f" {STORED.join(person_id='p.person_id')} WHERE {gate.EPOCH.condition.format(person_id='$1')}",
        person_id,
    )
    if row is None:
        return None, NO_BALANCE
    epoch, *stored = row.values()
    return epoch, StoredBalance(*stored)


async def balance_of(person: Person | None, timeline: Timeline, today: date, at: datetime) -> Balance:
    """Return the person's points today: the stored ones while they are usable, else computed now and stored.

    Somebody unknown (None) has no records and no points. Computing leaves an event in the person's chain.

    Raises:
        RecordsWithheld: nothing may be used.
    """
    if person is None:
        return nothing(timeline, today)
    epoch, stored = await _stored_of(person.person_id)
    if not is_usable(stored, epoch, timeline, today, queries.to_micros(at)):
        return await compute_and_store(person, timeline, today, at)
    await withholding.require_usable()
    return stored.balance(today)


def nothing(timeline: Timeline, today: date) -> Balance:
    """Return the balance of somebody without records."""
    return balance_from(points.compute(NO_RECORDS, timeline, today))


async def compute_and_store(person: Person, timeline: Timeline, today: date, at: datetime) -> Balance:
    """Compute the person's points from their records, store them unless their epoch has moved, and return them.

    Raises:
        RecordsWithheld: nothing may be used.
    """
    computed, released = await compute(person, timeline, today, at)
    await store(released, computed, timeline)
    return balance_from(computed)


async def compute(person: Person, timeline: Timeline, today: date, at: datetime) -> tuple[Points, Released]:
    """Compute points with a line for every contribution, from records released now; an event records the use."""
    async with queries.transaction():
        released = await gate.release(person, at, OWN_COMPUTATION)
    return points.compute(released, timeline, today), released


async def store(released: Released, computed: Points, timeline: Timeline) -> bool:
    """Store points unless the person's epoch has moved since the release; return whether they were stored.

    Locks the person's row; runs in a transaction of its own, or joins the running one.
    """
    async with queries.transaction():
        if await gate.lock_epoch(released.person_id) != released.epoch:
            return False
        await queries.execute(
            f"INSERT INTO snapshot ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) {REPLACED}",
            released.person_id,
            released.epoch,
            computed.scheme_version,
            timeline.sha256,
            computed.total,
            json.dumps(balance_from(computed).dimensions),
            queries.to_day_number(computed.as_of),
            _first_change(released, computed),
            None if released.covered_until is None else queries.to_micros(released.covered_until),
            None if released.covered_from is None else queries.to_micros(released.covered_from),
        )
    return True


def _first_change(released: Released, computed: Points) -> int | None:
    """Return the first day (number) on which the stored total may differ.

    A record lies ahead of the day only where the clock was set back over midnight: it counts from its own day on.
    """
    ahead = [record.occurred_on for record in released.records if record.occurred_on > computed.as_of]
    days = ahead if computed.valid_until is None else [*ahead, computed.valid_until]
    return queries.to_day_number(min(days)) if days else None


async def delete_cached(person_id: str) -> None:
    """Delete the stored balance, so that after a withdrawal nothing derived from the old records is left."""
    await Snapshot.filter(person_id=person_id).delete()
