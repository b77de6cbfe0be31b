"""A bound on log lines that requests can cause: so many of a kind in a window, and then the number left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

LINES_MAX = 10
"""Lines of one kind in a window: enough to see what is wrong, too few to fill a disk. A kind that is always used up
writes 3 MB a day in a process; a client without a token can cause a dozen kinds."""
WINDOW_SECONDS = 60.0

Kind = TypeVar("Kind", bound=Hashable)


@dataclass(slots=True)
class Window:
    """The lines of one kind: beginning of the window in seconds, lines written in it, lines left out since a report."""

    began: float
    written: int = 0
    left_out: int = 0


class BoundedLines(Generic[Kind]):
    """Counts lines by kind; for one event loop. The kinds are a closed list, so its memory is bounded.

    `clock` returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[Kind, Window] = {}

    def admit(self, kind: Kind) -> bool:
        """Count a line; report whether it may be written."""
        now = self._clock()
        window = self._windows.setdefault(kind, Window(now))
        if now - window.began >= WINDOW_SECONDS:
            window.began, window.written = now, 0
        if window.written < LINES_MAX:
            window.written += 1
            return True
        window.left_out += 1
        return False

    def take_left_out(self) -> dict[Kind, int]:
        """Return how many lines of each kind were left out since the last call, and forget windows that are over."""
        now = self._clock()
        counts = {kind: window.left_out for kind, window in self._windows.items() if window.left_out}
        for kind, window in list(self._windows.items()):
            window.left_out = 0
            if now - window.began >= WINDOW_SECONDS:
                del self._windows[kind]
        return counts
