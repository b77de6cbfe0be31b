"""The folder of published checkpoints: numbered files, one winner for each number, the file of earlier versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.transparency import publication
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteSigner
from consent.transparency.logs import Log
from consent.transparency.publication import FolderBehind, Publication, PublishedByAnother, Publisher

LOG = Log.CONSENT


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(NoteSigner("logs.city.example", Ed25519PrivateKey.generate()), tmp_path)


def note_of(publisher: Publisher, size: int, root: bytes = bytes(32)) -> str:
    signer = publisher.signer_of(LOG)
    return signer.sign(Checkpoint(signer.name, size, root).text())


def publish(publisher: Publisher, size: int) -> Publication:
    publication.add(publisher, LOG, publication.read_last(publisher, LOG), note_of(publisher, size))
    return publication.read_last(publisher, LOG)


def test_the_last_publication_is_read_again(publisher: Publisher) -> None:
    assert publication.read_last(publisher, LOG) == Publication(0, "", None)
    for number, size in enumerate((3, 5, 9), start=1):
        last = publish(publisher, size)
        assert last.checkpoint is not None
        assert (last.number, last.checkpoint.size) == (number, size)
        assert publisher.path_of(LOG).read_text() == last.note == note_of(publisher, size)


def test_of_two_that_read_the_same_last_checkpoint_one_publishes(publisher: Publisher) -> None:
    last = publish(publisher, 3)
    publication.add(publisher, LOG, last, note_of(publisher, 7))
    with pytest.raises(PublishedByAnother):
        publication.add(publisher, LOG, last, note_of(publisher, 8, bytes(31) + b"x"))
    newest = publication.read_last(publisher, LOG)
    assert (newest.number, newest.note) == (2, note_of(publisher, 7))
    assert not [path.name for path in publisher.publications(LOG).iterdir() if not path.name.isdecimal()]


def test_a_sequencer_that_was_stopped_for_very_long_publishes_nothing(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "RETAINED", 2)
    stopped = publish(publisher, 1)
    for size in range(2, 8):
        publish(publisher, size)
    assert sorted(path.name[-2:] for path in publisher.publications(LOG).iterdir()) == ["06", "07"]
    with pytest.raises(PublishedByAnother):
        publication.add(publisher, LOG, stopped, note_of(publisher, 2, bytes(31) + b"x"))
    assert publication.read_last(publisher, LOG).number == 7


def test_version_0_2_0_publishes_in_the_same_folder(publisher: Publisher) -> None:
    publisher.path_of(LOG).write_text(note_of(publisher, 4))
    assert publication.read_last(publisher, LOG) == Publication(0, note_of(publisher, 4), Checkpoint(
        "logs.city.example/consent", 4, bytes(32)))  # fmt: skip
    assert publish(publisher, 6).number == 1
    publisher.path_of(LOG).write_text(note_of(publisher, 8))
    assert publish(publisher, 9).number == 2
    publisher.path_of(LOG).write_text(note_of(publisher, 9, bytes(31) + b"x"))
    with pytest.raises(NoteInvalid):
        publication.read_last(publisher, LOG)


def test_a_folder_must_have_what_the_database_published(publisher: Publisher) -> None:
    nothing = publication.read_last(publisher, LOG)
    publication.require_published(nothing, None, LOG)
    with pytest.raises(FolderBehind, match="5 leaves, the folder has none"):
        publication.require_published(nothing, note_of(publisher, 5), LOG)
    older = publish(publisher, 4)
    with pytest.raises(FolderBehind, match="one over 4"):
        publication.require_published(older, note_of(publisher, 5), LOG)
    publication.require_published(older, note_of(publisher, 4), LOG)
    publication.require_published(older, note_of(publisher, 3), LOG)
