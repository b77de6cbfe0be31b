"""CPU time of reading points with two connection pools: `python -m loadtests.benchmarks.pools`.

Both servers are the whole service in one process on one PostgreSQL and one Redis, driven in turns; they differ in the
pool alone: the project's, and asyncpg's at its best, whose `reset` does nothing so that no return costs a round trip.
The result is JSON on stdout, CPU microseconds a request; docs/decisions/0020-connection-pool.md quotes it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import asyncpg
import uvicorn
from tortoise.backends.asyncpg.client import AsyncpgDBClient

from loadtests.benchmarks import routes, served
from service.demo import seed
from service.observability import logging
from service.runtime import server as serving
from service.storage import pool as project_pool
from tests.support import servers

PORTS = {"project": 8473, "asyncpg": 8474}


class ResetlessConnection(asyncpg.Connection):
    """A connection that comes back to asyncpg's pool without `RESET ALL`, `UNLISTEN *` and the like."""

    async def reset(self, *, timeout: float | None = None) -> None:
        """Do nothing: the service sets nothing beyond a transaction."""


class AsyncpgClient(AsyncpgDBClient):
    """Tortoise's client with asyncpg's own pool of such connections."""

    connection_class = ResetlessConnection


def serve(which: str, folder: Path, url: str, redis_url: str, port: int) -> None:
    """Serve the whole service with one of the pools until terminated."""
    if which == "asyncpg":
        project_pool.client_class = AsyncpgClient  # type: ignore[assignment]
    app = routes.ours(folder, url, redis_url)
    logging.configure()
    serving.tune_gc()
    uvicorn.run(app, port=port, **serving.OPTIONS)  # type: ignore[arg-type]


def measure(residents: int, rounds: int, slices: int, count: int) -> dict[str, Any]:
    """Seed a city, serve it with each pool, read points in turns; medians, their ratio and the spread of the rounds."""
    with (
        tempfile.TemporaryDirectory() as name,
        servers.postgres(durable=True, tuned=True) as server,
        servers.redis() as redis_url,
    ):
        folder, url = Path(name), server.create()
        seed.settings_of(folder)
        city = asyncio.run(routes.prepare_city(folder, url, residents))
        reads = [served.get("/v1/me/points", city.residents[place % residents]) for place in range(count)]
        command = ["-m", "loadtests.benchmarks.pools", "--serve"]
        with (
            served.running("project", [*command, "project", name, url, redis_url], PORTS["project"]) as ours,
            served.running("asyncpg", [*command, "asyncpg", name, url, redis_url], PORTS["asyncpg"]) as theirs,
        ):
            return served.compare(rounds, (ours, theirs), lambda: reads, 200, slices)


def main() -> None:
    """Read the arguments; serve one pool or measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", nargs=5)
    parser.add_argument("--residents", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slices", type=int, default=10, help="turns of a round; more of them even out other load")
    parser.add_argument("--requests", type=int, default=1_500, help="requests of a turn")
    arguments = parser.parse_args()
    if arguments.serve:
        which, name, url, redis_url, port = arguments.serve
        serve(which, Path(name), url, redis_url, int(port))
        return
    print(json.dumps(measure(arguments.residents, arguments.rounds, arguments.slices, arguments.requests), indent=1))


if __name__ == "__main__":
    main()
