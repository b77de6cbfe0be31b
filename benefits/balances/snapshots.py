"""A person's points: computed when somebody asks, kept as a snapshot, fenced by the person's consent epoch.

A snapshot is believed only under the epoch and the schemes it was computed under, before its first change by expiry,
and before the end of any consent it rests on. So nothing nightly is needed, and a withdrawal is felt at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson

from benefits.scoring import points
from benefits.scoring.points import Points
from benefits.scoring.scheme import Timeline
from consent.database import queries
from consent.domain.records import NOTHING, Released
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use


class Balance(NamedTuple):
    """What a person has: totals only. `valid_until` is the first day on which the total may differ by expiry."""

    total: int
    dimensions: tuple[dict[str, Any], ...]
    scheme_version: str
    as_of: date
    valid_until: date | None

    def measures(self) -> dict[str, int]:
        """The measures that conditions speak about: the total and each dimension."""
        return {"total": self.total, **{one["dimension"]: one["points"] for one in self.dimensions}}


SNAPSHOT = (
    "s.person_id AS known, s.epoch, s.scheme_version, s.timeline_sha256, s.total, s.dimensions, s.as_of,"
    " s.valid_until, s.covered_until"
)
"""What a glance reads of a snapshot `s`."""
COLUMNS = "person_id, epoch, scheme_version, timeline_sha256, total, dimensions, as_of, valid_until, covered_until"
REPLACED = (
    "ON CONFLICT (person_id) DO UPDATE SET epoch = excluded.epoch, scheme_version = excluded.scheme_version,"
    " timeline_sha256 = excluded.timeline_sha256, total = excluded.total, dimensions = excluded.dimensions,"
    " as_of = excluded.as_of, valid_until = excluded.valid_until, covered_until = excluded.covered_until"
)
OWN_COMPUTATION = Use("points.computed", "credit-easy", "records", "computed")


async def balance_of(person: Person | None, timeline: Timeline, today: date, at: datetime) -> Balance:
    """The person's points today: the snapshot while it may be believed, else computed anew and stored.

    Somebody unknown here has no records and no points. `gate.Withheld` while nothing may be used.
    """
    if person is None:
        return _standing(points.compute(NOTHING, timeline, today))
    kept = await _kept(person.person_id, timeline, today, at)
    if kept is not None:
        return kept
    computed, released = await compute(person, timeline, today, at)
    await store(released, computed, timeline)
    return _standing(computed)


class CachedBalance(NamedTuple):
    """What one statement sees of a person: the clock, the catalogue's number of changes, and what is stored.

    `withheld` is whether nothing may be used now.
    """

    at: datetime
    catalogue: int
    withheld: int
    row: Mapping[str, Any]

    def standing(self, timeline: Timeline, today: date, at: datetime) -> Balance | None:
        """The stored points where they may be believed under this timeline, and used now; None otherwise."""
        row = self.row
        if (
            self.withheld
            or row["known"] is None
            or row["timeline_sha256"] != timeline.sha256
            or row["scheme_version"] != timeline.version_for(today.year).version
        ):
            return None
        day = queries.to_day_number(today)
        if row["as_of"] > day or (row["valid_until"] is not None and row["valid_until"] <= day):
            return None
        if row["covered_until"] is not None and row["covered_until"] <= queries.to_micros(at):
            return None
        return _stored(row, today)


async def glance(subject_index: str) -> CachedBalance:
    """The person of a subject's index with everything that reading their points takes, in one round trip."""
    clock = f"{queries.clock_sql()} AS micros, c.changes, {gate.WITHHELD}"
    if queries.is_citus():
        # Tables that lie by different keys are asked one after another; the clock last, so that it is the latest.
        known = await queries.fetch_one("SELECT person_id FROM subject WHERE subject_index = $1", subject_index)
        stored = await queries.fetch_one(
            f"SELECT {SNAPSHOT} FROM person p JOIN snapshot s ON s.person_id = p.person_id AND s.epoch = p.epoch"
            " WHERE p.person_id = $1",
            known["person_id"] if known else "",
        )
        row: Mapping[str, Any] | None = await queries.fetch_one(f"SELECT {clock} FROM catalogue_state c")
        assert row is not None
        return CachedBalance(
            queries.from_micros(row["micros"]), row["changes"], row["withheld"], stored or {"known": None}
        )
    row = await queries.fetch_record(
        f"SELECT {clock}, {SNAPSHOT} FROM catalogue_state c"
        " LEFT JOIN subject i ON i.subject_index = $1 LEFT JOIN person p ON p.person_id = i.person_id"
        " LEFT JOIN snapshot s ON s.person_id = p.person_id AND s.epoch = p.epoch",
        subject_index,
    )
    assert row is not None
    return CachedBalance(queries.from_micros(row["micros"]), row["changes"], row["withheld"], row)


async def compute(person: Person, timeline: Timeline, today: date, at: datetime) -> tuple[Points, Released]:
    """Points with a line for every contribution, from records released just now (an event says so)."""
    async with queries.transaction():
        released = await gate.release(person, at, OWN_COMPUTATION)
    return points.compute(released, timeline, today), released


async def store(released: Released, computed: Points, timeline: Timeline) -> bool:
    """Keep the result, unless the person's epoch has moved since the records were released; whether it was kept."""
    async with queries.transaction():
        fence = await queries.fetch_one("SELECT epoch FROM person WHERE person_id = $1 FOR UPDATE", released.person_id)
        if fence is None or fence["epoch"] != released.epoch:
            return False
        await queries.execute(
            f"INSERT INTO snapshot ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) {REPLACED}",
            released.person_id,
            released.epoch,
            computed.scheme_version,
            timeline.sha256,
            computed.total,
            json.dumps(_standing(computed).dimensions),
            queries.to_day_number(computed.as_of),
            None if computed.valid_until is None else queries.to_day_number(computed.valid_until),
            None if released.covered_until is None else queries.to_micros(released.covered_until),
        )
    return True


async def delete_cached(person_id: str) -> None:
    """Delete the stored result; after a withdrawal nothing derived from the old records is kept."""
    await queries.execute("DELETE FROM snapshot WHERE person_id = $1", person_id)


async def _kept(person_id: str, timeline: Timeline, today: date, at: datetime) -> Balance | None:
    row = await queries.fetch_one(
        f"SELECT s.*, {gate.WITHHELD} FROM snapshot s JOIN person p ON p.person_id = s.person_id AND p.epoch = s.epoch"
        " WHERE s.person_id = $1 AND s.timeline_sha256 = $2 AND s.scheme_version = $3 AND s.as_of <= $4"
        " AND (s.valid_until IS NULL OR s.valid_until > $4) AND (s.covered_until IS NULL OR s.covered_until > $5)",
        person_id,
        timeline.sha256,
        timeline.version_for(today.year).version,
        queries.to_day_number(today),
        queries.to_micros(at),
    )
    if row is None:
        return None
    gate.require_not_frozen(row["withheld"])
    return _stored(row, today)


def _stored(row: Mapping[str, Any], today: date) -> Balance:
    return Balance(
        row["total"],
        tuple(orjson.loads(row["dimensions"])),
        row["scheme_version"],
        today,
        None if row["valid_until"] is None else queries.from_day_number(row["valid_until"]),
    )


def _standing(computed: Points) -> Balance:
    return Balance(
        computed.total,
        tuple({"dimension": str(one.dimension), "points": one.points, "cap": one.cap} for one in computed.dimensions),
        computed.scheme_version,
        computed.as_of,
        computed.valid_until,
    )
