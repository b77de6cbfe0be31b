"""The checkpoints that a log has signed in all of its epochs, and what is left of the ended ones."""

from __future__ import annotations

from collections.abc import Sequence

from consent.events import ledger
from consent.kernel.canonical_json import sha256_of
from consent.transparency import log_epoch_start, log_epochs, publication
from consent.transparency.checkpoint import Checkpoint
from consent.transparency.log_epoch_start import LogEpochStart
from consent.transparency.logs import Log
from consent.transparency.publication import Publisher


async def signed_checkpoints(log: Log, publisher: Publisher, note: str | None) -> list[Checkpoint]:
    """Return the checkpoints that the log's present tree must continue, the smallest first; `note` is the last one.

    Verifies their signatures, and that of the last checkpoint of each ended epoch.

    Raises:
        NoteInvalid: one of them is not signed by the log's key.
    """
    starts = await log_epochs.starts(log)
    shared = log_epoch_start.shared_leaves(starts)
    for start in starts:
        publication.open_checkpoint(publisher, log, start.previous)
    notes = [text for start in starts for text in (start.continued, start.first) if text]
    opened = [publication.open_checkpoint(publisher, log, text) for text in notes]
    signed = [each for each in opened if each.size <= shared[log_epoch_start.epoch_of(log, each.origin)]]
    if note:
        signed.append(publication.open_checkpoint(publisher, log, note))
    return sorted(signed, key=lambda each: each.size)


async def unannounced(starts: Sequence[LogEpochStart]) -> LogEpochStart | None:
    """Return the first start that the policy log does not announce; None if it announces all."""
    for start in starts:
        if not await ledger.is_in_policy_log(f"log_epoch:{sha256_of(start.document())}"):
            return start
    return None
