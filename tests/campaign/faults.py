"""The faults by name. Each strikes while clients act, and returns once the cause is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from consent.kernel.fault_points import FaultPoint
from tests.campaign.scene import Scene

SQLITE, POSTGRES = "sqlite", "postgres"
BOTH = frozenset({SQLITE, POSTGRES})
ENGINES_OF_POINT = {FaultPoint.PLAN_COMMITTED: frozenset({POSTGRES})}
"""Points that one engine alone reaches."""
POINT_SECONDS = 3.0
"""Until an armed point is reached; a process that never reaches it is killed all the same."""


@dataclass(frozen=True)
class Fault:
    """A fault: the engines it is for, how often it is drawn, and its act."""

    name: str
    engines: frozenset[str]
    weight: int
    strike: Callable[[Scene, random.Random], Awaitable[str | None]]
    """Returns the name under which the run counts, None for the fault's own."""
    needs_mount: bool = False


LEADING_ACTS = MappingProxyType(
    {
        FaultPoint.ENDING_RECORDED: "withdraw_provider",
        FaultPoint.ERASURE_BEGUN: "erase",
        FaultPoint.PLAN_COMMITTED: "redeem",
    }
)
"""Acts of residents that reach a point which others seldom do."""


async def kill(scene: Scene, chance: random.Random) -> str | None:
    """End a process at once, at a moment chosen by chance, and start it again."""
    process = chance.choice(scene.city.processes)
    await asyncio.sleep(chance.uniform(0.0, 0.15))
    await asyncio.to_thread(scene.city.kill, process)
    scene.city.restart(process, wait=False)
    return None


def kill_at(point: FaultPoint) -> Callable[[Scene, random.Random], Awaitable[str | None]]:
    """Return a fault that ends a process when it reaches a point; one that does not reach it counts as `kill`."""

    async def strike(scene: Scene, chance: random.Random) -> str | None:
        process, city = chance.choice(scene.city.processes), scene.city
        city.arm(process, point, 1 if point in LEADING_ACTS else chance.randint(1, 3))
        for client in scene.clients if point in LEADING_ACTS else []:
            client.next_acts.append(LEADING_ACTS[point])
        reached = await scene.until(lambda: not process.is_alive, POINT_SECONDS)
        city.disarm()
        await asyncio.to_thread(city.kill, process)
        city.restart(process, wait=False)
        return None if reached else "kill"

    return strike


async def stop_postgres(scene: Scene, chance: random.Random) -> str | None:
    """Stop PostgreSQL as a power failure does, and start it a moment later."""
    server = scene.city.machine.postgres
    assert server is not None
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    await asyncio.to_thread(server.start)
    scene.city.forks.guard(server.pid)
    return None


async def stop_redis(scene: Scene, chance: random.Random) -> str | None:
    """Kill Redis and start it a moment later, empty."""
    redis = scene.city.machine.redis
    assert redis is not None
    await asyncio.to_thread(redis.stop)
    await scene.until_acknowledged(5)
    await asyncio.sleep(chance.uniform(0.0, 0.5))
    await asyncio.to_thread(redis.start)
    return None


async def pause_redis(scene: Scene, chance: random.Random) -> str | None:
    """Leave Redis' connections open and answer nothing for a while."""
    redis = scene.city.machine.redis
    assert redis is not None
    redis.pause()
    try:
        await scene.until_acknowledged(5)
        await asyncio.sleep(chance.uniform(0.0, 0.5))
    finally:
        redis.resume()
    return None


async def empty_redis(scene: Scene, chance: random.Random) -> str | None:
    """Delete everything in Redis."""
    redis = scene.city.machine.redis
    assert redis is not None
    await redis.empty()
    return None


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (
            Fault("kill", BOTH, 8, kill),
            *(
                Fault(f"kill at {point.value}", ENGINES_OF_POINT.get(point, BOTH), 2, kill_at(point))
                for point in FaultPoint
            ),
            Fault("stop of PostgreSQL", frozenset({POSTGRES}), 4, stop_postgres),
            Fault("stop of Redis", frozenset({POSTGRES}), 2, stop_redis),
            Fault("pause of Redis", frozenset({POSTGRES}), 1, pause_redis),
            Fault("emptied Redis", frozenset({POSTGRES}), 1, empty_redis),
        )
    }
)


def of_engine(engine: str, names: list[str], mounts: bool) -> tuple[list[Fault], list[str]]:
    """Return the chosen faults of an engine and the names of those that this user cannot run; all without names."""
    chosen = [fault for fault in FAULTS.values() if engine in fault.engines and _is_named(fault.name, names)]
    possible = [fault for fault in chosen if mounts or not fault.needs_mount]
    return possible, [fault.name for fault in chosen if fault not in possible]


def _is_named(fault: str, names: list[str]) -> bool:
    return not names or any(fault == name or (name.endswith("*") and fault.startswith(name[:-1])) for name in names)
