"""How often somebody may ask: by person, venue, source, staff member, and by address before anybody is known.

Counted in Redis so that several processes agree. Where Redis is away each process counts for itself at a tighter
rate: a limit may then bite a little earlier, and nothing else is decided differently.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

RATES = {
    "resident": "300/minute",
    "venue": "6000/minute",
    "source": "6000/minute",
    "administrator": "300/minute",
    "privacy": "300/minute",
    "code": "30/minute",
    "refused": "30/minute",
    "address": "60000/minute",
}
"""Generous for people, fatal for guessing: `code` counts a source's wrong link codes alone, and 31^8 codes outlast 30
wrong ones a minute by fifty thousand years. `refused` counts tries at a foreign door, each of which is written down.
`address` is before anybody is known; a whole town may share one."""
AWAY_SECONDS = 5
"""How long Redis is left alone after it failed, so that no request waits for it twice."""
ANSWER_SECONDS = 0.25
"""How long one request waits for Redis at most."""
TIGHTER = 4
"""Divides the rate while Redis is away, since each process then counts alone."""


@dataclass(slots=True)
class Limiter:
    """Counts hits; `shared` is Redis or None, `own` is this process's memory. Redis is left alone after a failure."""

    shared: FixedWindowRateLimiter | None
    own: FixedWindowRateLimiter
    rates: dict[str, RateLimitItem]
    pool: ConnectionPool | None = None
    away_until: float = 0.0

    async def hit(self, rate: str, who: str) -> int | None:
        """Count one request of `who`; None when admitted, else the seconds to wait."""
        return await self._ask("hit", rate, who)

    async def spent(self, rate: str, who: str) -> int | None:
        """Whether `who` has nothing left, without counting: the seconds to wait, or None."""
        return await self._ask("test", rate, who)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self.pool is not None:
            await self.pool.aclose()

    async def _ask(self, verb: str, rate: str, who: str) -> int | None:
        item = self.rates[rate]
        key = hashlib.blake2b(who.encode(), digest_size=16).hexdigest()
        if self.shared is not None:
            if time.monotonic() >= self.away_until:
                try:
                    return None if await getattr(self.shared, verb)(item, rate, key) else item.get_expiry()
                except (RedisError, OSError):
                    self.away_until = time.monotonic() + AWAY_SECONDS
            item = parse(f"{max(1, item.amount // TIGHTER)}/minute")
        return None if await getattr(self.own, verb)(item, rate, key) else item.get_expiry()


def make_limiter(redis_url: str | None, rates: dict[str, str] | None = None) -> Limiter:
    """A limiter on Redis (`redis://`, `rediss://` or `unix://`), or in this process alone for the demo."""
    chosen = {name: parse(text) for name, text in {**RATES, **(rates or {})}.items()}
    own = FixedWindowRateLimiter(MemoryStorage())
    if redis_url is None:
        return Limiter(None, own, chosen)
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    # The storage takes the pool; the address only tells it that this is Redis.
    options: dict[str, Any] = {"connection_pool": pool}
    storage = RedisStorage("async+redis://", implementation="redispy", **options)
    return Limiter(FixedWindowRateLimiter(storage), own, chosen, pool)
