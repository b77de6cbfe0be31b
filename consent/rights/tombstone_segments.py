"""Segments: files of tombstone records with one writer each, in a folder that several hosts may share.

A process creates its segment under a random name and keeps an advisory lock on it as long as it lives, so that another
process can tell a request that is running from one that died with its process. Needs a file system with exclusive
creation, fsync and locks: a local one, or NFS 4.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from consent.kernel import atomic_file
from consent.rights import tombstone_records
from consent.rights.tombstone_records import RECORD_BYTES, Tombstone, TombstoneState

SUFFIX = ".segment"


@dataclass(frozen=True, slots=True)
class Batch:
    """Tombstones to replay, in order, and the offset in bytes after the last one.

    `unsettled`: offsets of the open ones among them, whose requests ended without confirming or cancelling them; pass
    them to `settle` after applying. `waiting`: reading stopped at the record of a running request.
    """

    stones: Sequence[Tombstone]
    end: int
    unsettled: Sequence[int] = ()
    waiting: bool = False


class RecordsLeft(Exception):
    """Records of a failed write may be on disk and could not be removed, so they count."""


class Segment:
    """The segment that this process writes; OSError from `Segment(folder)` if it cannot be created and locked."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            atomic_file.sync_folder(folder.parent)
        self.path = folder / f"{secrets.token_hex(16)}{SUFFIX}"
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self.close = weakref.finalize(self, os.close, self.descriptor)
        """Closes the file and ends the lock; called at the latest when the last user of the segment is gone."""
        self.end = 0
        self.running: set[int] = set()
        """Offsets of records whose requests have not ended."""
        self.broken = False
        """True after a write that failed: nothing more is appended to this segment."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        atomic_file.sync_folder(folder)

    def append(self, stones: Sequence[Tombstone]) -> list[int]:
        """Append open records, all of them or none, and return their offsets once they are on disk.

        Raises:
            OSError: disk full or failing; the records were removed by truncation.
            RecordsLeft: they could not be removed.
        """
        content = b"".join(tombstone_records.encode(stone, TombstoneState.OPEN) for stone in stones)
        try:
            if os.pwrite(self.descriptor, content, self.end) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self.descriptor)
        except OSError:
            # After a failed fsync nobody knows which pages reached the disk: the next record starts a new segment.
            self.broken = True
            self._remove(self.end, self.end + len(content))
            raise
        offsets = list(range(self.end, self.end + len(content), RECORD_BYTES))
        self.end += len(content)
        self.running.update(offsets)
        return offsets

    def is_in_place(self) -> bool:
        """Report whether the file is still at its path, where others read it: a folder can be replaced or unmounted."""
        try:
            present, own = self.path.stat(), os.fstat(self.descriptor)
        except OSError:
            return False
        return (present.st_dev, present.st_ino) == (own.st_dev, own.st_ino)

    def confirm(self, offsets: Sequence[int]) -> None:
        """Mark records as replayed or committed.

        Not synchronised, and a failure is ignored: after a crash the records are open and are replayed once more,
        which changes nothing.
        """
        with suppress(OSError):
            mark(self.descriptor, offsets, TombstoneState.CONFIRMED)
        self.running.difference_update(offsets)

    def cancel(self, offsets: Sequence[int]) -> None:
        """Mark records as cancelled, and return once that is on disk. Needs no new space on it.

        Raises:
            OSError: the disk fails; the records count.
        """
        try:
            mark(self.descriptor, offsets, TombstoneState.CANCELLED)
            os.fsync(self.descriptor)
        finally:
            self.running.difference_update(offsets)

    def _remove(self, start: int, end: int) -> None:
        """Truncate the file before the records of a failed write, or cancel them; RecordsLeft if neither succeeds."""
        try:
            os.ftruncate(self.descriptor, start)
            os.fsync(self.descriptor)
        except OSError:
            try:
                written = min(os.fstat(self.descriptor).st_size, end)
                mark(self.descriptor, range(start, written, RECORD_BYTES), TombstoneState.CANCELLED)
                os.fsync(self.descriptor)
            except OSError as error:
                raise RecordsLeft from error


def mark(descriptor: int, offsets: Sequence[int], state: TombstoneState) -> None:
    """Overwrite the state of records in place."""
    for offset in offsets:
        os.pwrite(descriptor, state.encode(), offset)


def settle(path: Path, offsets: Sequence[int]) -> None:
    """Confirm records that a request left open, once they are replayed. Ignores OSError, as `confirm` does."""
    if not offsets:
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY)
        try:
            mark(descriptor, offsets, TombstoneState.CONFIRMED)
        finally:
            os.close(descriptor)


def read(path: Path, start: int, limit: int, own: Segment | None, *, patient: bool = True) -> Batch:
    """Return at most `limit` records from the offset `start` on.

    With `patient` the batch ends before the first open record of a running request; without, it includes such records.

    Args:
        own: the segment of this process at `path`, whose running requests it knows; None for that of another process.
    """
    with path.open("rb") as file:
        file.seek(start)
        content = file.read(limit * RECORD_BYTES)
        stones: list[Tombstone] = []
        unsettled: list[int] = []
        alive: bool | None = None
        # A short record at the end is a write that a crash or a full disk cut off: its request was never answered.
        for offset in range(0, len(content) - RECORD_BYTES + 1, RECORD_BYTES):
            decoded = tombstone_records.decode(content[offset : offset + RECORD_BYTES])
            if decoded is None or decoded[0] is TombstoneState.CANCELLED:
                continue
            if decoded[0] is TombstoneState.OPEN:
                if own is not None:
                    running = start + offset in own.running
                else:
                    running = alive = _is_locked(file.fileno()) if alive is None else alive
                if running and patient:
                    return Batch(stones, start + offset, unsettled, waiting=True)
                unsettled.append(start + offset)
            stones.append(decoded[1])
    return Batch(stones, start + len(content) // RECORD_BYTES * RECORD_BYTES, unsettled)


def read_lines(path: Path, start: int, limit: int) -> Batch:
    """Return at most `limit` tombstones of the file of version 0.2.0 and earlier, from the offset `start` on."""
    stones: list[Tombstone] = []
    end = start
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n") or len(stones) == limit:
                break
            end += len(line)
            stone = tombstone_records.decode_line(line)
            if stone is not None:
                stones.append(stone)
    return Batch(stones, end)


def _is_locked(descriptor: int) -> bool:
    """Report whether the process that writes a segment runs, by its advisory lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False
