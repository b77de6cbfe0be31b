"""Everybody's points in DuckDB, polars and ours: `python -m loadtests.benchmarks.columnar` (extra `peers`).

On copies of persons, consents and records in columnar engines in memory: the handwritten statement of `recompute` in
DuckDB, the same by hand as expressions of polars. Copying is timed apart from computing; nothing is written back, there
is no trace and no fence. Totals are compared with ours before anything is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import polars as pl

from benefits.balances import batch, person_balance
from benefits.scoring import points, scheme
from benefits.scoring.scheme import Scheme, Timeline
from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from loadtests.benchmarks import turns
from loadtests.benchmarks.recompute import MICROS, NOW, TODAY, by_hand, clock, populate, timed
from service.demo import seed
from service.storage import database
from tests.support import servers

COPIES = {
    "person": "SELECT person_id, epoch FROM person",
    "consent": "SELECT person_id, counterpart, purpose, state, given_at, expires_at FROM consent",
    "record": "SELECT person_id, source_id, kind, quantity, occurred_on FROM record",
}
DUCKDB, POLARS = "DuckDB", "polars"
SIMPLE = {
    "bike_trip": (1, 2, 100), "transit_trip": (1, 4, 60), "community_meeting": (2, 1, 40), "eco_course": (2, 1, 40),
    "tree_planted": (5, 1, 50), "green_shop_month": (5, 1, 60),
}  # fmt: skip
"""Points for so many units, and the most of a year: what polars is told by hand, as the statement has it."""
DIMENSIONS = (
    ("tree_planted",), ("green_shop_month",), ("bike_trip", "transit_trip"), ("eco_course",),
    ("volunteer_minutes", "community_meeting"),
)  # fmt: skip


async def written(url: str, folder: Path) -> float:
    """The tables as files, and the seconds of getting them there."""
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    began = time.perf_counter()
    for table, query in COPIES.items():
        await connection.copy_from_query(query, output=folder / f"{table}.csv", format="csv", header=True)
    took = time.perf_counter() - began
    await connection.close()
    return took


def in_duckdb(folder: Path) -> Any:
    """The files as tables of DuckDB, in memory."""
    columnar = duckdb.connect()
    columnar.execute("SET integer_division = true")
    for table in COPIES:
        columnar.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{folder / f'{table}.csv'}', header = true)")
    return columnar


def worth(quantity: str) -> Any:
    """The points of a year's sum of a kind, as an expression."""
    q = pl.col(quantity)
    tiers = ((0, 1_200, 12), (1_200, 4_800, 6), (4_800, 12_000, 4))
    volunteer = pl.sum_horizontal(
        [(pl.min_horizontal(q, end) - begin).clip(0) * weight for begin, end, weight in tiers]
    )
    volunteer = ((volunteer + (q - 12_000).clip(0) * 3) // 720).clip(0, 200)
    points = pl.when(pl.col("kind") == "volunteer_minutes").then(volunteer)
    for kind, (for_each, units, most) in SIMPLE.items():
        points = points.when(pl.col("kind") == kind).then((q * for_each // units).clip(0, most))
    return points.otherwise(0)


def in_polars(tables: dict[str, Any]) -> Any:
    """Everybody's total by person, computed by polars' lazy engine."""
    today, gone_by = queries.to_day_number(TODAY), queries.to_day_number(points.last_expired(TODAY, 24))
    live = (pl.col("state") == "given") & (pl.col("given_at") <= MICROS) & (pl.col("expires_at") > MICROS)
    covering = tables["consent"].lazy().filter((pl.col("purpose") == "points.compute") & live)
    gone = pl.col("occurred_on") <= gone_by
    sums = (
        tables["record"].lazy().filter(pl.col("occurred_on").is_between(20_240_000, today))
        .join(covering, left_on=["person_id", "source_id"], right_on=["person_id", "counterpart"])
        .group_by("person_id", "kind", (pl.col("occurred_on") // 10_000).alias("year"))
        .agg(
            pl.col("quantity").sum().alias("all"),
            pl.col("quantity").filter(gone).sum().alias("gone"),
            pl.col("occurred_on").filter(~gone).min().alias("first"),
        )
        .filter(pl.col("first").is_not_null())
        .with_columns((worth("all") - worth("gone")).alias("points"))
    )  # fmt: skip
    dimension_sums = [pl.col("points").filter(pl.col("kind").is_in(kinds)).sum().clip(0, 200) for kinds in DIMENSIONS]
    totals = sums.group_by("person_id").agg(pl.sum_horizontal(dimension_sums).alias("total"))
    return covering.select("person_id").unique().join(totals, on="person_id", how="left").fill_null(0).collect()


async def measure(url: str, folder: Path, records: int, rounds: int) -> dict[str, Any]:
    """Ours, DuckDB and polars in turns."""
    await database.open_database(url)
    await database.migrate_all()
    document = scheme.shipped()[0]
    await seed.publish(DocumentKind.SCHEMES, document["version"], document, NOW)
    timeline = Timeline((Scheme.from_document(document),))
    await populate(records)
    tables, insert = by_hand(timeline)
    select = tables + insert[insert.index("SELECT") : insert.index("WHERE true")]

    async def ours() -> None:
        for part in await batch.list_parts():
            await batch.compute_part(part, clock, lambda at: at.date())

    copying = {"to files": await written(url, folder)}
    began = time.perf_counter()
    columnar = in_duckdb(folder)
    copying[f"to {DUCKDB}"] = time.perf_counter() - began
    began = time.perf_counter()
    frames = {table: pl.read_csv(folder / f"{table}.csv") for table in COPIES}
    copying[f"to {POLARS}"] = time.perf_counter() - began
    for took in turns.tries():
        for _ in range(rounds):
            took.add("ours", await timed(ours))
            began = time.perf_counter()
            columnar.execute(f"CREATE OR REPLACE TABLE result AS {select}")
            took.add(DUCKDB, time.perf_counter() - began)
            began = time.perf_counter()
            totals = in_polars(frames)
            took.add(POLARS, time.perf_counter() - began)
    stored = {
        row["person_id"]: row["total"] for row in await queries.fetch_all("SELECT person_id, total FROM snapshot")
    }
    index = [name.strip() for name in person_balance.COLUMNS.split(",")].index("total")
    assert {row[0]: row[index] for row in columnar.execute("SELECT * FROM result").fetchall()} == stored
    assert dict(totals.iter_rows()) == stored
    await database.close_database()
    return {
        "records": records,
        "seconds": {name: round(took.median(name), 2) for name in took.figures},
        "copying": {name: round(seconds, 2) for name, seconds in copying.items()},
        "spreads": {name: round(took.spread_of(name), 3) for name in took.figures},
        **took.verdict(),
    }


def main() -> None:
    """Measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", type=int, default=4_000_000)
    asked.add_argument("--rounds", type=int, default=3)
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as name, servers.postgres(durable=True, tuned=True) as server:
        url = server.create()
        print(json.dumps(asyncio.run(measure(url, Path(name), chosen.records, chosen.rounds)), indent=1))


if __name__ == "__main__":
    main()
