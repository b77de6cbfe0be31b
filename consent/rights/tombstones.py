"""The tombstone file: withdrawals and erasures, recorded outside the database, so that a restored copy revives nothing.

A line is written before its transaction commits: if that fails, the person asked for it all the same, and replaying the
line does what they asked. No line names anybody: a consent by its random id, a person by a keyed index.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint

FILE = "tombstones"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """The end of a consent (`name` is its id) or of a person (the keyed index of their subject)."""

    kind: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The tombstone file in a folder that must not be restored together with the database."""

    folder: Path

    @property
    def path(self) -> Path:
        """The path of the file, which need not exist."""
        return self.folder / FILE

    def withdrawn(self, consent_id: str, at: datetime) -> None:
        """Record the withdrawal of a consent; returns once the line is on disk."""
        self._append(Tombstone("withdrawn", consent_id, at))

    def erased(self, subject_index: str, at: datetime) -> None:
        """Record the erasure of a person; returns once the line is on disk."""
        self._append(Tombstone("erased", subject_index, at))

    def read(self) -> Iterator[Tombstone]:
        """Yield every line in order. A line that a crash cut short is skipped: its request was never answered."""
        try:
            file = self.path.open(encoding="utf-8")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                try:
                    stone = json.loads(line)
                except ValueError:
                    continue
                yield Tombstone(stone["kind"], stone["name"], datetime.fromisoformat(stone["at"]))

    def _append(self, stone: Tombstone) -> None:
        """Append one line in one write and wait until it is on disk; several processes may write at once."""
        line = json.dumps({"kind": stone.kind, "name": stone.name, "at": stone.at.isoformat()}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(descriptor).st_size and not self._ends_with_line():
                line = "\n" + line
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
            fault_points.reach(FaultPoint.ENDING_RECORDED)
        finally:
            os.close(descriptor)

    def _ends_with_line(self) -> bool:
        """Return False if a crash cut the last line short."""
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
