"""Load that this machine serves through a whole day: `python -m loadtests.benchmarks.day --people 200 400 800`.

PostgreSQL (durable), Redis, two processes of the service with their sequencer, and locust with everybody of
loadtests/locustfile.py, all on this one machine: so what is printed is the least that the service alone would carry.
Each number of people has a city and a day of its own. Needs `pip install -e '.[load]'`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from loadtests.benchmarks import served
from service.app import create_app
from service.demo import seed
from service.observability import logging
from service.runtime import server as serving
from tests.support import servers
from tests.support.seeding import seed_database

PORT, WORKERS = 8475, 2
AT = "BENCHMARK_CITY"


def app() -> Starlette:
    """The service as each process serves it."""
    folder, url, redis_url = json.loads(os.environ[AT])
    logging.configure()
    settings = replace(seed.settings_of(Path(folder)), database_url=url, redis_url=redis_url, integrate_seconds=10.0)
    application = create_app(settings, seed.issuer_of(Path(folder)).verifier())
    serving.tune_gc()
    return application


def a_day(folder: Path, people: int, seconds: int) -> tuple[list[dict[str, Any]], int]:
    """Return locust's statistics and its exit code; failures are printed on standard error."""
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        "loadtests/locustfile.py",
        "--headless",
        "--json",
        "--only-summary",
    ]
    command += ["--host", f"http://127.0.0.1:{PORT}", "--demo-folder", str(folder)]
    command += ["--day", str(seconds), "--people", str(people)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr.partition("Error report")[2], file=sys.stderr, flush=True)
    return json.loads(done.stdout), done.returncode


def quantile(rows: Sequence[dict[str, Any]], share: float) -> int:
    """Milliseconds within which this share of all requests was answered."""
    times: dict[int, int] = {}
    for row in rows:
        for text, count in row["response_times"].items():
            times[int(float(text))] = times.get(int(float(text)), 0) + count
    needed, seen = share * sum(times.values()), 0
    for milliseconds in sorted(times):
        seen += times[milliseconds]
        if seen >= needed:
            return milliseconds
    return 0


def run(people: int, seconds: int) -> dict[str, Any]:
    """One city, one day."""
    with (
        tempfile.TemporaryDirectory() as name,
        servers.postgres(durable=True, tuned=True) as server,
        servers.redis() as redis_url,
    ):
        folder, url = Path(name), server.create()
        asyncio.run(seed_database(replace(seed.settings_of(folder), database_url=url)))
        os.environ[AT] = json.dumps([name, url, redis_url])
        with served.running("ours", ["-m", "loadtests.benchmarks.day", "--serve"], PORT):
            rows, code = a_day(folder, people, seconds)
    busiest = max(sum(row["num_reqs_per_sec"].get(second, 0) for row in rows) for second in _seconds(rows))
    requests = sum(row["num_requests"] for row in rows)
    return {
        "people": people,
        "requests": requests,
        "a second, over the day": round(requests / seconds, 1),
        "in the busiest second": busiest,
        "median ms": quantile(rows, 0.5),
        "95 % ms": quantile(rows, 0.95),
        "99 % ms": quantile(rows, 0.99),
        "failed": sum(row["num_failures"] for row in rows),
        "gate": code,
    }


def _seconds(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {second for row in rows for second in row["num_reqs_per_sec"]}


def main() -> None:
    """Serve, or run the days and print them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--serve", type=int)
    asked.add_argument("--people", type=int, nargs="+", default=[200, 400, 800])
    asked.add_argument("--seconds", type=int, default=120)
    chosen = asked.parse_args()
    if chosen.serve:
        uvicorn.run(
            "loadtests.benchmarks.day:app", factory=True, port=chosen.serve, workers=WORKERS,
            **serving.OPTIONS,  # type: ignore[arg-type]
        )  # fmt: skip
        return
    for people in chosen.people:
        print(json.dumps(run(people, chosen.seconds)), flush=True)


if __name__ == "__main__":
    main()
