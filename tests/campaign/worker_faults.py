"""Faults of `serve --workers 2`: a worker or the parent is killed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import psutil

from tests.campaign.fault import POSTGRES_ONLY, Fault
from tests.campaign.scene import Scene
from tests.support.deadlines import WAIT_SECONDS


async def kill_worker(scene: Scene, chance: random.Random) -> str | None:
    """Kill a worker; the parent starts another."""
    group = await asyncio.to_thread(scene.city.with_workers)
    workers = group.workers()
    victim = chance.choice(workers)
    victim.kill()
    others = {worker.pid for worker in workers} - {victim.pid}
    replaced = await scene.until(lambda: len({worker.pid for worker in group.workers()} - others) >= 1, WAIT_SECONDS)
    assert replaced, "a killed worker was not replaced"
    return None


async def kill_parent(scene: Scene, chance: random.Random) -> str | None:
    """Kill the parent; its workers end by themselves, and the next start has the port."""
    group = await asyncio.to_thread(scene.city.with_workers)
    workers = group.workers()
    await asyncio.to_thread(group.kill_parent)

    def ended() -> bool:
        return not any(_is_alive(worker) for worker in workers)

    assert await scene.until(ended, WAIT_SECONDS), "workers outlived their parent"
    await asyncio.to_thread(group.start)
    return None


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


FAULTS = (
    Fault("worker killed", POSTGRES_ONLY, 1, kill_worker),
    Fault("parent of workers killed", POSTGRES_ONLY, 1, kill_parent),
)
