"""First paint of the resident's first page on a slow phone: `python -m loadtests.benchmarks.paint`.

A demonstration city as a process, and Chromium with an empty cache each time. Its own tools slow it down: "3G Slow" of
WebPageTest (400 ms for a round trip, 400 kbit/s) and a processor four times slower. Wanted: at most 1.2 s to the first
contentful paint. Needs Chromium (Debian: `apt-get install chromium`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from service.auth.access_tokens import Audience
from service.demo import seed
from tests.pages.browser import CHROMIUM, QUIETLY, visiting
from tests.support.processes import Process
from tests.support.seeding import seed_database

ROUND_TRIP_MS = 400
BYTES_A_SECOND = 400_000 / 8
SLOWER = 4
PAINT_SECONDS_MAX = 1.2
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


def first_paint(browser: Browser, base: str, path: str) -> float:
    """Return the seconds from asking for a resident's page to its first contentful paint, with an empty cache."""
    with visiting(browser, base) as me:
        me.sign_in(Audience.RESIDENT, "resident-9")
        slowed = me.context.new_cdp_session(me.page)
        slowed.send("Network.enable")
        slowed.send("Network.clearBrowserCache")
        slowed.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": ROUND_TRIP_MS,
                "downloadThroughput": BYTES_A_SECOND,
                "uploadThroughput": BYTES_A_SECOND,
            },
        )
        slowed.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        me.page.set_default_timeout(60_000)
        me.go(path)
        # Not `wait_for_function`: the page's security policy forbids its repeated evaluation of a text.
        while not (milliseconds := me.page.evaluate(PAINTED)):
            me.page.wait_for_timeout(50)
        return float(milliseconds) / 1e3


def measure(rounds: int, paths: tuple[str, ...]) -> dict[str, list[float]]:
    """Return the seconds to the first paint of each path, one for each round."""
    with tempfile.TemporaryDirectory() as name:
        folder, published = Path(name), Path(name) / "published"
        published.mkdir()
        url = f"sqlite://{folder / 'city.sqlite3'}"
        asyncio.run(seed_database(replace(seed.settings_of(folder), database_url=url)))
        running = Process(folder, url, published)
        try:
            with sync_playwright() as started:
                browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
                painted = {path: [first_paint(browser, running.base, path) for _ in range(rounds)] for path in paths}
                browser.close()
                return painted
        finally:
            running.kill()


def main() -> None:
    """Measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--json", action="store_true")
    chosen = asked.parse_args()
    painted = measure(chosen.rounds, ("/me", "/me/benefits", "/me/show"))
    if chosen.json:
        print(json.dumps({path: round(statistics.median(times), 2) for path, times in painted.items()}, indent=1))
        return
    print(f"{'page':16} {'median s':>9} {'slowest s':>10}   wanted: at most {PAINT_SECONDS_MAX} s")
    for path, times in painted.items():
        print(f"{path:16} {statistics.median(times):9.2f} {max(times):10.2f}")


if __name__ == "__main__":
    main()
