"""What a request costs: `python -m loadtests.benchmarks.routes`.

On one PostgreSQL (durable) and one Redis, each server one process: ours, and the thinnest that does the same work, a
bare Starlette app that keeps verified tokens by their hash and asks asyncpg. The same clients drive both in turns.
What counts is the server's CPU time a request; wall-clock rates are printed beside it. A run whose CPU times spread by
more than SPREAD_MAX (standard deviation to median) is void.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consent import people
from service import demo, logs, store
from service.app import create_app
from service.identity import Door
from service.limits import make_limiter
from service.settings import Settings
from tests import cities, servers

SPREAD_MAX = 0.10
CLIENTS = 16
READ_BY_INDEX = """
SELECT s.total, s.dimensions, s.scheme_version, s.as_of, s.valid_until FROM subject i
  JOIN snapshot s ON s.person_id = i.person_id WHERE i.subject_index = $1
"""


def settings_of(folder: Path, url: str, redis_url: str) -> Settings:
    """The settings of ours: as `serve` has them, with the demonstration's keys."""
    return replace(demo.settings_of(folder), database_url=url, redis_url=redis_url, demo=False)


def ours(folder: Path, url: str, redis_url: str) -> Starlette:
    """Ours, whole: every check, limit and header; the limits alone are so high that the load passes."""
    settings = settings_of(folder, url, redis_url)
    limiter = make_limiter(redis_url, cities.UNLIMITED)
    return create_app(settings, demo.issuer_of(folder).verifier(), limiter=limiter)


def bare(folder: Path, url: str) -> Starlette:
    """The thinnest: a token's hash looked up, one indexed read, its JSON."""
    known: dict[bytes, str] = {}
    pool: asyncpg.Pool | None = None
    verifier, keyring = demo.issuer_of(folder).verifier(), demo.settings_of(folder).keyring

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal pool
        await verifier.start()
        pool = await asyncpg.create_pool(url.replace("postgres://", "postgresql://", 1), min_size=5, max_size=5)
        yield
        await pool.close()
        await verifier.stop()

    async def read(request: Request) -> Response:
        token = request.headers["authorization"][7:]
        digest = hashlib.sha256(token.encode()).digest()
        index = known.get(digest)
        if index is None:
            principal: Any = verifier.verify(Door.RESIDENT, token, datetime.now(UTC))
            index = known[digest] = people.subject_index(keyring, principal.subject)
        assert pool is not None
        row = await pool.fetchrow(READ_BY_INDEX, index)
        body = {**row, "dimensions": orjson.loads(row["dimensions"])}
        return Response(orjson.dumps(body), media_type="application/json")

    async def plain(_: Request) -> Response:
        return Response(b"plain")

    return Starlette(routes=[Route("/v1/me/points", read), Route("/plain", plain)], lifespan=lifespan)


def serve(which: str, folder: Path, url: str, redis_url: str, port: int) -> None:
    """One server process, as `credit-easy serve` runs it."""
    app = ours(folder, url, redis_url) if which == "ours" else bare(folder, url)
    if which == "ours":
        logs.configure()  # as in production
    uvicorn.run(app, port=port, access_log=False, server_header=False, log_config=None)


@contextlib.contextmanager
def running(which: str, folder: Path, url: str, redis_url: str, port: int) -> Iterator[int]:
    """The server in a process of its own, ready to answer."""
    command = [sys.executable, "-m", "loadtests.benchmarks.routes", "--serve", which, str(folder), url, redis_url]
    process = subprocess.Popen([*command, str(port)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                asyncio.run(_one(port, _request("/plain", "-")))
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def _request(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\naccept: application/json\r\n\r\n"
    ).encode()


async def _one(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return (await _exchange(reader, writer, request))[0]
    finally:
        writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(length)


async def drive(port: int, requests: Sequence[bytes], count: int) -> None:
    """Send `count` requests over CLIENTS connections; every one must answer 200."""
    left = iter(range(count))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in left:
            status, body = await _exchange(reader, writer, requests[number % len(requests)])
            assert status == 200, body
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def measured(pid: int, port: int, requests: Sequence[bytes], count: int) -> tuple[float, float]:
    """The server's CPU microseconds a request, and requests a second."""
    before, began = _cpu_seconds(pid), time.perf_counter()
    asyncio.run(drive(port, requests, count))
    took = time.perf_counter() - began
    return (_cpu_seconds(pid) - before) / count * 1e6, count / took


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def furnish(folder: Path, url: str, residents: int) -> list[str]:
    """A demonstration city whose residents have points as they come about: by consent, link and delivery; tokens."""
    settings = replace(demo.settings_of(folder), database_url=url, integrate_seconds=3_600)
    await store.open_database(url)
    await store.bring_up_to_date()
    await store.close_database()
    async with cities.town(settings, folder) as town:
        await demo.furnish(town.city)
        tokens = []
        for number in range(residents):
            who = town.resident(f"bench-{number}")
            await who.volunteer(7_200, f"v-{number}")
            assert await who.total() == 63
            tokens.append(who.token)
    return tokens


def compare(rounds: int, count: int, apps: dict[str, tuple[int, int, list[bytes]]]) -> dict[str, Any]:
    """Each app's median CPU time and rate over rounds in turns, and the first's ratio to the second's."""
    cpu: dict[str, list[float]] = {name: [] for name in apps}
    rate: dict[str, list[float]] = {name: [] for name in apps}
    for _ in range(rounds):
        for name, (pid, port, requests) in apps.items():
            micros, speed = measured(pid, port, requests, count)
            cpu[name].append(micros)
            rate[name].append(speed)
    medians = {name: statistics.median(found) for name, found in cpu.items()}
    ours_, limit = medians.values()
    spread = max(statistics.pstdev(found) / statistics.median(found) for found in cpu.values())
    return {
        "cpu_us": {name: round(value) for name, value in medians.items()},
        "requests_a_second": {name: round(statistics.median(found)) for name, found in rate.items()},
        "ratio": round(limit / ours_, 2),
        "spread": round(spread, 3),
        "valid": spread <= SPREAD_MAX,
    }


def main() -> None:
    """Furnish, serve, drive, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--serve", nargs=5)
    asked.add_argument("--residents", type=int, default=100)
    asked.add_argument("--rounds", type=int, default=7)
    asked.add_argument("--requests", type=int, default=3_000)
    chosen = asked.parse_args()
    if chosen.serve:
        which, folder, url, redis_url, port = chosen.serve
        serve(which, Path(folder), url, redis_url, int(port))
        return
    with tempfile.TemporaryDirectory() as name, servers.postgres(durable=True) as server, servers.redis() as redis_url:
        folder, url = Path(name), server.create()
        demo.settings_of(folder)
        tokens = asyncio.run(furnish(folder, url, chosen.residents))
        requests = [_request("/v1/me/points", token) for token in tokens]
        with (
            running("ours", folder, url, redis_url, 8471) as one,
            running("bare", folder, url, redis_url, 8472) as other,
        ):
            for port in (8471, 8472):
                asyncio.run(drive(port, requests, len(requests) * 2))
            apps = {"ours": (one, 8471, requests), "bare": (other, 8472, requests)}
            print(json.dumps({"read my points": compare(chosen.rounds, chosen.requests, apps)}, indent=1))


if __name__ == "__main__":
    main()
