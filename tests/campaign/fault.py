"""The description of a fault."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.campaign.scene import Scene

SQLITE, POSTGRES = "sqlite", "postgres"
BOTH = frozenset({SQLITE, POSTGRES})
SQLITE_ONLY, POSTGRES_ONLY = frozenset({SQLITE}), frozenset({POSTGRES})
Strike = Callable[[Scene, random.Random], Awaitable[str | None]]
"""Returns the name under which the run counts, None for the fault's own."""


@dataclass(frozen=True)
class Fault:
    """A fault: the engines it is for, how often it is drawn, and its act.

    `needs_mount` marks those that fill a file system of their own; `ends_city` those after which the city's journal no
    longer describes it.
    """

    name: str
    engines: frozenset[str]
    weight: int
    strike: Strike
    needs_mount: bool = False
    ends_city: bool = False
