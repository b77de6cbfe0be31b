"""Numbers of status lists, their steps of five minutes, and their decoy bits, which become 1 without a pass.

The ends of passes become visible at the beginning of a step, where decoy bits turn too: neither the minute of an end
nor the number of ends can be read from a list.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from benefits.passes.claims import HOUR_SECONDS, PASSES_OF_A_LIST
from consent.crypto.blind_index import IndexUse, period_index
from consent.crypto.vault import Keyring

LISTS_A_DAY = 4
"""Status lists of a day, one of which each pass is in: four million positions, a few KiB each to fetch."""
DAY_SECONDS = 24 * HOUR_SECONDS
STEP_SECONDS = 300
"""Length of a step, and the time for which a copy of a list is fresh. A venue that reads the lists as often knows of a
withdrawal within two steps."""
SERVED_DAYS = 2
"""Days for which a list is served, the day of its passes and the next, on which the last of them expires."""
STEPS = SERVED_DAYS * DAY_SECONDS // STEP_SECONDS
DECOY_BITS = 8 * STEPS
"""Decoy bits of a list: one of each step, and as many by chance that eight turn in a step, give or take three."""
DRAW_BYTES = 8


def first_list(at: datetime) -> int:
    """Return the number of the first status list of a day (UTC); the others of the day follow it."""
    return int(at.timestamp()) // DAY_SECONDS * LISTS_A_DAY


def begin_of(number: int) -> datetime:
    """Return the beginning of the day of a list."""
    return datetime.fromtimestamp(number // LISTS_A_DAY * DAY_SECONDS, UTC)


def step_of(at: datetime) -> datetime:
    """Return the beginning of the step that an instant is in."""
    return datetime.fromtimestamp(int(at.timestamp()) // STEP_SECONDS * STEP_SECONDS, UTC)


def next_step(at: datetime) -> datetime:
    """Return the beginning of the first step after an instant."""
    return step_of(at) + timedelta(seconds=STEP_SECONDS)


def decoy_bits(keyring: Keyring, number: int) -> dict[int, int]:
    """Return the decoy bits of a list: for each position the step of the list, from 0 on, at which it becomes 1.

    They are the same in each step, also while the index key is replaced: a bit that went back to 0 would be a decoy bit
    for everybody to see, and the bits that stayed 1 the ends of passes. So each day's lists are made under one key.
    """
    seed = period_index(keyring, IndexUse.QUOTA, begin_of(number).date(), "status list", str(number)).encode()
    stream = hashlib.shake_256(seed).digest(DECOY_BITS * DRAW_BYTES)
    steps: dict[int, int] = {}
    for index in range(DECOY_BITS):
        drawn = int.from_bytes(stream[index * DRAW_BYTES : (index + 1) * DRAW_BYTES])
        step = index if index < STEPS else drawn // PASSES_OF_A_LIST % STEPS
        steps.setdefault(drawn % PASSES_OF_A_LIST, step)
    return steps
