"""Epochs of a log: origins, and the start of an epoch after published leaves were lost for good.

An epoch is a tree of its own with an origin of its own. The first one's is `<host>/<log>`, that of epoch n
`<host>/<log>/<n>`. The start of an epoch is announced as a document that has the signed checkpoints around the loss.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consent.transparency.checkpoint import SIZE_MAX, Checkpoint, NoteInvalid
from consent.transparency.logs import Log

FIRST_LOG_EPOCH = 1
DOCUMENT_MARK = "{"
"""The first character of a start's text; a signed checkpoint begins with its origin, a host."""


@dataclass(frozen=True, slots=True)
class LogEpochStart:
    """The start of a log's epoch `epoch`, from 2 on, as announced. The three notes are signed checkpoints."""

    log: Log
    epoch: int
    started_at: str
    """RFC 3339 in UTC."""
    reason: str
    previous: str
    """The last checkpoint of the epoch before."""
    continued: str | None
    """The newest checkpoint of the epoch before that this epoch's tree still continues, if any is known."""
    first: str
    """The first checkpoint of this epoch."""

    @property
    def first_lost(self) -> int:
        """Return the position of the first leaf that may be lost; those before it are unchanged in the new tree."""
        return 0 if self.continued is None else Checkpoint.of_stored(self.continued).size

    @property
    def published(self) -> int:
        """Return the number of leaves that the epoch before has published."""
        return Checkpoint.of_stored(self.previous).size

    @property
    def leaves(self) -> int:
        """Return the number of leaves with which this epoch begins."""
        return Checkpoint.of_stored(self.first).size

    def document(self) -> dict[str, Any]:
        """Return the announcement, whose hash the policy log has."""
        return {
            "log": str(self.log),
            "epoch": self.epoch,
            "started_at": self.started_at,
            "reason": self.reason,
            "previous": _described(self.previous),
            "continued": None if self.continued is None else _described(self.continued),
            "first": _described(self.first),
        }

    @classmethod
    def parse(cls, text: str) -> LogEpochStart:
        """Parse an announcement; NoteInvalid for anything else. Signatures are not verified."""
        try:
            document = json.loads(text)
            continued = document["continued"]
            start = cls(
                Log(document["log"]),
                document["epoch"],
                document["started_at"],
                document["reason"],
                document["previous"]["checkpoint"],
                None if continued is None else continued["checkpoint"],
                document["first"]["checkpoint"],
            )
            if start.document() != document:
                raise NoteInvalid("the start of an epoch contradicts its checkpoints")
        except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
            raise NoteInvalid(f"not the start of an epoch ({error})") from None
        return start


def origin_of(host: str, log: Log, epoch: int) -> str:
    """Return the origin of a log's epoch."""
    return f"{host}/{log}" if epoch == FIRST_LOG_EPOCH else f"{host}/{log}/{epoch}"


def epoch_of(log: Log, origin: str) -> int:
    """Return the epoch of an origin of a log."""
    _, separator, number = origin.rpartition(f"/{log}/")
    return int(number) if separator and number.isdecimal() else FIRST_LOG_EPOCH


def shared_leaves(starts: Sequence[LogEpochStart]) -> dict[int, int]:
    """Return by epoch the number of its first leaves that the running epoch has too, at the same positions.

    `starts` are those of all epochs after the first, oldest first. For the running epoch there is no limit.
    """
    shared = {FIRST_LOG_EPOCH + len(starts): SIZE_MAX}
    for start in reversed(starts):
        shared[start.epoch - 1] = min(start.first_lost, shared[start.epoch])
    return shared


def _described(note: str) -> dict[str, Any]:
    checkpoint = Checkpoint.of_stored(note)
    return {
        "size": checkpoint.size,
        "root": base64.b64encode(checkpoint.root).decode(),
        "checkpoint": note,
    }
