"""The files of published checkpoints, in a folder that all hosts share and that outlives the database.

Each publication is a file of its own, `checkpoints/<log>/<number>`, created exclusively under the number after the
last. Two sequencers that both read the same last checkpoint therefore cannot both publish, even over two databases
after a failover. `<log>.checkpoint` has the last one again, for people, tools and version 0.2.0.

The start of the next epoch takes the number after an epoch's last publication, so that nothing is published in that
epoch afterwards, and only one epoch follows it. Epoch n publishes in `checkpoints/<log>-<n>` and
`<log>-<n>.checkpoint`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from consent.kernel import atomic_file, fault_points
from consent.kernel.fault_points import FaultPoint
from consent.transparency import checkpoint, log_epoch_start
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteSigner
from consent.transparency.log_epoch_start import DOCUMENT_MARK, FIRST_LOG_EPOCH, LogEpochStart
from consent.transparency.logs import Log

RETAINED = 1_000
"""Files of publications that stay. A sequencer that was stopped for longer could take a number again; it then sees that
higher ones exist."""
NUMBER_DIGITS = 14


class FolderBehind(Exception):
    """The folder lacks a checkpoint that the database has published: it is another one, or an older copy."""


class PublishedByAnother(Exception):
    """Another sequencer has published since this one read the last checkpoint."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """The signer of both logs, named by their host, and the folder of the published checkpoints.

    A checkpoint is signed by `signer_of`, whose name is the origin of one log's epoch.
    """

    signer: NoteSigner
    folder: Path

    def signer_of(self, log: Log, epoch: int = FIRST_LOG_EPOCH) -> NoteSigner:
        """Return the signer with the name that a log's checkpoints need: the origin of its epoch."""
        return replace(self.signer, name=log_epoch_start.origin_of(self.signer.name, log, epoch))

    def path_of(self, log: Log, epoch: int = FIRST_LOG_EPOCH) -> Path:
        """Return the file that has an epoch's last published checkpoint again."""
        return self.folder / f"{_file_name(log, epoch)}.checkpoint"

    def publications_folder(self, log: Log, epoch: int = FIRST_LOG_EPOCH) -> Path:
        """Return the folder of an epoch's publications."""
        return self.folder / "checkpoints" / _file_name(log, epoch)


@dataclass(frozen=True, slots=True)
class Publication:
    """A published checkpoint with its note, number and epoch; number 0 and an empty note before the first.

    The first checkpoint of a later epoch is part of the epoch's start and has the number 0.
    """

    number: int
    note: str
    checkpoint: Checkpoint | None
    epoch: int = FIRST_LOG_EPOCH


def epoch_starts(publisher: Publisher, log: Log) -> list[LogEpochStart]:
    """Return the starts of the log's epochs after the first, oldest first.

    Raises:
        NoteInvalid: a file is not what this service writes.
    """
    starts: list[LogEpochStart] = []
    while (start := _start_after(publisher, log, FIRST_LOG_EPOCH + len(starts))) is not None:
        starts.append(start)
    return starts


def read_last(publisher: Publisher, log: Log) -> Publication:
    """Return the last publication of a log, in its last epoch.

    The larger one counts, of the newest numbered file and of `<log>.checkpoint`, which version 0.2.0 writes alone.

    Raises:
        NoteInvalid: a file is not a note that this key signed, or the two have one size and different roots.
    """
    starts = epoch_starts(publisher, log)
    epoch = FIRST_LOG_EPOCH + len(starts)
    number = _newest(publisher, log, epoch)
    if number:
        last = _read(publisher, log, _path(publisher, log, epoch, number), Publication(number, "", None, epoch))
    else:
        last = Publication(0, "", None, epoch)
        if starts:
            last = _opened(publisher, log, starts[-1].first, last)
    other = _read(publisher, log, publisher.path_of(log, epoch), Publication(number, "", None, epoch))
    if other.checkpoint is None or last.checkpoint is None:
        return other if last.checkpoint is None else last
    if other.checkpoint.size == last.checkpoint.size and other.checkpoint != last.checkpoint:
        raise NoteInvalid(f"{publisher.path_of(log, epoch).name} contradicts the publication {number}")
    return other if other.checkpoint.size > last.checkpoint.size else last


def add(publisher: Publisher, log: Log, last: Publication, note: str) -> None:
    """Publish a note after the last publication, in its epoch, and return once it is on disk.

    Raises:
        PublishedByAnother: that number exists, or a higher one; nothing was published.
        OSError: the folder is full or missing.
    """
    numbers = _append(publisher, log, last, note)
    atomic_file.replace(publisher.path_of(log, last.epoch), note.encode())
    for number in numbers[:-RETAINED]:
        _path(publisher, log, last.epoch, number).unlink(missing_ok=True)


