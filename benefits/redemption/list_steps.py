"""Steps of status lists, five minutes each, and their decoys: bits without a pass that become 1.

The ends of passes become visible at the beginning of a step, where decoys turn too: neither the minute of an end nor
the number of ends can be read from a list.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from benefits.passes.claims import HOUR_SECONDS, PASSES_OF_A_LIST
from consent.crypto.blind_index import IndexUse, blind_index
from consent.crypto.vault import Keyring

STEP_SECONDS = 300
"""Length of a step, and the time for which a copy of a list is fresh. A venue that reads the lists as often knows of a
withdrawal within two steps."""
SERVED_DAYS = 2
"""Days for which a list is served, the day of its passes and the next, on which the last of them expires."""
STEPS = SERVED_DAYS * 24 * HOUR_SECONDS // STEP_SECONDS
DECOYS = 8 * STEPS
"""Decoys of a list: one of each step, and as many by chance that eight turn in a step, give or take three."""
DECOY_BYTES = 8


def step_of(at: datetime) -> datetime:
    """Return the beginning of the step that an instant is in."""
    return datetime.fromtimestamp(int(at.timestamp()) // STEP_SECONDS * STEP_SECONDS, UTC)


def next_step(at: datetime) -> datetime:
    """Return the beginning of the first step after an instant."""
    return step_of(at) + timedelta(seconds=STEP_SECONDS)


def decoys(keyring: Keyring, number: int) -> dict[int, int]:
    """Return the decoys of a list: for each place the step of the list, from 0 on, at which its bit becomes 1."""
    seed = blind_index(keyring, IndexUse.HANDLE, "status list", str(number)).encode()
    stream = hashlib.shake_256(seed).digest(DECOYS * DECOY_BYTES)
    steps: dict[int, int] = {}
    for index in range(DECOYS):
        drawn = int.from_bytes(stream[index * DECOY_BYTES : (index + 1) * DECOY_BYTES])
        step = index if index < STEPS else drawn // PASSES_OF_A_LIST % STEPS
        steps.setdefault(drawn % PASSES_OF_A_LIST, step)
    return steps
