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

        The counters are the fields of one hash under `key`, whose lifetime is one command; as keys of their own they
        would need as many commands again.
        """
        if self.unavailable:
            return None
        try:
            async with Redis(connection_pool=self.pool) as client, client.pipeline(transaction=False) as pipeline:
                for name, number in hits:
                    pipeline.hincrby(key, name, number)
                pipeline.expire(key, expire_seconds)
                return [int(total) for total in (await pipeline.execute())[:-1]]
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
