"""Request rates, counted in this process by the minutes of the wall clock."""

from __future__ import annotations

import time

RATES = {"resident": 300, "venue": 6000, "address": 60_000}
WINDOW_SECONDS = 60


class RateCounter:
    """Counts of the running minute by rate and caller."""

    def __init__(self) -> None:
        self._window = 0
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, rate: str, caller: str) -> int | None:
        """Count a request; return None when admitted, else the seconds to wait."""
        now = int(time.time())
        window = now // WINDOW_SECONDS
        if window != self._window:
            self._window, self._counts = window, {}
        key = rate, caller
        count = self._counts.get(key, 0)
        if count >= RATES[rate]:
            return (window + 1) * WINDOW_SECONDS - now
        self._counts[key] = count + 1
        return None
