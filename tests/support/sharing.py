"""Files that several processes of one run of tests need, made by the first of them."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path


def created_once(path: Path, make: Callable[[Path], object]) -> Path:
    """Return `path`, a file or folder that `make` has written; processes that need it at once wait for one of them.

    `make` is given the path of a draft, which is renamed once it returns: after a failure the next process tries again.
    """
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            draft = Path(tempfile.mkdtemp(dir=path.parent)) / path.name
            make(draft)
            draft.rename(path)
    return path
