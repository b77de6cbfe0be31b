"""Faults of Redis, which may change no decision and lose no write."""

from __future__ import annotations

import asyncio
import random

from tests.campaign.city import Redis
from tests.campaign.fault import POSTGRES_ONLY, Fault
from tests.campaign.scene import Scene


def _redis(scene: Scene) -> Redis:
    server = scene.city.machine.redis
    assert server is not None
    return server


async def stop(scene: Scene, chance: random.Random) -> str | None:
    """Kill Redis in flight and start it a moment later, empty; writes are acknowledged without it."""
    await asyncio.to_thread(_redis(scene).stop)
    await scene.until_acknowledged(5)
    await asyncio.sleep(chance.uniform(0.0, 0.5))
    await asyncio.to_thread(_redis(scene).start)
    return None


async def absent_at_start(scene: Scene, chance: random.Random) -> str | None:
    """Start a process while Redis is away; it serves, and Redis comes back later."""
    process = chance.choice(scene.city.processes)
    await asyncio.to_thread(_redis(scene).stop)
    await asyncio.to_thread(scene.city.kill, process)
    await asyncio.to_thread(scene.city.restart, process)
    await scene.until_acknowledged(5)
    await asyncio.to_thread(_redis(scene).start)
    return None


async def pause(scene: Scene, chance: random.Random) -> str | None:
    """Leave Redis' connections open and answer nothing; writes are acknowledged meanwhile."""
    _redis(scene).pause()
    try:
        await scene.until_acknowledged(5)
        await asyncio.sleep(chance.uniform(0.0, 0.5))
    finally:
        _redis(scene).resume()
    return None


async def empty(scene: Scene, chance: random.Random) -> str | None:
    """Delete everything in Redis."""
    await asyncio.sleep(chance.uniform(0.0, 0.2))
    await _redis(scene).empty()
    return None


FAULTS = (
    Fault("Redis stopped", POSTGRES_ONLY, 2, stop),
    Fault("Redis away at start", POSTGRES_ONLY, 1, absent_at_start),
    Fault("Redis answers nothing", POSTGRES_ONLY, 1, pause),
    Fault("Redis emptied", POSTGRES_ONLY, 1, empty),
)
