"""Begin a new epoch of a log whose published leaves are lost for good, and read the epochs of the past.

An epoch begins in the log folder, by exclusive creation; a database that does not know it yet takes it from there.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from consent.database import queries
from consent.models import LogHead, StoredLogEpochStart
from consent.transparency import log_epoch_start, publication, sequencer, tiles
from consent.transparency.checkpoint import Checkpoint, NoteInvalid
from consent.transparency.log_epoch_start import FIRST_LOG_EPOCH, LogEpochStart
from consent.transparency.logs import Log
from consent.transparency.publication import Publication, Publisher
from consent.transparency.tiles import TreeBroken

REASON_CHARACTERS_MIN = 10
REASON_CHARACTERS_MAX = 500
"""A sentence or two, which stay public for ever."""


class NothingLost(Exception):
    """The database has every published leaf of the log, so its epoch continues."""


class ReasonUnfit(ValueError):
    """The reason is too short, too long, or more than one line of printable text."""


@dataclass(frozen=True, slots=True)
class LogEpoch:
    """An epoch of a log: its number, and the start of the epoch after it (None for the running one).

    `shared_leaves` is the number of its first leaves that the running epoch has too; for the running epoch there is no
    limit.
    """

    number: int
    next_start: LogEpochStart | None
    shared_leaves: int


def require_reason(text: str) -> str:
    """Return the reason of a new epoch without surrounding spaces; ReasonUnfit if it cannot be published."""
    reason = text.strip()
    if not reason.isprintable() or not REASON_CHARACTERS_MIN <= len(reason) <= REASON_CHARACTERS_MAX:
        raise ReasonUnfit(
            f"the reason is one line of {REASON_CHARACTERS_MIN} to {REASON_CHARACTERS_MAX} characters, and is published"
        )
    return reason


async def starts(log: Log) -> list[LogEpochStart]:
    """Return the starts of a log's epochs after the first that the database knows, oldest first."""
    rows = await StoredLogEpochStart.filter(log=log).order_by("epoch").values("document")
    return [LogEpochStart.parse(row["document"]) for row in rows]


async def epochs(log: Log) -> list[LogEpoch]:
    """Return all epochs of a log that the database knows, oldest first; the last one runs."""
    ends = await starts(log)
    shared = log_epoch_start.shared_leaves(ends)
    return [LogEpoch(number, end, shared[number]) for number, end in enumerate([*ends, None], start=FIRST_LOG_EPOCH)]


async def store_new(publisher: Publisher, log: Log) -> list[LogEpochStart]:
    """Store the epochs that the folder has and the database does not; return them.

    Raises:
        NoteInvalid: a file of the folder is not what this service writes.
    """
    known = await StoredLogEpochStart.filter(log=log).count()
    new = publication.epoch_starts(publisher, log)[known:]
    if new:
        # Several processes notice a new epoch at once; each stores the same.
        await StoredLogEpochStart.bulk_create([_row_of(start) for start in new], ignore_conflicts=True)
    return new


async def is_unfinished(publisher: Publisher, log: Log) -> bool:
    """Report whether an epoch has begun in the folder, and the database still stands in the one before it."""
    note = (await sequencer.head(log)).note
    return publication.read_last(publisher, log).epoch > epoch_of_note(log, note)


async def begin(publisher: Publisher, log: Log, reason: str, at: datetime) -> LogEpochStart:
    """Begin the log's next epoch with the leaves of this database, and unfreeze the log; return its start.

    Runs in the caller's transaction and locks the log's head. Finishes an epoch that was begun and interrupted, if the
    tree continues its last checkpoint; its own reason and time stay. Records that are withheld stay withheld.

    Raises:
        NothingLost: the tree continues the last published checkpoint.
        PublishedByAnother: another process was faster.
        NoteInvalid, FolderBehind: the folder is damaged or an older copy; OSError: it is full or missing.
    """
    row = await sequencer.lock(log)
    last = publication.read_last(publisher, log)
    try:
        await sequencer.require_continuation(log, row, last)
    except TreeBroken:
        start = await _start(publisher, log, row, last, reason, at)
        publication.begin_epoch(publisher, last, start)
        note = start.first
    else:
        if last.epoch == epoch_of_note(log, row["checkpoint"]):
            raise NothingLost(f"the database has all leaves that the {log} log has published")
        start, note = publication.epoch_starts(publisher, log)[-1], last.note
    await store_new(publisher, log)
    await LogHead.filter(log=log).update(checkpoint=note, frozen=None)
    return start


async def _start(
    publisher: Publisher, log: Log, row: queries.Row, last: Publication, reason: str, at: datetime
) -> LogEpochStart:
    """Return the start of the epoch after that of the last publication."""
    signer = publisher.signer_of(log, last.epoch + 1)
    present = Checkpoint(signer.name, row["size"], await tiles.root_at(log, row["size"]))
    return LogEpochStart(
        log,
        last.epoch + 1,
        f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        reason,
        last.note,
        await _continued(publisher, log, row, last.epoch),
        signer.sign(present.text()),
    )


async def _continued(publisher: Publisher, log: Log, row: queries.Row, epoch: int) -> str | None:
    """Return the signed note of the largest published checkpoint that the tree continues; None if none is known.

    The folder has those of the running epoch, and the database the last one of its own time.
    """
    notes, own = publication.notes(publisher, log, epoch), row["checkpoint"]
    shared = log_epoch_start.shared_leaves(publication.epoch_starts(publisher, log))
    if own and Checkpoint.of_stored(own).size <= shared[epoch_of_note(log, own)]:
        notes.append(own)
    for note in sorted(notes, key=lambda note: Checkpoint.of_stored(note).size, reverse=True):
        with suppress(NoteInvalid):
            stored = publication.open_checkpoint(publisher, log, note)
            if 0 < stored.size <= row["size"] and await tiles.root_at(log, stored.size) == stored.root:
                return note
    return None


def epoch_of_note(log: Log, note: str | None) -> int:
    """Return the epoch of a signed checkpoint that this service has stored; the first one before any."""
    return log_epoch_start.epoch_of(log, Checkpoint.of_stored(note).origin) if note else FIRST_LOG_EPOCH


def _row_of(start: LogEpochStart) -> StoredLogEpochStart:
    return StoredLogEpochStart(
        log=start.log, epoch=start.epoch, document=json.dumps(start.document(), ensure_ascii=False)
    )
