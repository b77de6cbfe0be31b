"""Counters in Redis that all processes add to. Loaded only with a Redis URL: its client takes 0.1 s to import."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

UNAVAILABLE_SECONDS = 5
"""Time without any call to Redis after one failed, so that requests do not wait for it again and again."""
ANSWER_SECONDS = 0.25
"""Longest wait of one request for Redis."""
ADD_ALL = """
local totals = {}
for place = 2, #ARGV, 2 do
  totals[place / 2] = redis.call('HINCRBY', KEYS[1], ARGV[place], ARGV[place + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return table.concat(totals, ' ')
"""
"""Lua: adds to fields of a hash, given its lifetime in seconds and then name and number of each field; returns the
totals as one text. As a command for each field, packing it and parsing its answer would cost four times as much."""


@dataclass(slots=True)
class RedisCounts:
    """Named counters in one Redis, and the time until which it counts as unavailable."""

    pool: ConnectionPool
    retry_at: float = 0.0
    """Monotonic time before which Redis is not asked again."""

    @property
    def unavailable(self) -> bool:
        """True for UNAVAILABLE_SECONDS after a call failed."""
        return time.monotonic() < self.retry_at

    async def add(self, key: str, hits: Sequence[tuple[str, int]], expire_seconds: int) -> list[int] | None:
        """Add hits to counters by name in one exchange and return the totals in order; None if Redis is unavailable.

        The counters are the fields of one hash under `key`, which has one lifetime.
        """
        if self.unavailable:
            return None
        try:
            async with Redis(connection_pool=self.pool) as client:
                totals = await client.eval(ADD_ALL, 1, key, expire_seconds, *(value for hit in hits for value in hit))
                return [int(total) for total in totals.split()]
        except (RedisError, OSError):
            self.retry_at = time.monotonic() + UNAVAILABLE_SECONDS
            return None

    async def close(self) -> None:
        """Close the connections."""
        await self.pool.aclose()


def connect(url: str) -> RedisCounts:
    """Return the counters of the Redis at a URL; it connects when first used, and never retries a call."""
    pool = ConnectionPool.from_url(
        url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0)
    )
    return RedisCounts(pool)
