"""Files that are complete or absent after a crash or a power cut."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint


def replace(path: Path, content: bytes) -> None:
    """Replace the file at `path` by `content` atomically; returns once file and folder are on disk.

    Writes a draft in the same folder and renames it (mode 0644). OSError if the folder is missing or full.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fault_points.reach(FaultPoint.FILE_DRAFTED)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    fault_points.reach(FaultPoint.FILE_REPLACED)
