"""Rate limits: by person, venue, source and staff member, and by address before a token is read.

Fixed windows of one minute of the wall clock. Most rates are counted in this process and shared through Redis twice a
second, so that no request waits for Redis; a rate in EXACT is counted in Redis before the request proceeds. While Redis
is unavailable each process counts for itself at a quarter of the rate; nothing else is decided differently. A new rate
is an entry of RATES and a row of docs/limits.md, which a test compares.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.observability import metrics

if TYPE_CHECKING:
    from service.http.redis_counts import RedisCounts

RATES: Mapping[str, int] = {
    "resident": 300,
    "venue": 6_000,
    "source": 6_000,
    "administrator": 300,
    "privacy": 300,
    "app": 6_000,
    "code": 30,
    "source_codes": 3_000,
    "short_code": 120,
    "refused": 30,
    "address": 60_000,
}
"""Requests a minute: more than people need, too few for guessing. `code` counts wrong link codes for one account at a
source: of 31^8 codes, 30 a minute try 450 in the 15 minutes that a code lives. `source_codes` counts those of all
accounts of the source together; it is a hundred times as high, so that no one person's typing stops the others.
`short_code` counts the short codes that a venue types, two a second: of 31^8, they try 180 in the life of a ticket.
`refused` counts tokens sent to another audience, each of which writes a row. `address` is counted before the token is
read; a whole town may share one."""
EXACT = frozenset({"code", "source_codes", "short_code", "refused"})
"""Rates that guard a secret or cause a write: counted in Redis before the request proceeds."""
WINDOW_SECONDS = 60
SHARE_SECONDS = 0.5
"""Between two exchanges with Redis. By the requests of this time several processes together may pass a rate."""
REDUCTION = 4
"""Divides the rate while Redis is unavailable, since each process then counts alone."""

clock = time.time
"""The wall clock, on which all processes agree about where a window begins; tests replace it."""


@dataclass(slots=True)
class _Count:
    """Hits of one caller in this window: by this process, those of them that Redis knows, and by other processes."""

    own: int = 0
    shared: int = 0
    others: int = 0
    name: str = ""
    """The name of its counter in Redis, made when it is first shared."""

    def merge(self, own: int, total: int) -> None:
        """Merge the total of Redis, which now includes `own` hits of this process.

        Counts only rise. A total below what was known means that Redis was emptied: it then has of this process what
        the last exchange added, and gets the rest with the next; the count of the others stays.
        """
        added = own - self.shared
        if total < own + self.others:
            self.shared, self.others = added, max(self.others, total - added)
        else:
            self.shared, self.others = own, total - own


@dataclass(slots=True)
class Limiter:
    """Counts of the current window. `redis` is None in a process that counts alone (the demonstration)."""

    rates: dict[str, int]
    redis: RedisCounts | None = None
    window: int = 0
    counts: dict[tuple[str, str], _Count] = field(default_factory=dict)

    async def hit(self, rate: str, caller: str) -> int | None:
        """Count one request of a caller; None when it is admitted, else the seconds to wait."""
        if rate in EXACT and (total := await self._total_in_redis(rate, caller, added=1)) is not None:
            return self._refused(rate) if total > self.rates[rate] else None
        return self.count(rate, caller)

    def count(self, rate: str, caller: str) -> int | None:
        """Count one request as `hit` does, in this process alone: for rates outside EXACT."""
        # One reading of the clock, written out: two limits are counted on every request.
        now = clock()
        window = int(now) // WINDOW_SECONDS
        if window != self.window:
            self.window, self.counts = window, {}
        count = self.counts.get((rate, caller))
        if count is None:
            count = self.counts[rate, caller] = _Count()
        if count.own + count.others >= self._limit(rate):
            metrics.count_refusal(rate)
            return (window + 1) * WINDOW_SECONDS - int(now)
        count.own += 1
        return None

    def left(self, rate: str, caller: str) -> bytes:
        """Return the `RateLimit` field of a caller that was just counted: requests left, and seconds until more."""
        now = clock()
        count = self.counts.get((rate, caller))
        used = 0 if count is None else count.own + count.others
        left = max(0, self._limit(rate) - used)
        return b'"%b";r=%d;t=%d' % (rate.encode(), left, WINDOW_SECONDS - int(now) % WINDOW_SECONDS)

    def policy(self, rate: str) -> bytes:
        """Return the `RateLimit-Policy` field of a rate."""
        return b'"%b";q=%d;w=%d' % (rate.encode(), self.rates[rate], WINDOW_SECONDS)

    async def spent(self, rate: str, caller: str) -> int | None:
        """Return the seconds to wait when a caller has used up a rate of EXACT, else None. Counts nothing."""
        total = await self._total_in_redis(rate, caller, added=0)
        if total is not None:
            return self._refused(rate) if total >= self.rates[rate] else None
        self._start_window()
        count = self.counts.get((rate, caller), _Count())
        return self._refused(rate) if count.own + count.others >= self._limit(rate) else None

    async def share(self) -> None:
        """Add this process's new hits to Redis and merge the totals. Does nothing while Redis is unavailable."""
        if self.redis is None:
            return
        changed = [(key, count) for key, count in self.counts.items() if count.own > count.shared]
        if not changed:
            return
        # A request may be counted while the exchange is under way; it belongs to the next.
        own_counts = [count.own for _, count in changed]
        for key, count in changed:
            count.name = count.name or _redis_name(*key)
        hits = [(count.name, count.own - count.shared) for _, count in changed]
        totals = await self.redis.add(_redis_key(self.window), hits, 2 * WINDOW_SECONDS)
        if totals is None:
            return
        for (_, count), own, total in zip(changed, own_counts, totals, strict=True):
            count.merge(own, total)

    async def keep_sharing(self) -> None:
        """Share every SHARE_SECONDS until cancelled; a background task of the service."""
        while True:
            await asyncio.sleep(SHARE_SECONDS)
            await self.share()

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self.redis is not None:
            await self.redis.close()

    def _limit(self, rate: str) -> int:
        limit = self.rates[rate]
        return max(1, limit // REDUCTION) if self.redis is not None and self.redis.unavailable else limit

    def _start_window(self) -> None:
        window = int(clock()) // WINDOW_SECONDS
        if window != self.window:
            self.window, self.counts = window, {}

    def _refused(self, rate: str) -> int:
        metrics.count_refusal(rate)
        return self._seconds_left()

    def _seconds_left(self) -> int:
        return WINDOW_SECONDS - int(clock()) % WINDOW_SECONDS

    async def _total_in_redis(self, rate: str, caller: str, added: int) -> int | None:
        """Add to a caller's count in Redis and return it; None without Redis and while it is unavailable."""
        if self.redis is None:
            return None
        key = _redis_key(int(clock()) // WINDOW_SECONDS)
        totals = await self.redis.add(key, [(_redis_name(rate, caller), added)], 2 * WINDOW_SECONDS)
        return None if totals is None else totals[0]


def make_limiter(redis_url: str | None, rates: Mapping[str, int] | None = None) -> Limiter:
    """Make a limiter on Redis (`redis://`, `rediss://` or `unix://`), or for this process alone without a URL.

    Args:
        redis_url: connects when first used; an unreachable server is no error.
        rates: requests a minute that replace those of RATES, by name.
    """
    if redis_url is None:
        return Limiter({**RATES, **(rates or {})})
    # Imported here: most processes without Redis are commands and demonstrations, which must start soon.
    from service.http import redis_counts

    return Limiter({**RATES, **(rates or {})}, redis_counts.connect(redis_url))


def _redis_key(window: int) -> str:
    return f"rate/{window}"


def _redis_name(rate: str, caller: str) -> str:
    # Callers are hashed: Redis holds nothing that names a person, a client or an address.
    return f"{rate}/{hashlib.blake2b(caller.encode(), digest_size=16).hexdigest()}"
