"""Cost of a page compared with the calls that it shows: `python -m loadtests.benchmarks.pages`.

On one PostgreSQL, within one process and without a network: each page, and in turn the same calls sent to the same
audiences by a client that ignores the answers. Prints the page's time over the calls' together (wanted: at most
2), and what the resident's first page is over the wire with all its files.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.types import Scope

from service.auth.access_tokens import Audience
from service.demo import seed
from service.storage import database
from service.web.api_client import ApiReply, ApiRequest, InProcessApiClient
from tests.support import city, servers
from tests.support.browsing import Browser
from tests.support.city import City

PAGES = {
    None: ("resident-1", ("/", "/scheme", "/benefits", "/never", "/logs")),
    Audience.RESIDENT: (
        "resident-1",
        (
            "/me",
            "/me/benefits",
            "/me/show",
            "/me/consents",
            "/me/mine",
            "/me/records",
            "/me/accesses",
            "/me/objections",
            "/me/messages",
        ),
    ),
    Audience.VENUE: ("city-library-main", ("/desk", "/desk/day")),
    Audience.ADMINISTRATOR: (
        "admin-1",
        (
            "/admin",
            "/admin/benefits",
            "/admin/benefits/library-deposit",
            "/admin/benefits/library-deposit/edit",
            "/admin/benefits/checkup-half-price",
            "/admin/schemes/new",
            "/admin/services/book-loan",
        ),
    ),
    Audience.PRIVACY: (
        "officer-1",
        ("/officer", "/officer/attempts", "/officer/propagations", "/officer/register", "/officer/self-audit"),
    ),
}
RATIO_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of a page and of the calls behind it, medians over rounds that take turns."""

    path: str
    page: float
    calls: float
    asked: int

    @property
    def ratio(self) -> float:
        return self.page / self.calls if self.asked else 0.0


Call = tuple[ApiRequest, dict[str, Any]]


def listening(heard: list[Call]) -> Callable[..., Awaitable[ApiReply]]:
    """`Inside.call`, with every call written down."""
    real = InProcessApiClient.call

    async def call(self: InProcessApiClient, outer: Scope, request: ApiRequest, **named: Any) -> ApiReply:
        heard.append((request, named))
        return await real(self, outer, request, **named)

    return call


async def cost(town: City, browser: Browser, path: str, rounds: int) -> Cost:
    """One page and its calls, in turns."""
    heard: list[Call] = []
    real = InProcessApiClient.call
    InProcessApiClient.call = listening(heard)  # type: ignore[method-assign,assignment]
    try:
        await browser.go(path)
        assert browser.status == 200, path
    finally:
        InProcessApiClient.call = real  # type: ignore[method-assign]
    whole = InProcessApiClient(town.client._transport.app)  # type: ignore[attr-defined]
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.client.cookies.jar)
    outer: Scope = {"client": ("127.0.0.1", 1), "server": ("city.test", 80), "scheme": "http", "headers": []}
    host = {"host": "city.test"}
    pages, calls = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        await whole.call(outer, ApiRequest("GET", path, headers={**host, "cookie": cookie}))
        middle = time.perf_counter()
        for request, named in heard:
            await whole.call(outer, replace(request, headers={**host, **request.headers}), **named)
        ended = time.perf_counter()
        pages.append((middle - began) * 1e3)
        calls.append((ended - middle) * 1e3)
    return Cost(path, statistics.median(pages), statistics.median(calls), len(heard))


async def first_page_bytes(browser: Browser) -> int:
    """Bytes of the resident's first page with everything it loads, each compressed with gzip."""
    await browser.go("/me")
    loaded = [
        (await browser.client.get(address)).content
        for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', browser.html))
    ]
    return sum(len(gzip.compress(body)) for body in (browser.html.encode(), *loaded))


async def measure(folder: Path, url: str, rounds: int) -> tuple[list[Cost], int]:
    """Every page."""
    settings = replace(seed.settings_of(folder), database_url=url, integrate_seconds=3_600)
    await database.open_database(url)
    await database.migrate_all()
    await database.close_database()
    costs, size = [], 0
    async with city.running_city(settings, folder) as town:
        await seed.seed(town.app_context)
        for audience, (who, paths) in PAGES.items():
            browser = Browser(town, "zh-CN")
            if audience is not None:
                await browser.sign_in(audience, who)
            if audience is Audience.RESIDENT:
                size = await first_page_bytes(browser)
            costs += [await cost(town, browser, path, rounds) for path in paths]
    return costs, size


def main() -> None:
    """Measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=100)
    asked.add_argument("--json", action="store_true")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as name, servers.postgres() as server:
        costs, size = asyncio.run(measure(Path(name), server.create(), chosen.rounds))
    if chosen.json:
        print(json.dumps({cost.path: round(cost.ratio, 2) for cost in costs} | {"first_page_bytes": size}, indent=1))
        return
    print(f"{'page':40} {'page ms':>8} {'calls ms':>9} {'calls':>6} {'ratio':>6}")
    for cost in costs:
        mark = "" if cost.ratio <= RATIO_MAX else "  above what is wanted"
        ratio = f"{cost.ratio:6.2f}{mark}" if cost.asked else "      "
        print(f"{cost.path:40} {cost.page:8.2f} {cost.calls:9.2f} {cost.asked:6} {ratio}".rstrip())
    print(f"the resident's first page with all that it loads: {size:,} bytes compressed (wanted: at most 20,000)")


if __name__ == "__main__":
    main()
