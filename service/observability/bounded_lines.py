"""A bound on log lines that strangers can cause: so many in a window, and then one with the number left out."""

from __future__ import annotations

import time
from collections.abc import Callable

LINES_MAX = 10
"""Lines of one kind in a window: enough to see what is wrong, too few to fill a disk (a gigabyte takes years)."""
WINDOW_SECONDS = 60.0


class BoundedLines:
    """Counts lines by kind; one for the process, used from its event loop alone. The kinds are a closed list.

    `clock` returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}
        """Beginning of the window and lines in it, by kind."""

    def admit(self, kind: str) -> int | None:
        """Count a line; return how many were left out since the last written one, or None to leave this one out."""
        now = self._clock()
        began, lines = self._windows.get(kind, (now, 0))
        if now - began < WINDOW_SECONDS:
            self._windows[kind] = (began, lines + 1)
            return 0 if lines < LINES_MAX else None
        self._windows[kind] = (now, 1)
        return max(0, lines - LINES_MAX)