def notes(publisher: Publisher, log: Log, epoch: int) -> list[str]:
    """Return the signed checkpoints of an epoch that the folder has; their signatures are not verified."""
    texts = []
    for path in (publisher.path_of(log, epoch), *_numbered(publisher.publications_folder(log, epoch))):
        with suppress(FileNotFoundError):  # the oldest are deleted while others publish
            texts.append(path.read_text(encoding="utf-8"))
    return [text for text in texts if not text.startswith(DOCUMENT_MARK)]


def open_checkpoint(publisher: Publisher, log: Log, note: str) -> Checkpoint:
    """Return the checkpoint of a note of any epoch of the log; NoteInvalid unless one of its keys signed it."""
    epoch = log_epoch_start.epoch_of(log, Checkpoint.of_stored(note).origin)
    signer = publisher.signer_of(log, epoch)
    opened = Checkpoint.parse(checkpoint.open_by_any(note, signer.keys))
    if opened.origin != signer.name:
        raise NoteInvalid("the checkpoint is of another log")
    return opened


def begin_epoch(publisher: Publisher, last: Publication, start: LogEpochStart) -> None:
    """End the epoch of the last publication by the start of the next one; return once it is on disk.

    Raises:
        PublishedByAnother: another process has published, or has begun an epoch; nothing was written.
        OSError: the folder is full or missing.
    """
    _append(publisher, start.log, last, json.dumps(start.document(), indent=1, ensure_ascii=False) + "\n")
    fault_points.reach(FaultPoint.EPOCH_BEGUN)
    atomic_file.replace(publisher.path_of(start.log, start.epoch), start.first.encode())


def require_published(last: Publication, note: str | None, log: Log) -> None:
    """Raise FolderBehind unless the folder has the checkpoint (a signed note) that the database published last.

    A database of an earlier epoch than the folder is an older copy: the comparison of the trees decides about it.
    """
    if not note:
        return
    stored = Checkpoint.of_stored(note)
    epoch = log_epoch_start.epoch_of(log, stored.origin)
    if last.epoch < epoch:
        raise FolderBehind(f"{log}: the database is in epoch {epoch}, the folder in epoch {last.epoch}")
    if last.epoch == epoch and (last.checkpoint is None or last.checkpoint.size < stored.size):
        present = "none" if last.checkpoint is None else f"one over {last.checkpoint.size}"
        raise FolderBehind(
            f"{log}: the database published a checkpoint over {stored.size} leaves, the folder has {present}"
        )


def _append(publisher: Publisher, log: Log, last: Publication, content: str) -> list[int]:
    """Create the file after the last publication exclusively; return the numbers of all files, in order."""
    folder = publisher.publications_folder(log, last.epoch)
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        atomic_file.sync_folder(publisher.folder)
        atomic_file.sync_folder(folder.parent)
    path = _path(publisher, log, last.epoch, last.number + 1)
    try:
        atomic_file.create(path, content.encode())
    except FileExistsError:
        raise PublishedByAnother(f"{log}: the publication {last.number + 1} exists") from None
    numbers = sorted(_number(other) for other in _numbered(folder))
    if numbers[-1] > last.number + 1:
        path.unlink()
        raise PublishedByAnother(f"{log}: the publication {numbers[-1]} exists")
    return numbers


def _start_after(publisher: Publisher, log: Log, epoch: int) -> LogEpochStart | None:
    """Return the start of the epoch after this one, or None while this one is the last."""
    number = _newest(publisher, log, epoch)
    if not number:
        return None
    text = _path(publisher, log, epoch, number).read_text(encoding="utf-8")
    if not text.startswith(DOCUMENT_MARK):
        return None
    start = LogEpochStart.parse(text)
    if (start.log, start.epoch) != (log, epoch + 1):
        raise NoteInvalid(f"the publication {number} of epoch {epoch} begins another epoch or log")
    return start


def _read(publisher: Publisher, log: Log, path: Path, absent: Publication) -> Publication:
    try:
        note = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return absent
    return _opened(publisher, log, note, absent)


def _opened(publisher: Publisher, log: Log, note: str, expected: Publication) -> Publication:
    """Return the publication of a note at the number and epoch of `expected`; NoteInvalid if it is of another."""
    opened = open_checkpoint(publisher, log, note)
    if log_epoch_start.epoch_of(log, opened.origin) != expected.epoch:
        raise NoteInvalid(f"a checkpoint of epoch {expected.epoch} has the origin {opened.origin}")
    return replace(expected, note=note, checkpoint=opened)


def _file_name(log: Log, epoch: int) -> str:
    return str(log) if epoch == FIRST_LOG_EPOCH else f"{log}-{epoch}"


def _path(publisher: Publisher, log: Log, epoch: int, number: int) -> Path:
    return publisher.publications_folder(log, epoch) / f"{number:0{NUMBER_DIGITS}d}"


def _newest(publisher: Publisher, log: Log, epoch: int) -> int:
    return max((_number(path) for path in _numbered(publisher.publications_folder(log, epoch))), default=0)


def _numbered(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []


def _number(path: Path) -> int:
    return int(path.name)
