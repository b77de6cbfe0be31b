"""A copy of the SQLite database while the service writes to it."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from consent.kernel import atomic_file
from service.storage.write_ahead_log import BUSY_MILLISECONDS

OWNER_ALONE = 0o600


class CopyBroken(Exception):
    """The copy is no whole database; the message is SQLite's first finding."""


def create(source: Path, target: Path) -> int:
    """Copy the database `source` to the new file `target`, mode 0600; return its size in bytes.

    The copy is of one moment, and has every transaction that was committed before the call. Readers and writers need
    not wait. The file appears under its name once it is whole, checked and on disk.

    Raises:
        FileExistsError: `target` exists; it is not changed.
        OSError: the folder of `target` is missing or not writable.
        sqlite3.Error: `source` is missing or no database, or the disk of the copy is full.
        CopyBroken: the copy does not pass SQLite's check, so that the source does not either.
    """
    if os.path.lexists(target):
        raise FileExistsError(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ALONE))
    try:
        _copy(source, draft)
        size = draft.stat().st_size
        os.link(draft, target)  # unlike a rename, it never replaces a file
        atomic_file.sync_folder(target.parent)
        return size
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _copy(source: Path, draft: Path) -> None:
    seconds = BUSY_MILLISECONDS / 1_000
    # mode=rw: an address with a mistake must not create an empty database and copy it.
    address = f"{source.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=seconds)) as original,
        closing(sqlite3.connect(draft)) as copy,
    ):
        # In one step: SQLite begins a copy in several steps again after each write of another process.
        original.backup(copy)
        # A file of its own, without a write-ahead log; the service switches it on again when it opens the file.
        copy.execute("PRAGMA journal_mode = DELETE")
        (finding,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if finding != "ok":
            raise CopyBroken(finding)
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
