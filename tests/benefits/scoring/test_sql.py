"""The statement that scores everybody agrees with `points.compute` on generated lives, schemes and days."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from benefits.scoring import points, scheme, sql
from benefits.scoring.scheme import Scheme, Timeline
from consent.database import queries
from consent.domain.records import Dimension, Record, RecordKind, Released
from consent.kernel.faults import DocumentInvalid

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

DOCUMENT = scheme.shipped()[0]
LIVES = 250


def version(year: int, change: Any) -> Scheme:
    document = {**copy.deepcopy(DOCUMENT), "version": f"{year}.1", "from_year": year}
    change(document)
    return Scheme.from_document(document)


def odd_months(document: dict[str, Any]) -> None:
    for months, indicator in zip((1, 7, 13, 23, 25, 36, 120), document["indicators"], strict=False):
        indicator["validity_months"] = months


def other_caps(document: dict[str, Any]) -> None:
    for place, dimension in enumerate(document["dimensions"]):
        dimension["cap"] = (5, 17, 400, 90, 60)[place]


def moved(document: dict[str, Any]) -> None:
    """A kind no longer counts, another gives its points elsewhere, a third by three uneven tiers."""
    first, second, third, *_ = document["indicators"]
    document["indicators"].remove(first)
    second["dimension"] = "social_responsibility"
    third["tiers"] = [
        {"up_to": 700, "units": 7, "points": 2},
        {"up_to": 900, "units": 11, "points": 9},
        {"units": 13, "points": 1},
    ]
    third["yearly_cap"] = 333


TIMELINES = {
    "shipped": Timeline((Scheme.from_document(DOCUMENT),)),
    "odd months": Timeline((version(2022, odd_months),)),
    "three versions": Timeline((version(2022, odd_months), version(2025, other_caps), version(2026, moved))),
    "a later version": Timeline((version(2023, moved), version(2027, other_caps))),
}
DAYS = (date(2024, 2, 29), date(2025, 1, 1), date(2026, 3, 1), date(2026, 11, 23), date(2028, 12, 31))


def life(random: Random) -> list[Record]:
    records = []
    for number in range(random.choice((1, 3, 12, 40))):
        day = date(2022, 1, 1) + timedelta(days=random.randrange(365 * 7))
        if random.random() < 0.1:
            day = random.choice((date(2024, 2, 29), date(2024, 1, 31), date(2025, 10, 31), date(2023, 12, 31)))
        received = day + timedelta(days=random.choice((0, 1, 30, 365, 800)))
        kind = random.choice(list(RecordKind))
        quantity = random.choice((1, 2, 7, 60, 600, 1_000_000))
        records.append(Record(f"{number:03}", "s", kind, quantity, day, received))
    return records


async def store(lives: dict[str, list[Record]]) -> None:
    await queries.execute_many(
        "INSERT INTO record (person_id, record_id, source_id, sealed_source_record_id, kind, quantity, occurred_on,"
        " received_at) VALUES ($1, $2, 's', '', $3, $4, $5, $6)",
        [
            (
                person,
                record.record_id,
                str(record.kind),
                record.quantity,
                queries.to_day_number(record.occurred_on),
                (record.received_on.toordinal() - date(1970, 1, 1).toordinal()) * 86_400_000_000 + 77,
            )
            for person, records in lives.items()
            for record in records
            if record.received_on is not None
        ],
    )


@pytest.mark.parametrize("which", TIMELINES)
async def test_the_statement_for_all_agrees_with_the_pure_function(opened: str, which: str) -> None:
    random, timeline = Random(which), TIMELINES[which]
    lives = {f"person-{number}": life(random) for number in range(LIVES)}
    async with queries.transaction():
        await store(lives)
    dialect = sql.dialect_of(queries.is_sqlite())
    compared = 0
    for day in DAYS:
        if day.year < timeline.schemes[0].from_year:
            continue
        scored = {
            row["person_id"]: row
            for row in await queries.fetch_all(
                "WITH released AS (SELECT person_id, kind, quantity, occurred_on, received_at FROM record),"
                f"{sql.scoring(timeline, day, dialect)}"
                f" SELECT s.*, {sql.total()} AS total, {sql.balance_json(timeline, day)} AS said FROM scored s"
            )
        }
        for person, records in lives.items():
            alone = points.compute(Released(person, "points.compute", 1, tuple(records)), timeline, day)
            row = scored.get(person)
            if row is None:
                assert (alone.total, alone.valid_until) == (0, None)
                continue
            pairs = [(row[f"p{place}"], row[f"c{place}"]) for place, _ in enumerate(Dimension)]
            assert pairs == [(dimension.points, dimension.cap) for dimension in alone.dimensions]
            assert row["total"] == alone.total
            assert f'"points": {pairs[2][0]}, "cap": {pairs[2][1]}' in row["said"]
            until = None if alone.valid_until is None else queries.to_day_number(alone.valid_until)
            assert row["valid_until"] == until
            compared += alone.total > 0
    assert compared > LIVES


@pytest.mark.parametrize("which", TIMELINES)
async def test_yearly_sums_score_like_single_records(opened: str, which: str) -> None:
    """The yearly totals that simulations compare equal `points.compute` on one civil year's records."""
    random, timeline = Random(which), TIMELINES[which]
    for yearly in timeline.schemes:
        day = date(yearly.from_year, 12, 31)
        for _ in range(40):
            sums = {kind: random.choice((0, 1, 7, 59, 600, 1_000_000, 3_000_000)) for kind in RecordKind}
            records = tuple(Record(kind, "s", kind, sums[kind], day, day) for kind in RecordKind if sums[kind])
            columns = ", ".join(f"CAST({sums[kind]} AS BIGINT) AS {kind}" for kind in RecordKind)
            total = sql.yearly_total_sql(yearly, sql.dialect_of(queries.is_sqlite()))
            row = await queries.fetch_one(f"SELECT {total} AS total FROM (SELECT {columns}) x")
            assert row is not None
            alone = points.compute(Released("p", "points.compute", 1, records), Timeline((yearly,)), day)
            assert row["total"] == alone.total


def test_an_indicator_whose_units_share_no_small_multiple_is_refused() -> None:
    def primes(document: dict[str, Any]) -> None:
        document["indicators"][0]["tiers"] = [
            {"up_to": 10, "units": 999_983, "points": 1},
            {"up_to": 20, "units": 999_979, "points": 1},
            {"units": 999_961, "points": 1},
        ]

    with pytest.raises(DocumentInvalid) as refused:
        version(2026, primes)
    assert "units_too_odd" in str(refused.value.__dict__) or "units" in str(refused.value)


def test_the_largest_scheme_stays_inside_64_bits() -> None:
    def largest(document: dict[str, Any]) -> None:
        document["indicators"][0] |= {
            "yearly_cap": scheme.CAP_MAX,
            "tiers": [{"up_to": 1, "units": 1_000_000, "points": scheme.CAP_MAX}, {"units": 999_999, "points": 1}],
        }

    indicator = version(2026, largest).indicators[RecordKind(DOCUMENT["indicators"][0]["kind"])]
    text = sql.scoring(Timeline((version(2026, largest),)), date(2026, 6, 1), sql.POSTGRESQL)
    assert indicator.scale <= scheme.SCALE_MAX
    assert all(int(number) < 2**63 for number in __import__("re").findall(r"\d+", text))
