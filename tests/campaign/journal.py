"""The clients' journal on disk: the intent of each call before it is sent, its acknowledgement after the answer."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Journal:
    """Calls in the order in which they were noted. `answered_at` has the monotonic time of each acknowledged write."""

    path: Path
    intents: int = 0
    acknowledged: int = 0
    answered_at: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    """Answers by status; 0 counts calls whose answer was lost."""
    bodies: set[str] = field(default_factory=set)
    """Bodies of answers that were errors, to be searched for personal data."""

    def __post_init__(self) -> None:
        self.file = self.path.open("a", encoding="utf-8")

    def intend(self, **call: Any) -> int:
        """Write what is about to be sent; return its number."""
        self.intents += 1
        self._write({"intent": self.intents, **call})
        return self.intents

    def acknowledge(self, number: int, status: int, body: Any) -> None:
        """Write an answer that settles an intent."""
        self._write({"answer": number, "status": status, "body": body})
        if status < 300:
            self.acknowledged += 1
            self.answered_at.append(time.monotonic())

    def first_after(self, moment: float) -> float | None:
        """Return the monotonic time of the first acknowledged write after a moment."""
        return next((at for at in self.answered_at if at > moment), None)

    def close(self) -> None:
        """Close the file; the next campaign begins another."""
        self.file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self.file.flush()
