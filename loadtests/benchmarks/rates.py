"""CPU time of counting a request for a rate limit: `python -m loadtests.benchmarks.rates`.

The project counts in this process and through Redis; where the package `limits` is installed, its fixed windows are
measured in turns with ours. JSON on stdout, CPU microseconds of this process a hit; docs/decisions/0021-rate-limits.md
quotes it.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import ConnectionPool

from service.http.rate_limits import Limiter, make_limiter
from tests.support import servers

CALLERS = 200
ROUNDS = 7
HITS = 20_000
HITS_ON_REDIS = 2_000
RATES = {"resident": 10**9}
Hit = Callable[[str], Awaitable[object]]


async def _count(limiter: Limiter, caller: str) -> object:
    return limiter.count("resident", caller)


async def _cost(hit: Hit, hits: int) -> float:
    began = time.process_time()
    for number in range(hits):
        await hit(f"caller-{number % CALLERS}")
    return (time.process_time() - began) / hits * 1e6


async def _cost_shared(limiter: Limiter) -> float:
    """Cost of a hit whose count is shared at once with those of CALLERS others: the project's way through Redis."""
    began = time.process_time()
    for number in range(HITS_ON_REDIS):
        limiter.count("resident", f"caller-{number % CALLERS}")
        if number % CALLERS == CALLERS - 1:
            await limiter.share()
    return (time.process_time() - began) / HITS_ON_REDIS * 1e6


def _library(redis_pool: ConnectionPool) -> dict[str, tuple[Hit, int]]:
    if importlib.util.find_spec("limits") is None:
        return {}
    limits: Any = importlib.import_module("limits")
    storage: Any = importlib.import_module("limits.aio.storage")
    strategies: Any = importlib.import_module("limits.aio.strategies")
    item = limits.parse(f"{10**9}/minute")
    in_memory = strategies.FixedWindowRateLimiter(storage.MemoryStorage())
    on_redis = strategies.FixedWindowRateLimiter(
        storage.RedisStorage("async+redis://", implementation="redispy", connection_pool=redis_pool)
    )
    return {
        "limits, in memory": (lambda caller: in_memory.hit(item, caller), HITS),
        "limits, on Redis": (lambda caller: on_redis.hit(item, caller), HITS_ON_REDIS),
    }


async def measure() -> dict[str, dict[str, float]]:
    """Return median and spread (standard deviation to median) of every way over ROUNDS rounds in turns."""
    figures: dict[str, list[float]] = {}
    with servers.redis() as url:
        alone, shared = make_limiter(None, RATES), make_limiter(url, RATES)
        library = _library(ConnectionPool.from_url(url))
        for _ in range(ROUNDS):
            figures.setdefault("project, in memory", []).append(await _cost(lambda caller: _count(alone, caller), HITS))
            figures.setdefault("project, shared through Redis", []).append(await _cost_shared(shared))
            for name, (hit, hits) in library.items():
                figures.setdefault(name, []).append(await _cost(hit, hits))
        await shared.close()
    return {
        name: {
            "cpu_us": round(statistics.median(costs), 2),
            "spread": round(statistics.pstdev(costs) / statistics.median(costs), 3),
        }
        for name, costs in figures.items()
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure()), indent=1))
