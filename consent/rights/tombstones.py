"""Tombstones: withdrawals and erasures, recorded outside the database, so that a restored copy of it revives nothing.

A record is on disk before its transaction commits. It counts unless it was cancelled, and it is cancelled before its
person is told that nothing was stored: docs/decisions/0033-tombstones-count-unless-cancelled.md. A record that counts
is replayed on every copy of the database that lacks it, by `service.compliance.replay`. No record names anybody: it
has the random ids of the person and the consent.
"""

from __future__ import annotations

import errno
from asyncio import CancelledError
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

from consent.database import queries
from consent.database.failures import CommitUncertain
from consent.kernel import fault_points
from consent.kernel.errors import OutcomeUnknown
from consent.kernel.fault_points import FaultPoint
from consent.rights import tombstone_segments
from consent.rights.tombstone_records import Tombstone, TombstoneKind
from consent.rights.tombstone_segments import Batch, RecordsLeft, Segment
from consent.transparency import log_folder

LINES_FILE = "tombstones"
"""The file of version 0.2.0 and earlier, a line (JSON) for each tombstone; read, never written."""
SEGMENTS = "tombstones.d"
"""The folder of the segments."""
READ_AT_ONCE = 5_000
"""Tombstones in one batch; bounds memory and the length of one statement's parameters."""
_written: ContextVar[list[tuple[Segment, Sequence[int]]] | None] = ContextVar("written", default=None)
"""Segments and offsets of the records that the running `Tombstones.transaction` has written; None outside of one."""


class Tombstones:
    """The tombstones in a folder that must not be restored together with the database; one object for the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.segment: Segment | None = None
        self.folder_id: str | None = None
        """The id that the folder must have when a segment is created in it; None before it was compared."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Run the block in one database transaction, and confirm or cancel the tombstones that it has recorded.

        Raises:
            CommitUncertain: the connection was lost during COMMIT. The records count and are replayed.
            asyncio.CancelledError: likewise; nobody was told that nothing was stored, and COMMIT may have taken place.
            OutcomeUnknown: the transaction was rolled back and a record could not be cancelled; likewise.
        """
        written: list[tuple[Segment, Sequence[int]]] = []
        token = _written.set(written)
        try:
            async with queries.transaction():
                yield
        except BaseException as error:
            _undo(written, error)
            raise
        finally:
            _written.reset(token)
        for segment, offsets in written:
            segment.confirm(offsets)

    def withdrawn(self, person_id: str, consent_ids: Sequence[str], at: datetime) -> None:
        """Record withdrawals in the running `transaction`; return once they are on disk, or raise OSError."""
        self._append([Tombstone(TombstoneKind.WITHDRAWN, consent_id, person_id, at) for consent_id in consent_ids])

    def erased(self, person_id: str, at: datetime) -> None:
        """Record an erasure in the running `transaction`; return once it is on disk, or raise OSError."""
        self._append([Tombstone(TombstoneKind.ERASED, "", person_id, at)])

    def hints_stopped(self, person_id: str, at: datetime) -> None:
        """Record the end of hints in the running `transaction`; return once it is on disk, or raise OSError."""
        self._append([Tombstone(TombstoneKind.HINTS_STOPPED, "", person_id, at)])

    def ticket_stopped(self, person_id: str, stopped_id: str, at: datetime) -> None:
        """Record the end of a slip, binding or pass by its id in the running `transaction`; return once on disk.

        Raises:
            OSError: it may not be on disk.
        """
        self._append([Tombstone(TombstoneKind.TICKET_STOPPED, stopped_id, person_id, at)])

    def booking_cancelled(self, person_id: str, booking_id: str, at: datetime) -> None:
        """Record the end of a booking in the running `transaction`; return once it is on disk, or raise OSError."""
        self._append([Tombstone(TombstoneKind.BOOKING_CANCELLED, booking_id, person_id, at)])

    def write_again(self, stones: Sequence[Tombstone]) -> None:
        """Write confirmed tombstones of what the database has already ended; returns once they are on disk."""
        if self.segment is None or self.segment.broken:
            self.segment = Segment(self.folder / SEGMENTS)
        self.segment.confirm(self.segment.append(stones))

    def files(self) -> list[str]:
        """Return the names of all files with tombstones, relative to the folder, the oldest version's first."""
        lines = [LINES_FILE] if (self.folder / LINES_FILE).exists() else []
        segments = sorted((self.folder / SEGMENTS).glob(f"*{tombstone_segments.SUFFIX}"))
        return [*lines, *(f"{SEGMENTS}/{path.name}" for path in segments)]

    def read(self, name: str, start: int, *, patient: bool = True) -> Batch:
        """Return the next READ_AT_ONCE tombstones of a file from an offset on; see `tombstone_segments.read`."""
        path = self.folder / name
        if name == LINES_FILE:
            return tombstone_segments.read_lines(path, start, READ_AT_ONCE)
        own = self.segment if self.segment is not None and self.segment.path == path else None
        return tombstone_segments.read(path, start, READ_AT_ONCE, own, patient=patient)

    def read_all(self) -> Iterator[Tombstone]:
        """Yield every tombstone that counts, by file and in order; those of running requests too."""
        for name in self.files():
            batch = self.read(name, 0, patient=False)
            yield from batch.stones
            while (following := self.read(name, batch.end, patient=False)).end > batch.end:
                yield from following.stones
                batch = following

    def settle(self, name: str, offsets: Sequence[int]) -> None:
        """Confirm the unsettled records of a batch, once they were replayed."""
        tombstone_segments.settle(self.folder / name, offsets)

    def close(self) -> None:
        """Close this process's segment, which ends its lock. The next tombstone starts a new one."""
        if self.segment is not None:
            self.segment.close()
            self.segment = None

    def _append(self, stones: Sequence[Tombstone]) -> None:
        written = _written.get()
        if written is None:
            raise RuntimeError("a tombstone is recorded inside Tombstones.transaction")
        if not stones:
            return
        if self.segment is None or self.segment.broken or not self.segment.is_in_place():
            self.segment = self._new_segment()
        try:
            written.append((self.segment, self.segment.append(stones)))
        except RecordsLeft as error:
            raise OutcomeUnknown("a tombstone could not be written in full, nor removed") from error
        fault_points.reach(FaultPoint.ENDING_RECORDED)

    def _new_segment(self) -> Segment:
        """Create a segment; OSError where the folder has changed since it was compared with the database."""
        if self.folder_id is not None and log_folder.read_id(self.folder) != self.folder_id:
            raise OSError(errno.ESTALE, "the log folder is not that of this database")
        return Segment(self.folder / SEGMENTS)


def _undo(written: Sequence[tuple[Segment, Sequence[int]]], error: BaseException) -> None:
    """Cancel the records of a transaction that failed, unless it may be committed; OutcomeUnknown if the disk fails."""
    failed = False
    for segment, offsets in written:
        if isinstance(error, CommitUncertain | CancelledError):
            segment.running.difference_update(offsets)
            continue
        try:
            segment.cancel(offsets)
        except OSError:
            failed = True
    if failed and isinstance(error, Exception):
        raise OutcomeUnknown("the transaction was rolled back, and its tombstone counts") from error
