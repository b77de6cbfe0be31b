"""Files that are complete or absent after a crash or a power cut."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace the file at `path` by `content` atomically; returns once file and folder are on disk.

    Writes a draft in the same folder and renames it. OSError if the folder is missing or full; the draft is
    removed then.
    """
    with _draft(path, content, mode) as draft:
        draft.replace(path)
        sync_folder(path.parent)
        fault_points.reach(FaultPoint.FILE_REPLACED)


def create(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Create the file at `path` with `content`, complete from its first moment; returns once it is on disk.

    Of several processes on any host that create one path, one succeeds: the draft is linked, which no file system does
    over an existing name.

    Raises:
        FileExistsError: the path exists.
        OSError: the folder is missing or full. The draft is removed.
    """
    with _draft(path, content, mode) as draft:
        os.link(draft, path)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on disk: a new file's name is not durable before."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _draft(path: Path, content: bytes, mode: int = 0o644) -> Iterator[Path]:
    """Write a draft of `path` to disk; yield its path and remove it afterwards, unless it was renamed."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fault_points.reach(FaultPoint.FILE_DRAFTED)
        yield draft
    finally:
        draft.unlink(missing_ok=True)
