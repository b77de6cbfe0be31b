"""Everybody's points: `python -m loadtests.benchmarks.recompute`.

In one run on one server, in turns: ours (consent gate, fence, locks, trace, any scheme) in its parts, and what somebody
would write by hand in one statement for this scheme alone (no locks, no trace), each writing the same balances. Their
results are compared before anything is timed. Ours also with JOBS parts in parallel. Then a loop over persons
through the ORM, for a sample. At 40,000, 400,000 and 4,000,000 records of 20 a person, their rows in random order; and
the same on SQLite (`--sqlite`).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from benefits.balances import batch, person_balance
from benefits.scoring import points, scheme
from benefits.scoring.scheme import Scheme, Timeline
from benefits.statistics import population
from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import Record, RecordKind, Released
from consent.models import StoredConsent, StoredRecord
from consent.records import gate
from loadtests.benchmarks import turns
from service.demo import seed
from service.storage import database
from tests.support import servers

RECORDS_A_PERSON = 20
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
MICROS = queries.to_micros(NOW)
DAY = 86_400_000_000
ORM_PERSONS, ORM_ROUNDS = 250, 3
JOBS = 2
"""Parts in parallel, as with `credit-easy recompute --jobs`."""
KINDS = ("bike_trip", "transit_trip", "volunteer_minutes", "community_meeting", "eco_course")

PERSONS = """
INSERT INTO person (person_id, epoch, events, last_leaf, wrapped_key, sealed_subject, created_at)
SELECT {id}, 1, 0, '', {blob}, {blob}, 0 FROM {series}
"""
CONSENTS = """
INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version, notice_sha256, state,
                     given_at, expires_at)
SELECT {id}, {id} || source, 'points.compute', source, 'n', 1, 'h', 'given', {given}, {expires}
  FROM {series} CROSS JOIN (SELECT 'green' AS source UNION ALL SELECT 'civic') sources
"""
RECORDS = """
INSERT INTO record (person_id, record_id, source_id, sealed_source_record_id, kind, quantity, occurred_on, received_at)
SELECT {id}, {record}, CASE WHEN k < 2 THEN 'green' ELSE 'civic' END, {blob}, {kinds},
       CASE WHEN k = 2 THEN 30 + n % 400 ELSE 1 + n % 7 END,
       (2024 + n / 7 % 3) * 10000 + (1 + n / 21 % 10) * 100 + 1 + n / 210 % 28,
       ((54 + n / 7 % 3) * 365 + (1 + n / 21 % 10) * 30 + 40) * {day}
  FROM (SELECT {person} AS i, n, n % 5 AS k FROM {numbers}) deeds ORDER BY {record}
"""

BY_HAND = """
WITH s AS (
  SELECT r.person_id, r.kind, r.occurred_on / 10000 AS y,
         sum(CASE WHEN r.occurred_on <= {gone_by} THEN quantity ELSE 0 END) AS g,
         sum(CASE WHEN r.occurred_on > {gone_by} THEN quantity ELSE 0 END) AS f,
         min(CASE WHEN r.occurred_on > {gone_by} THEN occurred_on END) AS o
    FROM record r JOIN consent c ON c.person_id = r.person_id AND c.counterpart = r.source_id
   WHERE c.purpose = 'points.compute' AND c.state = 'given' AND c.given_at <= {now} AND c.expires_at > {now}
     AND r.occurred_on BETWEEN 20240000 AND {today}
   GROUP BY r.person_id, r.kind, r.occurred_on / 10000),
q AS (
  SELECT person_id, kind, f + g AS q, g, o + CASE WHEN o % 10000 = 229 THEN 20072 ELSE 20000 END AS e
    FROM s WHERE o IS NOT NULL),
p AS (
  SELECT person_id, kind, e, CASE kind
      WHEN 'bike_trip' THEN {least}(q / 2, 100) - {least}(g / 2, 100)
      WHEN 'transit_trip' THEN {least}(q / 4, 60) - {least}(g / 4, 60)
      WHEN 'volunteer_minutes' THEN {volunteer_q} - {volunteer_g}
      WHEN 'community_meeting' THEN {least}(q * 2, 40) - {least}(g * 2, 40)
      WHEN 'eco_course' THEN {least}(q * 2, 40) - {least}(g * 2, 40)
      WHEN 'tree_planted' THEN {least}(q * 5, 50) - {least}(g * 5, 50)
      WHEN 'green_shop_month' THEN {least}(q * 5, 60) - {least}(g * 5, 60) END AS v
    FROM q),
