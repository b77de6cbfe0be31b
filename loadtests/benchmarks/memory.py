"""Growth of resident memory under load: `python -m loadtests.benchmarks.memory --seconds 3600`.

One process of the service on PostgreSQL, its sequencer at work, under the load of loadtests/locustfile.py, days of
five minutes one after another; its resident memory is read every ten seconds. Needs `pip install -e '.[load]'`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtests.benchmarks import served
from service.demo import seed
from tests.support import servers
from tests.support.seeding import seed_database

DAY_SECONDS, EVERY_SECONDS, PEOPLE, PORT = 300, 10, 60, 8473


def watch(folder: Path, server: served.Server, seconds: int) -> tuple[list[int], list[int]]:
    """Resident MiB every EVERY_SECONDS, and the exit code of each day."""
    command = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary"]
    command += ["--host", f"http://127.0.0.1:{server.port}", "--demo-folder", str(folder)]
    command += ["--day", str(min(DAY_SECONDS, seconds)), "--people", str(PEOPLE)]
    seen, codes, began = [], [], time.monotonic()
    while time.monotonic() - began < seconds:
        day = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while day.poll() is None:
            seen.append(server.resident_mib)
            time.sleep(EVERY_SECONDS)
        codes.append(day.returncode)
    return seen, codes


def summary(seen: Sequence[int]) -> list[int]:
    """The median of each tenth of the time, or what was seen where it is less."""
    tenth = max(1, len(seen) // 10)
    return [round(statistics.median(seen[first : first + tenth])) for first in range(0, len(seen), tenth)]


def run(seconds: int) -> dict[str, Any]:
    """Memory over the time, and whether every day passed its gate."""
    with tempfile.TemporaryDirectory() as name, servers.postgres(durable=True, tuned=True) as server:
        folder, url = Path(name), server.create()
        asyncio.run(seed_database(replace(seed.settings_of(folder), database_url=url)))
        published = seed.settings_of(folder).publisher.folder
        with served.running(
            "ours", ["-m", "tests.support.processes", str(folder), url, str(published)], PORT
        ) as service:
            began = service.resident_mib
            seen, codes = watch(folder, service, seconds)
    return {"seconds": seconds, "at first": began, "resident_mib": summary(seen), "days": codes}


def main() -> None:
    """Watch, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=int, default=3_600)
    print(json.dumps(run(asked.parse_args().seconds), indent=1))


if __name__ == "__main__":
    main()
