"""The files of published checkpoints, in a folder that all hosts share and that outlives the database.

Each publication is a file of its own, `checkpoints/<log>/<number>`, created exclusively under the number after the
last. Two sequencers that both read the same last checkpoint therefore cannot both publish, even over two databases
after a failover. `<log>.checkpoint` has the last one again, for people, tools and version 0.2.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from consent.kernel import atomic_file
from consent.transparency import checkpoint
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteSigner
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
    """The signer of the logs (its name is their origin) and the folder of the published checkpoints."""

    signer: NoteSigner
    folder: Path

    def signer_of(self, log: Log) -> NoteSigner:
        """Return the signer under the log's own origin, `<host>/<log>`."""
        return NoteSigner(f"{self.signer.name}/{log}", self.signer.private)

    def path_of(self, log: Log) -> Path:
        """Return the file that has the log's last published checkpoint again."""
        return self.folder / f"{log}.checkpoint"

    def publications(self, log: Log) -> Path:
        """Return the folder of the log's publications."""
        return self.folder / "checkpoints" / log


@dataclass(frozen=True, slots=True)
class Publication:
    """A published checkpoint with its note and its number; number 0 and an empty note before the first."""

    number: int
    note: str
    checkpoint: Checkpoint | None


def read_last(publisher: Publisher, log: Log) -> Publication:
    """Return the last publication of a log.

    The larger one counts, of the newest numbered file and of `<log>.checkpoint`, which version 0.2.0 writes alone.

    Raises:
        NoteInvalid: a file is not a note that this key signed, or the two have one size and different roots.
    """
    number = max((_number(path) for path in _numbered(publisher.publications(log))), default=0)
    last = _read(publisher, log, _path(publisher, log, number), number) if number else Publication(0, "", None)
    other = _read(publisher, log, publisher.path_of(log), number)
    if other.checkpoint is None or last.checkpoint is None:
        return other if last.checkpoint is None else last
    if other.checkpoint.size == last.checkpoint.size and other.checkpoint != last.checkpoint:
        raise NoteInvalid(f"{log}.checkpoint contradicts the publication {number}")
    return other if other.checkpoint.size > last.checkpoint.size else last


def add(publisher: Publisher, log: Log, last: Publication, note: str) -> None:
    """Publish a note after the last publication, and return once it is on disk.

    Raises:
        PublishedByAnother: that number exists, or a higher one; nothing was published.
        OSError: the folder is full or missing.
    """
    folder = publisher.publications(log)
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        atomic_file.sync_folder(publisher.folder)
        atomic_file.sync_folder(folder.parent)
    path = _path(publisher, log, last.number + 1)
    try:
        atomic_file.create(path, note.encode())
    except FileExistsError:
        raise PublishedByAnother(f"{log}: the publication {last.number + 1} exists") from None
    numbers = sorted(_number(other) for other in _numbered(folder))
    if numbers[-1] > last.number + 1:
        path.unlink()
        raise PublishedByAnother(f"{log}: the publication {numbers[-1]} exists")
    atomic_file.replace(publisher.path_of(log), note.encode())
    for number in numbers[:-RETAINED]:
        _path(publisher, log, number).unlink(missing_ok=True)


def require_published(last: Publication, note: str | None, log: Log) -> None:
    """Raise FolderBehind unless the folder has the checkpoint (a signed note) that the database published last."""
    if not note:
        return
    size = Checkpoint.of_stored(note).size
    if last.checkpoint is None or last.checkpoint.size < size:
        present = "none" if last.checkpoint is None else f"one over {last.checkpoint.size}"
        raise FolderBehind(f"{log}: the database published a checkpoint over {size} leaves, the folder has {present}")


def _read(publisher: Publisher, log: Log, path: Path, number: int) -> Publication:
    try:
        note = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Publication(number, "", None)
    signed = checkpoint.open_note(note, publisher.signer_of(log).key)
    return Publication(number, note, Checkpoint.parse(signed))


def _path(publisher: Publisher, log: Log, number: int) -> Path:
    return publisher.publications(log) / f"{number:0{NUMBER_DIGITS}d}"


def _numbered(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.isdecimal()] if folder.is_dir() else []


def _number(path: Path) -> int:
    return int(path.name)
