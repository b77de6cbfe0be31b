"""Everybody's points in DuckDB, beside ours: `pip install -e '.[peers]'` and `python -m loadtests.benchmarks.columnar`.

The handwritten statement of `recompute` on copies of persons, consents and records in a columnar engine in memory. Its
copying is timed apart from its computing; it writes nothing back, leaves no trace and holds no fence. Totals are
compared with ours before anything is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import duckdb

from benefits import recompute as batch
from benefits import scheme as schemes
from benefits.scheme import Scheme, Timeline
from consent import database
from consent.kinds import Kind
from loadtests.benchmarks.recompute import NOW, by_hand, clock, populate, timed
from loadtests.benchmarks.served import SPREAD_MAX
from service import demo, store
from tests import servers

COPIES = {
    "person": "SELECT person_id, epoch FROM person",
    "consent": "SELECT person_id, counterpart, purpose, state, given_at, expires_at FROM consent",
    "record": "SELECT person_id, source_id, kind, quantity, occurred_on FROM record",
}


async def copied(url: str, folder: Path) -> tuple[duckdb.DuckDBPyConnection, float]:
    """The tables in DuckDB, and the seconds of getting them there."""
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    columnar = duckdb.connect()
    columnar.execute("SET integer_division = true")
    began = time.perf_counter()
    for table, query in COPIES.items():
        path = folder / f"{table}.csv"
        await connection.copy_from_query(query, output=path, format="csv", header=True)
        columnar.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{path}', header = true)")
    took = time.perf_counter() - began
    await connection.close()
    return columnar, took


async def measure(url: str, folder: Path, records: int, rounds: int) -> dict[str, Any]:
    """Ours and DuckDB in turns."""
    await store.open_database(url)
    await store.bring_up_to_date()
    document = schemes.shipped()[0]
    await demo.publish(Kind.SCHEMES, document["version"], document, NOW)
    timeline = Timeline((Scheme.from_document(document),))
    await populate(records)
    tables, insert = by_hand(timeline)
    select = tables + insert[insert.index("SELECT") : insert.index("WHERE true")]

    async def ours() -> None:
        for part in await batch.plan():
            await batch.part(part, clock, lambda at: at.date())

    columnar, copying = await copied(url, folder)
    took: dict[str, list[float]] = {"ours": [], "computing in DuckDB": []}
    for _ in range(rounds):
        took["ours"].append(await timed(ours))
        began = time.perf_counter()
        found = columnar.execute(f"CREATE OR REPLACE TABLE result AS {select}")
        took["computing in DuckDB"].append(time.perf_counter() - began)
    found = columnar.execute("SELECT * FROM result").fetchall()
    kept = await database.rows("SELECT person_id, total FROM snapshot")
    assert {row[0]: row[4] for row in found} == {row["person_id"]: row["total"] for row in kept}
    await store.close_database()
    seconds = {name: round(statistics.median(values), 2) for name, values in took.items()}
    spread = max(statistics.pstdev(values) / statistics.median(values) for values in took.values())
    return {
        "records": records,
        "seconds": {**seconds, "copying to DuckDB": round(copying, 2)},
        "spread": round(spread, 3),
        "valid": spread <= SPREAD_MAX,
    }


def main() -> None:
    """Measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", type=int, default=4_000_000)
    asked.add_argument("--rounds", type=int, default=3)
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as name, servers.postgres(durable=True) as server:
        url = server.create()
        print(json.dumps(asyncio.run(measure(url, Path(name), chosen.records, chosen.rounds)), indent=1))


if __name__ == "__main__":
    main()
