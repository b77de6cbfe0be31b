"""Steps of the database's clock, back and forward, while clients act: what was acknowledged stays, once each."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from tests.campaign.fault import BOTH, Fault
from tests.campaign.scene import Scene

STEPS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
LATER = timedelta(hours=2)
"""First step, forward: an hour before it the catalogue of the city, which was made just now, is in force."""
ACTS = 6
"""Acknowledged writes between two steps."""


async def step_clock(scene: Scene, chance: random.Random) -> str | None:
    """Step the clock back and forward by up to an hour, and leave it past everything that has happened.

    Only then are all consents begun, so that points can be compared. Codes and tickets may expire meanwhile, and the
    clients' next acts would meet links that were never confirmed: the city ends.
    """
    for client in scene.clients:
        client.clock_moves = True
    latest = LATER
    scene.city.step_clock(LATER)
    await scene.until_acknowledged(ACTS)
    for _ in range(chance.randint(2, 5)):
        by = LATER + chance.choice(STEPS) * chance.choice((-1, 1))
        latest = max(latest, by)
        scene.city.step_clock(by)
        await scene.until_acknowledged(ACTS)
        await asyncio.sleep(chance.uniform(0.0, 0.1))
    scene.city.step_clock(latest + timedelta(seconds=1))
    return None


FAULTS = (Fault("clock stepped", BOTH, 2, step_clock, ends_city=True),)