d AS (
  SELECT person_id, {least}(200, coalesce(sum(CASE WHEN kind = 'tree_planted' THEN v END), 0)) AS a,
         {least}(200, coalesce(sum(CASE WHEN kind = 'green_shop_month' THEN v END), 0)) AS b,
         {least}(200, coalesce(sum(CASE WHEN kind IN ('bike_trip', 'transit_trip') THEN v END), 0)) AS c,
         {least}(200, coalesce(sum(CASE WHEN kind = 'eco_course' THEN v END), 0)) AS d,
         {least}(200, coalesce(sum(CASE WHEN kind IN ('volunteer_minutes', 'community_meeting') THEN v END), 0)) AS f,
         min(CASE WHEN v > 0 THEN e END) AS e
    FROM p GROUP BY person_id),
w AS (
  SELECT person_id, min(expires_at) AS x FROM consent
   WHERE purpose = 'points.compute' AND state = 'given' AND given_at <= {now} AND expires_at > {now}
   GROUP BY person_id)
"""
BY_HAND_INSERT = """
INSERT INTO snapshot ({columns})
SELECT w.person_id, o.epoch, '2026.1', '{sha}', coalesce(a + b + c + d + f, 0),
       '[{{"dimension": "ecological_protection", "points": ' || coalesce(a, 0)
       || ', "cap": 200}}, {{"dimension": "ecological_business", "points": ' || coalesce(b, 0)
       || ', "cap": 200}}, {{"dimension": "green_living", "points": ' || coalesce(c, 0)
       || ', "cap": 200}}, {{"dimension": "ecological_culture", "points": ' || coalesce(d, 0)
       || ', "cap": 200}}, {{"dimension": "social_responsibility", "points": ' || coalesce(f, 0)
       || ', "cap": 200}}]', {today}, d.e, w.x
  FROM w JOIN person o ON o.person_id = w.person_id LEFT JOIN d ON d.person_id = w.person_id WHERE true {replaced}
"""


def by_hand(timeline: Timeline) -> tuple[str, str]:
    """The handwritten statement's tables and insert, for the engine that is open."""
    least, greatest = ("MIN", "MAX") if queries.is_sqlite() else ("LEAST", "GREATEST")

    def volunteer(q: str) -> str:
        tiers = (("0", "1200", 12), ("1200", "4800", 6), ("4800", "12000", 4))
        parts = [f"{greatest}({least}({q}, {end}) - {begin}, 0) * {weight}" for begin, end, weight in tiers]
        return f"{least}(({' + '.join(parts)} + {greatest}({q} - 12000, 0) * 3) / 720, 200)"

    today = queries.to_day_number(TODAY)
    tables = BY_HAND.format(
        now=MICROS,
        today=today,
        gone_by=queries.to_day_number(points.last_expired(TODAY, 24)),
        least=least,
        volunteer_q=volunteer("q"),
        volunteer_g=volunteer("g"),
    )
    return tables, BY_HAND_INSERT.format(
        columns=person_balance.COLUMNS, replaced=person_balance.REPLACED, sha=timeline.sha256, today=today
    )


async def populate(records: int) -> None:
    """Persons with two consents and their records, in the order of the records' random ids."""
    persons = records // RECORDS_A_PERSON
    if queries.is_sqlite():
        # SQLite has no md5; Knuth's multiplicative hash spreads as well.
        spread = "printf('%08x%08x%016x', {0} * 2654435761 % 4294967296, {0} * 40503 % 4294967296, {0})"
        series = "(WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {}) SELECT i FROM c)"
        blob, numbers = "x'00'", f"(SELECT i AS n FROM {series.format(records)})"
    else:
        spread, series = "md5({0}::text)", "generate_series(1, {}) AS i"
        blob, numbers = "'\\x00'::bytea", f"generate_series(1, {records}) AS n"
    parts = {
        "id": spread.format("i"),
        "record": spread.format("n"),
        "person": f"1 + n % {persons}",
        "blob": blob,
        "series": series.format(persons),
        "numbers": numbers,
        "kinds": "CASE k " + " ".join(f"WHEN {place} THEN '{kind}'" for place, kind in enumerate(KINDS)) + " END",
        "day": DAY,
        "given": MICROS - 30 * DAY,
        "expires": MICROS + 300 * DAY,
    }
    for script in (PERSONS, CONSENTS, RECORDS):
        await queries.connection().execute_script(script.format(**parts))
    await queries.connection().execute_script("ANALYZE" if queries.is_sqlite() else "VACUUM ANALYZE")


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of one run, from an emptied snapshot table on a settled server."""
    await queries.execute("DELETE FROM snapshot")
    if not queries.is_sqlite():
        for statement in ("VACUUM snapshot", "CHECKPOINT"):
            await queries.connection().execute_script(statement)
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def clock() -> datetime:
    """The instant at which everything is computed."""
    return NOW


async def through_the_orm(persons: int, timeline: Timeline) -> float:
    """Seconds a person, one after the other through the ORM's models."""
    ids = [row["person_id"] for row in await queries.fetch_all("SELECT person_id FROM person LIMIT $1", persons)]
    began = time.perf_counter()
    for person_id in ids:
        live = await StoredConsent.filter(
            person_id=person_id, purpose="points.compute", state="given", given_at__lte=MICROS, expires_at__gt=MICROS
        )
        rows = await StoredRecord.filter(person_id=person_id, source_id__in=[consent.counterpart for consent in live])
        records = tuple(
            Record(
                row.record_id,
                row.source_id,
                RecordKind(row.kind),
                row.quantity,
                queries.from_day_number(row.occurred_on),
                queries.from_micros(row.received_at).date(),
            )
            for row in rows
        )
        released = Released(person_id, "points.compute", 1, records)
        await person_balance.store(released, points.compute(released, timeline, TODAY), timeline)
    return (time.perf_counter() - began) / len(ids)


