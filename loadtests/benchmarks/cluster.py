"""Everybody's points on a Citus cluster: `TEST_CITUS=… python -m loadtests.benchmarks.cluster`.

The tables are spread as `migrate --citus` does, filled, and computed in one part: the statement goes down to the
servers that have the rows. tests/clusters.py says what the variable holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from typing import Any

from benefits.balances import batch
from benefits.scoring import scheme
from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from consent.records.gate import Part
from loadtests.benchmarks import turns
from loadtests.benchmarks.recompute import NOW, RECORDS_A_PERSON, clock, populate, timed
from service.demo import seed
from service.storage import database
from tests.support.clusters import VARIABLE, Cluster


async def measure(records: int, rounds: int) -> dict[str, Any]:
    """Median seconds of a whole batch."""
    cluster = Cluster(os.environ[VARIABLE])
    url = await cluster.create()
    await database.open_database(url)
    try:
        await database.migrate_all()
        await database.distribute()
        document = scheme.shipped()[0]
        await seed.publish(DocumentKind.SCHEMES, document["version"], document, NOW)
        await populate(records)

        async def ours() -> None:
            done = await batch.compute_part(Part(0, 1), clock, lambda at: at.date())
            assert done.computed == records // RECORDS_A_PERSON

        for seconds in turns.tries():
            for _ in range(rounds):
                seconds.add("ours", await timed(ours))
        servers = await queries.fetch_all("SELECT count(*) AS servers FROM citus_get_active_worker_nodes()")
    finally:
        await database.close_database()
        await cluster.drop(url)
    return {
        "records": records,
        "workers": servers[0]["servers"],
        "seconds": round(seconds.median("ours"), 2),
        **seconds.verdict(),
    }


def main() -> None:
    """Measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", type=int, default=1_000_000)
    asked.add_argument("--rounds", type=int, default=5)
    chosen = asked.parse_args()
    print(json.dumps(asyncio.run(measure(chosen.records, chosen.rounds)), indent=1))


if __name__ == "__main__":
    main()
