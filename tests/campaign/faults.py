"""The faults by name, and those of processes: kills at any moment and at every named point, pauses, restarts.

Each fault strikes while clients act, and returns once its cause is over.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from consent.kernel.fault_points import FaultPoint
from tests.campaign import (
    client_faults,
    clock_faults,
    database_faults,
    redis_faults,
    restore_faults,
    tamper_faults,
    worker_faults,
)
from tests.campaign.fault import BOTH, POSTGRES_ONLY, Fault, Strike
from tests.campaign.scene import Scene

POINT_SECONDS = 3.0
"""Until an armed point is reached; a process that never reaches it is killed all the same."""
ENGINES_OF_POINT = {FaultPoint.PLAN_COMMITTED: POSTGRES_ONLY}
"""Points that one engine alone reaches."""
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


def kill_at(point: FaultPoint) -> Strike:
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


async def restart(scene: Scene, chance: random.Random) -> str | None:
    """Ask a process to end, which finishes its requests, and start it again."""
    process = chance.choice(scene.city.processes)
    await asyncio.to_thread(scene.city.terminate, process)
    scene.city.restart(process, wait=False)
    return None


async def pause(scene: Scene, chance: random.Random) -> str | None:
    """Stop a process for some seconds, as a busy host does; its connections and locks stay."""
    process = chance.choice(scene.city.processes)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(chance.uniform(0.5, 4.0))
    finally:
        os.kill(process.pid, signal.SIGCONT)
    return None


PROCESS_FAULTS = (
    Fault("kill", BOTH, 8, kill),
    *(Fault(f"kill at {point.value}", ENGINES_OF_POINT.get(point, BOTH), 2, kill_at(point)) for point in FaultPoint),
    Fault("restart", BOTH, 1, restart),
    Fault("pause of a process", BOTH, 1, pause),
)
FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        fault.name: fault
        for fault in (
            *PROCESS_FAULTS,
            *worker_faults.FAULTS,
            *database_faults.FAULTS,
            *restore_faults.FAULTS,
            *tamper_faults.FAULTS,
            *redis_faults.FAULTS,
            *client_faults.FAULTS,
            *clock_faults.FAULTS,
        )
    }
)


def of_engine(engine: str, names: Sequence[str], mounts: bool) -> tuple[list[Fault], list[str]]:
    """Return the chosen faults of an engine and the names of those that this user cannot run; all without names."""
    chosen = [fault for fault in FAULTS.values() if engine in fault.engines and is_named(fault.name, names)]
    possible = [fault for fault in chosen if mounts or not fault.needs_mount]
    return possible, [fault.name for fault in chosen if fault not in possible]


def is_named(fault: str, names: Sequence[str]) -> bool:
    """Report whether a fault is among names, of which some end with `*`; every fault is where there are none."""
    return not names or any(fault == name or (name.endswith("*") and fault.startswith(name[:-1])) for name in names)
