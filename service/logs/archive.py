"""Write the two logs as plain files, at the paths by which this service serves them; any web server can serve a copy.

A reader need not trust the copy: the signed checkpoint commits to every tile, and every tile to its leaves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from consent.database import queries
from consent.documents import bodies
from consent.kernel import atomic_file
from consent.kernel.canonical_json import canonical_json
from consent.transparency import checkpoint, entries, log_epoch_start, log_epochs, tiles
from consent.transparency.checkpoint import TILE_WIDTH, Checkpoint, NoteInvalid
from consent.transparency.logs import Log
from consent.transparency.merkle import HASH_BYTES
from service.api.public import transparency
from service.compliance import announcements
from service.http.context import AppContext

ENTRIES_READ = 5_000
"""Leaves of the policy log read by one query."""


@dataclass(slots=True)
class ArchiveSummary:
    """The archive after a run: leaves of each log, and the number of files written."""

    sizes: dict[Log, int]
    files: int = 0


async def write(app_context: AppContext, folder: Path) -> ArchiveSummary:
    """Update the archive in `folder` to the last published checkpoints.

    Writes each log's tiles and checkpoint, the last checkpoint of each ended epoch, the leaves of the policy log and
    every document that a leaf names. Files of an earlier epoch are moved to `epochs/<n>`. Full tiles never change and
    are not written again; each checkpoint is written after its tiles. Needs an open database; reads one snapshot of it.

    Raises:
        TreeBroken: a tile is missing.
    """
    done = ArchiveSummary({})
    async with queries.snapshot():
        for log in Log:
            published = await transparency.published_checkpoint(log)
            if published is None:
                continue
            note, head = published
            there = folder / "log" / log
            _set_aside(there, log, head)
            for epoch in await log_epochs.epochs(log):
                ended = there / "epochs" / str(epoch.number) / "checkpoint"
                if epoch.next_start is not None and not ended.exists():
                    _write_file(ended, epoch.next_start.previous.encode(), done)
            async for level, number, hashes in tiles.stored(log, head.size):
                width = len(hashes) // HASH_BYTES
                path = there / "tile" / str(level) / checkpoint.tile_path(number, width)
                if width < TILE_WIDTH or not path.exists():
                    _write_file(path, hashes, done)
            if log is Log.POLICY:
                await _policy(app_context, folder, head.size, done)
            _write_file(there / "checkpoint", note.encode(), done)
            done.sizes[log] = head.size
    return done


async def _policy(app_context: AppContext, folder: Path, size: int, done: ArchiveSummary) -> None:
    """Write the policy log's leaves, one a line, and every document that a leaf names."""
    lines, hashes = [], set()
    for start in range(0, size, ENTRIES_READ):
        for _, leaf in await entries.leaves(Log.POLICY, start, min(size, start + ENTRIES_READ)):
            lines.append(leaf)
            hashes.add(json.loads(leaf)["sha256"])
    documents = folder / "v1" / "public" / "documents"
    ours = await announcements.document_by_hash(app_context)
    for sha256 in sorted(hashes):
        if not (documents / sha256).exists():
            body = await bodies.by_hash(sha256, approved_only=False) or ours.get(sha256)
            if body is not None:
                _write_file(documents / sha256, canonical_json(body), done)
    _write_file(folder / "log" / "policy" / "entries.ndjson", "".join(f"{line}\n" for line in lines).encode(), done)


def _set_aside(there: Path, log: Log, head: Checkpoint) -> None:
    """Move a log's files of an earlier epoch than `head` to `epochs/<n>`: no other copy of their tiles may be left."""
    try:
        epoch = log_epoch_start.epoch_of(log, Checkpoint.of_stored((there / "checkpoint").read_text("utf-8")).origin)
    except (FileNotFoundError, NoteInvalid):
        return
    if epoch == log_epoch_start.epoch_of(log, head.origin):
        return
    aside = there / "epochs" / str(epoch)
    aside.mkdir(parents=True, exist_ok=True)
    # The checkpoint last: interrupted, the next run moves the rest.
    for path in sorted(there.iterdir(), key=lambda path: path.name == "checkpoint"):
        if path.name != "epochs":
            path.rename(aside / path.name)


def _write_file(path: Path, content: bytes, done: ArchiveSummary) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.replace(path, content)
    done.files += 1
