"""Waits of everybody else during one hostile request: `python -m loadtests.benchmarks.hostile`.

The service runs as one process on each engine. Residents read their points and a source delivers, on connections of
their own, while another process sends a hostile request. Printed for each: the requests that others sent meanwhile,
their p99 and longest wait, and how many were not answered 200. The first row is without any hostile request; on a
machine that does other work it shows what the waits would have been anyway.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from loadtests.benchmarks import hostile_requests, served
from service.auth.access_tokens import Audience
from service.demo import seed
from tests.factories import benefit_document
from tests.support import servers
from tests.support.processes import ROOT, Process
from tests.support.seeding import seed_database

GOAL_MILLISECONDS = 250
CLIENTS = 4
PAUSE_SECONDS = 0.015
"""Between two requests of one client: the service is busy, not overloaded, and no rate is used up."""
RESIDENTS = 300
"""Residents who read in turn: each may read 300 times a minute."""
QUIET_SECONDS = 2.0
"""Time of the first row, and of the requests after each hostile one that still count."""
AFTER_SECONDS = 0.5
DOCUMENTS = 600


@dataclass(slots=True)
class Waits:
    """Milliseconds of each request of the others, and how many were not answered 200."""

    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0
    over: bool = False

    def row(self, name: str) -> str:
        """Return a line of the table."""
        waits = sorted(self.milliseconds)
        p99 = statistics.quantiles(waits, n=100)[98]
        return f"| {name} | {len(waits)} | {p99:.0f} | {waits[-1]:.0f} | {self.failed} |"


async def keep_sending(port: int, requests: Sequence[bytes], waits: Waits) -> None:
    """Send requests in turn on one connection, and note each wait; a broken connection counts as failed."""
    turns = itertools.cycle(requests)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while not waits.over:
        began = time.perf_counter()
        try:
            writer.write(next(turns))
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            waits.failed += b" 200 " not in head[:16]
        except (OSError, asyncio.IncompleteReadError):
            waits.failed += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        waits.milliseconds.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PAUSE_SECONDS)
    writer.close()


async def measured(port: int, tokens: dict[str, str], name: str | None) -> Waits:
    """Return the waits of others during an attack, or for QUIET_SECONDS without one."""
    delivery = {
        "records": [
            {"record_id": "r", "account": "nobody", "kind": "bike_trip", "quantity": 1, "occurred_on": "2025-06-01"}
        ]
    }
    deliver = served.post("/v1/source/records", tokens["source"], json.dumps(delivery).encode(), "k")
    reads = [served.get("/v1/me/points", token) for token in tokens["residents"].split()]
    waits = Waits()
    attacker = None
    if name is not None:
        attacker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "loadtests.benchmarks.hostile_requests", name, str(port),
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        attacker.stdin.write(json.dumps(tokens).encode() + b"\n")
        await attacker.stdout.readline()
    others = [
        asyncio.create_task(keep_sending(port, [deliver] if number == 0 else reads[number::CLIENTS], waits))
        for number in range(CLIENTS)
    ]
    if attacker is None:
        await asyncio.sleep(QUIET_SECONDS)
    else:
        assert attacker.stdin is not None
        attacker.stdin.write(b"\n")
        await attacker.wait()
        await asyncio.sleep(AFTER_SECONDS)
    waits.over = True
    await asyncio.gather(*others)
    return waits


@contextmanager
def serving(folder: Path, url: str | None) -> Iterator[Process]:
    """Serve a seeded city, on SQLite without a URL."""
    settings = seed.settings_of(folder)
    settings = settings if url is None else replace(settings, database_url=url)
    asyncio.run(seed_database(settings))
    published = folder / "published-copy"
    shutil.copytree(settings.publisher.folder, published, dirs_exist_ok=True)
    process = Process(folder, settings.database_url, published)
    try:
        yield process
    finally:
        process.kill()


def tokens_of(folder: Path) -> dict[str, str]:
    """Return a token for each audience in use, and documents for an import: all new, the last one with a fault."""
    issuer, now = seed.issuer_of(folder), datetime.now(UTC)
    documents = [
        benefit_document(
            benefit_id=f"hostile-{number}",
            description={"zh-CN": f"第 {number} 项，到馆借书。", "en": f"Number {number}, borrow books."},
        )
        for number in range(DOCUMENTS)
    ]
    documents[-1] = {**documents[-1], "unknown": 1}
    return {
        "residents": " ".join(
            issuer.mint(Audience.RESIDENT, f"resident-{number}", now=now) for number in range(RESIDENTS)
        ),
        "source": issuer.mint(Audience.SOURCE, "green-travel", now=now),
        "administrator": issuer.mint(Audience.ADMINISTRATOR, "admin-1", now=now),
        "documents": json.dumps(documents, ensure_ascii=False),
    }


def table(engine: str, folder: Path, url: str | None, rounds: int, only: str) -> None:
    """Measure every attack whose name contains `only` on one engine and print its table; all rounds are one row."""
    with serving(folder, url) as process:
        print(f"\n{engine}, milliseconds\n\n| hostile request | others' requests | p99 | longest | not 200 |")
        print("|---|---|---|---|---|", flush=True)
        for name in (None, *(name for name in hostile_requests.NAMES if only in name)):
            whole = Waits()
            for _ in range(rounds):
                waits = asyncio.run(measured(process.port, tokens_of(folder), name))
                whole.milliseconds += waits.milliseconds
                whole.failed += waits.failed
            print(whole.row(name or "none"), flush=True)


def main() -> None:
    """Measure on both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=("sqlite", "postgres"))
    parser.add_argument("--only", default="", help="a part of the names of the hostile requests to send")
    chosen = parser.parse_args()
    print(f"goal: no wait above {GOAL_MILLISECONDS} ms; load of the machine {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        if chosen.engine != "postgres":
            table("SQLite", Path(folder) / "sqlite", None, chosen.rounds, chosen.only)
        if chosen.engine != "sqlite":
            with servers.postgres(durable=True, tuned=True) as server:
                table("PostgreSQL", Path(folder) / "postgres", server.create(), chosen.rounds, chosen.only)


if __name__ == "__main__":
    main()