async def measure(url: str, records: int, rounds: int) -> dict[str, Any]:
    """Load, compare and time one size; print a line."""
    await database.open_database(url)
    try:
        await database.migrate_all()
        document = scheme.shipped()[0]
        await seed.publish(DocumentKind.SCHEMES, document["version"], document, NOW)
        timeline = Timeline((Scheme.from_document(document),))
        await populate(records)
        tables, insert = by_hand(timeline)

        async def hand() -> None:
            async with queries.transaction():
                if not queries.is_sqlite():
                    await queries.execute(f"SET LOCAL work_mem = '{gate.MEMORY_OF_A_PART}'")
                await queries.insert_select(tables, insert)

        async def ours() -> None:
            for part in await batch.list_parts():
                await batch.compute_part(part, clock, lambda at: at.date())

        async def in_parallel() -> None:
            await batch.run(await batch.list_parts(), 0, JOBS, clock, lambda at: at.date(), lambda *_: None)

        totals = []
        for work in (hand, ours):
            await timed(work)
            totals.append(await queries.fetch_all("SELECT * FROM snapshot ORDER BY person_id"))
        assert totals[0] == totals[1], "the handwritten statement does another job"
        assert len(totals[0]) == records // RECORDS_A_PERSON
        for took in turns.tries():
            jobs = turns.Turns()
            for _ in range(rounds):
                took.add("hand", await timed(hand))
                took.add("ours", await timed(ours))
                jobs.add("ours", await timed(in_parallel))
        by_hand_s, ours_s, jobs_s = took.median("hand"), took.median("ours"), jobs.median("ours")
        began = time.perf_counter()
        await population.freeze(TODAY, NOW)
        frozen = time.perf_counter() - began
        a_person = [await through_the_orm(ORM_PERSONS, timeline) for _ in range(ORM_ROUNDS)]
        loop = statistics.median(a_person) * (records // RECORDS_A_PERSON)
        figures = {
            "records": records,
            "seconds": {
                "ours": round(ours_s, 2),
                f"ours, {JOBS} parts at a time": round(jobs_s, 2),
                "by hand": round(by_hand_s, 2),
                "ORM loop": round(loop),
            },
            "ratio": round(ours_s / by_hand_s, 2),
            "times_the_orm": round(loop / ours_s),
            "microseconds_a_record": round(ours_s / records * 1e6, 2),
            "seconds_to_freeze_for_simulations": round(frozen, 1),
            **took.verdict(),
        }
        print("SQLite" if queries.is_sqlite() else "PostgreSQL", figures, file=sys.stderr, flush=True)
        return figures
    finally:
        await database.close_database()


async def main() -> None:
    """Every size on PostgreSQL; with --sqlite the middle one on SQLite."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", type=int, nargs="+", default=[40_000, 400_000, 4_000_000])
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--sqlite", action="store_true")
    arguments = asked.parse_args()
    if arguments.sqlite:
        with tempfile.TemporaryDirectory() as folder:
            for records in arguments.records:
                await measure(f"sqlite://{Path(folder) / f'{records}.sqlite3'}", records, arguments.rounds)
        return
    with servers.postgres(durable=True, tuned=True) as server:
        for records in arguments.records:
            await measure(server.create(), records, arguments.rounds)


if __name__ == "__main__":
    asyncio.run(main())
