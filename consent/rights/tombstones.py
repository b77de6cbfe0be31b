"""Withdrawals and erasures, kept in a file outside the database, so that an older copy of it revives nothing.

A line is written before its transaction commits: should that one fail, the person asked for it all the same, and
replaying it does what they asked. No line names anybody: a consent by its random id, a person by a keyed index.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FILE = "tombstones"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Something that ended: a consent (by id) or a person (by the keyed index of their subject), and when."""

    kind: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The file in a folder that is not restored together with the database."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file; it need not exist."""
        return self.folder / FILE

    def withdrawn(self, consent_id: str, at: datetime) -> None:
        """A consent was withdrawn."""
        self._append(Tombstone("withdrawn", consent_id, at))

    def erased(self, subject_index: str, at: datetime) -> None:
        """A person was erased."""
        self._append(Tombstone("erased", subject_index, at))

    def read(self) -> Iterator[Tombstone]:
        """Every line in order; one that a crash cut short is passed over, for its request was never answered."""
        try:
            file = self.path.open(encoding="utf-8")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                try:
                    one = json.loads(line)
                except ValueError:
                    continue
                yield Tombstone(one["kind"], one["name"], datetime.fromisoformat(one["at"]))

    def _append(self, one: Tombstone) -> None:
        """One write of one line, on disk before anybody is told; several processes may write at once."""
        line = json.dumps({"kind": one.kind, "name": one.name, "at": one.at.isoformat()}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(descriptor).st_size and not self._whole():
                line = "\n" + line
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _whole(self) -> bool:
        """Whether the file ends with a whole line; after a crash it may not."""
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
