"""A new log folder for a database whose folder is lost: its id, the last checkpoints and the tombstones, written again.

Erased persons are unknown to the database; the public hashes of their events are not, and stand for them.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from consent.database.queries import from_micros, now
from consent.models import ErasedLeaf, StoredConsent
from consent.rights.tombstone_records import Tombstone, TombstoneKind
from consent.rights.tombstones import READ_AT_ONCE, Tombstones
from consent.transparency import log_epoch_start, log_epochs, log_folder, publication, sequencer
from consent.transparency.checkpoint import Checkpoint
from consent.transparency.logs import Log
from consent.transparency.publication import Publisher

FIRST_EVENTS = ("consent.given", "consent.refused")
"""Kinds of the event with which a person becomes known: each erased person has one of them."""


class DatabaseBehind(Exception):
    """The folder has a checkpoint that this database lacks: the database is not the newest."""


@dataclass(frozen=True, slots=True)
class AdoptedFolder:
    """The id of an adopted folder, and the number of tombstones that were written into it."""

    folder_id: str
    tombstones: int


async def adopt(publisher: Publisher, tombstones: Tombstones) -> AdoptedFolder:
    """Make the folder the one of this database and write what it lacks. Needs the newest database; stop serving.

    Raises:
        DatabaseBehind: the folder has a newer checkpoint.
        OSError: the folder is full or missing.
    """
    for log in Log:
        last, stored = publication.read_last(publisher, log), await _published(log)
        if last.checkpoint is not None and (last.epoch, last.checkpoint.size) > stored:
            raise DatabaseBehind(
                f"{log}: the folder has a checkpoint over {last.checkpoint.size} leaves, the database over {stored[1]}"
                + (f"; epoch {last.epoch} has begun" if last.epoch > stored[0] else "")
            )
    folder_id = await log_folder.adopt(publisher.folder)
    for log in Log:
        await _write_publications(publisher, log)
    written = 0
    async for stones in _ended():
        tombstones.write_again(stones)
        written += len(stones)
    return AdoptedFolder(folder_id, written)


async def _published(log: Log) -> tuple[int, int]:
    """Return epoch and size of the last checkpoint that the database published; size 0 before the first."""
    note = (await sequencer.head(log)).note
    stored = Checkpoint.of_stored(note) if note else None
    return (1, 0) if stored is None else (log_epoch_start.epoch_of(log, stored.origin), stored.size)


async def _write_publications(publisher: Publisher, log: Log) -> None:
    """Write the epochs and the last checkpoint of the database, as far as the folder lacks them."""
    for start in await log_epochs.starts(log):
        last = publication.read_last(publisher, log)
        if last.epoch < start.epoch:
            publication.begin_epoch(publisher, last, start)
    note, last = (await sequencer.head(log)).note, publication.read_last(publisher, log)
    if note and last.note != note:
        publication.add(publisher, log, last, note)


async def _ended() -> AsyncIterator[Sequence[Tombstone]]:
    """Yield the tombstones of every withdrawn consent and of every erased person, READ_AT_ONCE at a time."""
    after = ""
    while page := (
        await StoredConsent.filter(consent_id__gt=after, state="withdrawn")
        .order_by("consent_id")
        .limit(READ_AT_ONCE)
        .values("consent_id", "person_id", "ended_at")
    ):
        yield [
            Tombstone(TombstoneKind.WITHDRAWN, row["consent_id"], row["person_id"], from_micros(row["ended_at"]))
            for row in page
        ]
        after = page[-1]["consent_id"]
    after, at = "", await now()
    while leaves := (
        await ErasedLeaf.filter(leaf_hash__gt=after, kind__in=FIRST_EVENTS)
        .order_by("leaf_hash")
        .limit(READ_AT_ONCE)
        .values("leaf_hash")
    ):
        yield [Tombstone(TombstoneKind.LEAF_ERASED, leaf_name(row["leaf_hash"]), "", at) for row in leaves]
        after = leaves[-1]["leaf_hash"]


def leaf_name(leaf_hash: str) -> str:
    """Return a leaf hash (hex) as the 43 characters that fit a record."""
    return base64.urlsafe_b64encode(bytes.fromhex(leaf_hash)).decode().rstrip("=")


def leaf_hash_of(name: str) -> str:
    """Return the leaf hash (hex) of a tombstone's name."""
    return base64.urlsafe_b64decode(name + "=").hex()
