"""Keys of the logs by epoch: a key signs under the origin of each epoch that ran before it was replaced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consent.database import queries
from consent.transparency import checkpoint, log_epochs
from consent.transparency.checkpoint import NoteKey
from consent.transparency.logs import Log
from consent.transparency.publication import Publisher
from service.compliance import public_keys


@dataclass(frozen=True, slots=True)
class EpochKey:
    """A published key under the origin of an epoch; `retired_at` is None while the key is in use or the next one."""

    key: NoteKey
    active_from: datetime
    retired_at: datetime | None


async def list_epoch_keys(publisher: Publisher, log: Log) -> list[EpochKey]:
    """Return every published key of a log under the origin of each of its epochs, oldest epoch first.

    Leaves out the keys that were replaced before an epoch began: a stolen one could sign under its origin.
    """
    rows = await public_keys.published(public_keys.LOGS)
    keys, started_at = [], None
    for epoch in await log_epochs.epochs(log):
        origin = publisher.signer_of(log, epoch.number).name
        for row in rows:
            retired_at = None if row.retired_at is None else queries.from_micros(row.retired_at)
            if started_at is None or retired_at is None or retired_at > started_at:
                key = NoteKey(origin, public_keys.public_of_log_key(row.key_id))
                keys.append(EpochKey(key, queries.from_micros(row.active_from), retired_at))
        # For the next round: the start that ends this epoch has the time at which the next one begins.
        started_at = None if epoch.next_start is None else datetime.fromisoformat(epoch.next_start.started_at)
    return keys


def key_that_signed(publisher: Publisher, log: Log, epoch: int, note: str) -> NoteKey:
    """Return the newest key that has signed a note of an epoch; the current key if none of this host's keys has."""
    keys = publisher.signer_of(log, epoch).keys
    return next((key for key in keys if checkpoint.is_signed(note, key)), keys[0])
