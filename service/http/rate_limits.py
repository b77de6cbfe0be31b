"""How often somebody may ask: by person, venue, source, staff member, and by address before anybody is known.

What many requests count is counted in this process and shared through Redis twice a second, so that no request waits
for it; what guards a secret is counted in Redis at once. Where Redis is away each process counts for itself at a
tighter rate: a limit may then bite a little earlier, and nothing else is decided differently.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis
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
EXACT = frozenset({"code", "refused"})
"""Rates that are counted in Redis before the request goes on."""
WINDOW_SECONDS = 60
SHARE_SECONDS = 0.5
"""How late processes hear of each other's counts; by what comes meanwhile a rate may be passed."""
AWAY_SECONDS = 5
"""How long Redis is left alone after it failed, so that no request waits for it twice."""
ANSWER_SECONDS = 0.25
"""How long one request waits for Redis at most."""
TIGHTER = 4
"""Divides the rate while Redis is away, since each process then counts alone."""


clock = time.time
"""Windows begin with the minutes of the wall clock, so that all processes agree on them."""


@dataclass(slots=True)
class _Count:
    """Hits of one who in this window: by this process, how many of them Redis has been told, and by all others."""

    own: int = 0
    told: int = 0
    others: int = 0

    def hear(self, own: int, total: int) -> None:
        """Take in the total after Redis was told of `own`.

        Counts only rise. Where Redis has fewer than were known it has been emptied: it has of this process what it was
        told just now, and is told the rest again with the next; what the others had counted still holds.
        """
        just_told = own - self.told
        if total < own + self.others:
            self.told, self.others = just_told, max(self.others, total - just_told)
        else:
            self.told, self.others = own, total - own


@dataclass(slots=True)
class Limiter:
    """Counts hits; `shared` is Redis or None, `own` is this process's memory. Redis is left alone after a failure."""

    shared: FixedWindowRateLimiter | None
    own: FixedWindowRateLimiter
    rates: dict[str, RateLimitItem]
    pool: ConnectionPool | None = None
    away_until: float = 0.0
    window: int = 0
    counts: dict[tuple[str, str], _Count] = field(default_factory=dict)

    async def hit(self, rate: str, who: str) -> int | None:
        """Count one request of `who`; None when admitted, else the seconds to wait."""
        return await self._ask("hit", rate, who) if rate in EXACT else self.count(rate, who)

    def count(self, rate: str, who: str) -> int | None:
        """`hit` of a rate that is not exact, and so asks nobody."""
        now = clock()
        window = int(now) // WINDOW_SECONDS
        if window != self.window:
            self.window, self.counts = window, {}
        found = self.counts.get((rate, who))
        if found is None:
            found = self.counts[rate, who] = _Count()
        if found.own + found.others >= self._most(rate):
            return (window + 1) * WINDOW_SECONDS - int(now)
        found.own += 1
        return None

    async def spent(self, rate: str, who: str) -> int | None:
        """Whether `who` has nothing left of an exact rate, without counting: the seconds to wait, or None."""
        return await self._ask("test", rate, who)

    async def share(self) -> None:
        """Tell Redis what this process has counted, and hear what the others have. Does nothing without Redis."""
        if self.pool is None or time.monotonic() < self.away_until:
            return
        window = self.window
        untold = [(key, found) for key, found in self.counts.items() if found.own > found.told]
        try:
            async with Redis(connection_pool=self.pool) as client, client.pipeline(transaction=False) as pipeline:
                for (rate, who), found in untold:
                    name = f"rate/{window}/{rate}/{_hashed(who)}"
                    pipeline.incrby(name, found.own - found.told)
                    pipeline.expire(name, 2 * WINDOW_SECONDS)
                told = [found.own for _, found in untold]
                totals = (await pipeline.execute())[::2] if untold else []
        except (RedisError, OSError):
            self.away_until = time.monotonic() + AWAY_SECONDS
            return
        for (_, found), own, total in zip(untold, told, totals, strict=True):
            found.hear(own, int(total))

    async def keep_sharing(self) -> None:
        """Share for ever; cancelled when the service stops."""
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            await self.share()

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self.pool is not None:
            await self.pool.aclose()

    def _most(self, rate: str) -> int:
        """How many a window has now."""
        amount = self.rates[rate].amount
        away = self.pool is not None and time.monotonic() < self.away_until
        return max(1, amount // TIGHTER) if away else amount

    async def _ask(self, verb: str, rate: str, who: str) -> int | None:
        item = self.rates[rate]
        key = _hashed(who)
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


def _hashed(who: str) -> str:
    return hashlib.blake2b(who.encode(), digest_size=16).hexdigest()
