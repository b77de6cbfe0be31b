"""A running Citus cluster for tests: creates and drops databases on its coordinator and workers.

`TEST_CITUS` names the servers, coordinator first: `postgres@127.0.0.1:9700,127.0.0.1:9701,127.0.0.1:9702`.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time

import asyncpg

from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

VARIABLE = "TEST_CITUS"
SHARDS = 8
NUMBERS = itertools.count(1)


class Cluster:
    """The servers of a running cluster, from the value of `TEST_CITUS`."""

    def __init__(self, text: str) -> None:
        self.user, _, servers = text.partition("@")
        self.servers = [(host, int(port)) for host, _, port in (server.partition(":") for server in servers.split(","))]

    async def create(self) -> str:
        """Create a database on every server and connect them; return the coordinator's URL."""
        name = f"city_{os.getpid()}_{next(NUMBERS)}"
        for number, _ in enumerate(self.servers):
            await self._run(number, "postgres", f"CREATE DATABASE {name}")
            await self._run(number, name, "CREATE EXTENSION citus")
        for number, (host, port) in enumerate(self.servers):
            say = "citus_set_coordinator_host" if number == 0 else "citus_add_node"
            await self._run(0, name, f"SELECT {say}('{host}', {port})")
        await self._run(0, name, f"ALTER DATABASE {name} SET citus.shard_count = {SHARDS}")
        host, port = self.servers[0]
        return f"postgres://{self.user}@{host}:{port}/{name}"

    async def drop(self, url: str) -> None:
        """Drop the database on every server; a maintenance process of Citus may connect to it once more meanwhile."""
        name = url.rpartition("/")[2]
        for number, _ in enumerate(self.servers):
            deadline = time.monotonic() + WAIT_SECONDS
            while True:
                try:
                    await self._run(number, "postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                    break
                except asyncpg.ObjectInUseError:
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(POLL_SECONDS)

    async def _run(self, number: int, name: str, statement: str) -> None:
        host, port = self.servers[number]
        connection = await asyncpg.connect(host=host, port=port, user=self.user, database=name)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
