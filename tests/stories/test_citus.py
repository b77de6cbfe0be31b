"""The whole on a real Citus cluster: `TEST_CITUS=… pytest -m campaign tests/test_citus.py` (tests/clusters.py).

The same stories, races and batches as elsewhere, on tables that lie on several servers.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from consent.database import queries
from service.demo import seed
from service.storage import database, partitioning
from tests.benefits.balances.test_batch import *  # noqa: F403
from tests.factories import live_a_residents_day
from tests.service.api.test_source import *  # noqa: F403
from tests.stories.test_consent_cases import *  # noqa: F403
from tests.stories.test_leaving import *  # noqa: F403
from tests.stories.test_main_job import *  # noqa: F403
from tests.stories.test_races import *  # noqa: F403
from tests.support import city
from tests.support.city import City
from tests.support.clusters import VARIABLE, Cluster

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.campaign,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no cluster"),
]


@pytest.fixture
async def city_settings(demo_folder: Path, tmp_path: Path) -> AsyncIterator[object]:
    """Settings of a furnished city on the cluster."""
    cluster = Cluster(os.environ[VARIABLE])
    url = await cluster.create()
    published = tmp_path / "published"
    published.mkdir()
    settings = seed.settings_of(demo_folder)
    settings = replace(settings, database_url=url, publisher=replace(settings.publisher, folder=published))
    await database.open_database(url)
    await database.migrate_all()
    await database.distribute()
    await database.close_database()
    async with city.running_city(settings, demo_folder) as town:
        await seed.seed(town.app_context)
    yield settings
    await cluster.drop(url)


async def test_a_residents_day_on_distributed_tables(town: City) -> None:
    await live_a_residents_day(town)
    lie = {row["name"]: row["key"] for row in await queries.fetch_all(
        "SELECT table_name::text AS name, distribution_column AS key FROM citus_tables")}  # fmt: skip
    assert lie == {**partitioning.DISTRIBUTION_KEYS, **dict.fromkeys(partitioning.REFERENCE_TABLES, "<none>")}
    assert await database.distribute() == []
    colocation_ids = await queries.fetch_all(
        "SELECT DISTINCT colocation_id FROM citus_tables WHERE distribution_column = 'person_id'"
    )
    assert len(colocation_ids) == 1
