"""Distribution of the tables on a Citus cluster; tests marked `cluster` run there too.

`TEST_CITUS=… pytest -m "campaign and cluster"`; tests/support/clusters.py says how to name a cluster.
"""

from __future__ import annotations

import os

import pytest

from consent.database import queries
from service.storage import database, partitioning
from tests.factories import live_a_residents_day
from tests.support.city import City
from tests.support.clusters import VARIABLE

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.cluster,
    pytest.mark.campaign,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no cluster"),
]


@pytest.mark.parametrize("city_settings", ["citus"], indirect=True)
async def test_a_residents_day_on_distributed_tables(town: City) -> None:
    await live_a_residents_day(town)
    rows = await queries.fetch_all("SELECT table_name::text AS name, distribution_column AS key FROM citus_tables")
    keys = {row["name"]: row["key"] for row in rows}
    assert keys == {**partitioning.DISTRIBUTION_KEYS, **dict.fromkeys(partitioning.REFERENCE_TABLES, "<none>")}
    assert await database.distribute() == []
    colocation_ids = await queries.fetch_all(
        "SELECT DISTINCT colocation_id FROM citus_tables WHERE distribution_column = 'person_id'"
    )
    assert len(colocation_ids) == 1
