"""The folder of published checkpoints: numbered files, one winner for each number, epochs, the file of 0.2.0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.transparency import publication
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteSigner
from consent.transparency.log_epoch_start import LogEpochStart
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
    assert not [path.name for path in publisher.publications_folder(LOG).iterdir() if not path.name.isdecimal()]


def test_a_sequencer_that_was_stopped_for_very_long_publishes_nothing(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "RETAINED", 2)
    stopped = publish(publisher, 1)
    for size in range(2, 8):
        publish(publisher, size)
    assert sorted(path.name[-2:] for path in publisher.publications_folder(LOG).iterdir()) == ["06", "07"]
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


def start_of(publisher: Publisher, last: Publication, size: int, reason: str = "lost") -> LogEpochStart:
    signer = publisher.signer_of(LOG, last.epoch + 1)
    first = signer.sign(Checkpoint(signer.name, size, bytes(32)).text())
    return LogEpochStart(LOG, last.epoch + 1, "2026-11-29T02:00:00Z", reason, last.note, note_of(publisher, 3), first)


def test_a_new_epoch_has_publications_of_its_own(publisher: Publisher) -> None:
    last = publish(publisher, 9)
    start = start_of(publisher, last, 5)
    publication.begin_epoch(publisher, last, start)
    assert publication.epoch_starts(publisher, LOG) == [start]
    begun = publication.read_last(publisher, LOG)
    assert (begun.epoch, begun.number, begun.note) == (2, 0, start.first)
    assert begun.checkpoint == Checkpoint("logs.city.example/consent/2", 5, bytes(32))
    signer = publisher.signer_of(LOG, 2)
    note = signer.sign(Checkpoint(signer.name, 6, bytes(32)).text())
    publication.add(publisher, LOG, begun, note)
    newest = publication.read_last(publisher, LOG)
    assert (newest.epoch, newest.number, newest.note) == (2, 1, note)
    # The first epoch's last checkpoint stays where it was.
    assert publisher.path_of(LOG).read_text() == last.note
    publication.begin_epoch(publisher, newest, start_of(publisher, newest, 4))
    assert [start.epoch for start in publication.epoch_starts(publisher, LOG)] == [2, 3]
    assert publication.read_last(publisher, Log.POLICY) == Publication(0, "", None)


def test_of_two_hosts_one_begins_the_epoch_and_nothing_is_published_in_the_old_one(publisher: Publisher) -> None:
    last = publish(publisher, 9)
    publication.begin_epoch(publisher, last, start_of(publisher, last, 5, "the first host"))
    with pytest.raises(PublishedByAnother):
        publication.begin_epoch(publisher, last, start_of(publisher, last, 6, "the second host"))
    with pytest.raises(PublishedByAnother):
        publication.add(publisher, LOG, last, note_of(publisher, 10))
    assert [start.reason for start in publication.epoch_starts(publisher, LOG)] == ["the first host"]
    assert [path.name for path in publisher.publications_folder(LOG).iterdir()].count("00000000000002") == 1


def test_an_epoch_does_not_begin_after_somebody_has_published(publisher: Publisher) -> None:
    last = publish(publisher, 9)
    newest = publish(publisher, 10)
    with pytest.raises(PublishedByAnother):
        publication.begin_epoch(publisher, last, start_of(publisher, last, 5))
    assert publication.read_last(publisher, LOG) == newest


def test_a_checkpoint_of_another_epoch_or_key_is_no_publication(publisher: Publisher) -> None:
    last = publish(publisher, 9)
    start = start_of(publisher, last, 5)
    publication.begin_epoch(publisher, last, start)
    publisher.path_of(LOG, 2).write_text(note_of(publisher, 12))
    with pytest.raises(NoteInvalid, match="epoch 2 has the origin"):
        publication.read_last(publisher, LOG)
    stranger = replace(publisher, signer=NoteSigner("logs.city.example", Ed25519PrivateKey.generate()))
    with pytest.raises(NoteInvalid):
        publication.open_checkpoint(stranger, LOG, start.first)


@pytest.mark.parametrize(
    "harm", [("{", "{{"), ('"epoch": 2', '"epoch": 3'), ('"size": 5', '"size": 4'), ('"log": "consent"', '"log": "x"')]
)
def test_a_damaged_start_of_an_epoch_is_no_start(publisher: Publisher, harm: tuple[str, str]) -> None:
    last = publish(publisher, 9)
    publication.begin_epoch(publisher, last, start_of(publisher, last, 5))
    path = publisher.publications_folder(LOG) / "00000000000002"
    path.write_text(path.read_text().replace(*harm, 1))
    with pytest.raises(NoteInvalid):
        publication.read_last(publisher, LOG)


def test_a_folder_of_an_earlier_epoch_is_behind_and_an_older_database_is_not_its_fault(publisher: Publisher) -> None:
    first = publish(publisher, 9)
    start = start_of(publisher, first, 5)
    with pytest.raises(FolderBehind, match="the database is in epoch 2, the folder in epoch 1"):
        publication.require_published(first, start.first, LOG)
    publication.begin_epoch(publisher, first, start)
    publication.require_published(publication.read_last(publisher, LOG), first.note, LOG)
