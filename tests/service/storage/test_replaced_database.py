"""A database in the place of the prepared one, as after a restore, is prepared before anybody uses it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from consent.database import queries
from service.storage import database
from tests.support import servers
from tests.support.deadlines import WAIT_SECONDS

pytestmark = pytest.mark.anyio

OID = "SELECT oid FROM pg_database WHERE datname = current_database()"


def replaced(server: servers.Postgres, url: str) -> None:
    """Put a new database in the place of another, and end the connections to it."""
    name = servers.name_of(url)
    server.psql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
    server.psql(f"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = '{name}'")
    server.psql(f'ALTER DATABASE "{name}" RENAME TO "{name}_newer"')
    server.psql(f'CREATE DATABASE "{name}"')


async def test_a_replaced_database_is_prepared_before_it_is_used(postgres: servers.Postgres) -> None:
    url, prepared = postgres.create(), []

    async def prepare() -> None:
        row = await queries.fetch_one(OID)
        assert row is not None
        prepared.append(row["oid"])

    monitor = await database.open_for_requests(url, prepare)
    try:
        assert [await queries.fetch_one(OID)] == [{"oid": prepared[0]}]
        await asyncio.to_thread(replaced, postgres, url)
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                try:
                    row = await queries.fetch_one(OID)
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    await asyncio.sleep(0.01)
                    continue
                assert row is not None
                assert row["oid"] in prepared
                if row["oid"] != prepared[0]:
                    break
        assert len(set(prepared)) == 2
    finally:
        monitor.cancel()
        await asyncio.gather(monitor, return_exceptions=True)
        await database.close_database()
        postgres.psql(f'DROP DATABASE "{servers.name_of(url)}_newer" WITH (FORCE)')
        postgres.drop(url)
