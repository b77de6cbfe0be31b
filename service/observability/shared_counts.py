"""Counts of several processes, in files whose space is reserved before the first count.

prometheus_client 0.22 maps sparse files into memory: where the disk is full, the first write to a new page kills the
process (SIGBUS). So every file is written full of zeros first, and a process without that space counts for itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of the folder of shared counts; prometheus_client reads it."""
FOLDER_PREFIX = "credit-easy-metrics-"
"""Beginning of a folder's name; the id of the process that owns it follows."""
MEMORY = Path("/dev/shm")  # noqa: S108  a folder of our own is made in it
"""Folder in memory, where Linux has one: a full disk does not reach it."""
STARTED = "started"
"""File of the time at which the counts began, in nanoseconds since 1970."""
SENDER_LOCK = "sender.lock"
"""File that the process locks which sends the metrics of all."""
FILE_BYTES = {"counter": 2**21, "histogram": 2**21, "gauge_mostrecent": 2**16, "gauge_sum": 2**16, "gauge_max": 2**16}
"""Reserved bytes by kind of metric, several times what all operations, statuses and buckets take."""


def create_folder() -> Path | None:
    """Create this process's folder, in memory if possible; None where there is no space for one process's files.

    Deletes folders whose process is gone.
    """
    for parent in (MEMORY, _temporary()):
        if parent is None or not parent.is_dir():
            continue
        _remove_abandoned(parent)
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=parent))
        except OSError:
            continue
        if _write_start(folder) and reserve(folder, 0):
            return folder
        remove_folder(folder)
    return None


def reserve(folder: Path, slot: int) -> bool:
    """Write the files of a process full of zeros, where they do not exist; report whether there was space for all.

    The process that follows on the same slot continues their counts.
    """
    for kind, size in FILE_BYTES.items():
        path = folder / f"{kind}_{slot}.db"
        if path.exists():
            continue
        draft = path.with_suffix(".draft")
        try:
            draft.write_bytes(bytes(size))
            draft.rename(path)
        except OSError:
            draft.unlink(missing_ok=True)
            return False
    return True


def join(folder: Path, slot: int) -> None:
    """Count into a slot of the folder from now on; before `service.observability.metrics` is imported."""
    if "service.observability.metrics" in sys.modules:
        raise RuntimeError("the metrics exist already")
    os.environ[FOLDER_VARIABLE] = str(folder)
    from prometheus_client import values

    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]


@dataclass(slots=True)
class SharedCounts:
    """The counts that this process shares with others of one `serve`."""

    folder: Path
    _lock: IO[bytes] | None = field(default=None)

    @property
    def started_ns(self) -> int:
        """The beginning of the counts, in nanoseconds since 1970; workers that are replaced continue them."""
        return int((self.folder / STARTED).read_text())

    @property
    def instance(self) -> str:
        """A random id of this `serve`, the same in all its processes."""
        return hashlib.sha256(self.folder.name.encode()).hexdigest()[:16]

    def claim(self) -> bool:
        """Report whether this process is the one that sends for all; it stays so until it ends.

        The system drops the lock of a process that dies, and the next to ask has it.
        """
        import fcntl  # Windows has none, and no workers

        if self._lock is None:
            lock = (self.folder / SENDER_LOCK).open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                return False
            self._lock = lock
        return True

    def release(self) -> None:
        """Let another process send."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def shared() -> SharedCounts | None:
    """Return the counts that this process has joined; None where it counts for itself."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return None if folder is None else SharedCounts(Path(folder))


def remove_folder(folder: Path) -> None:
    """Delete a folder of counts."""
    shutil.rmtree(folder, ignore_errors=True)


def _write_start(folder: Path) -> bool:
    try:
        (folder / STARTED).write_text(str(time.time_ns()))
    except OSError:
        return False
    return True


def _temporary() -> Path | None:
    try:
        return Path(tempfile.gettempdir())
    except OSError:  # no temporary folder can be written to
        return None


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{FOLDER_PREFIX}*-*"):
        process_id = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if process_id.isdecimal() and not _runs(int(process_id)):
            remove_folder(folder)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
