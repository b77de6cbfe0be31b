"""Repeat withdrawals and erasures that a restored, older copy of the database lacks: the replay of the tombstones.

The database stores how far each file of tombstones was replayed on it. Everything since is compared with it at every
start and in every round of the sequencer, because a copy made after the last publication fits the published checkpoint.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from benefits.redemption import bookings, lasting_tickets
from benefits.redemption.offline_passes import resident_passes
from consent import persons
from consent.consents import live, withdrawal_copies
from consent.database import queries
from consent.events import hints
from consent.kernel.errors import NotFound
from consent.rights import folder_repair, tombstone_progress
from consent.rights.tombstone_records import Tombstone, TombstoneKind
from consent.transparency import log_epochs, log_folder, sequencer
from consent.transparency.checkpoint import NoteInvalid
from consent.transparency.logs import Log
from consent.transparency.publication import FolderBehind
from service.compliance import full_erasure, full_withdrawal
from service.http.context import AppContext
from service.storage import database

PATIENCE_SECONDS = 10.0
"""Longest wait for running requests of other processes whose tombstones are open. A request takes milliseconds; one
that takes longer than this has lost its database or its host, and its tombstone is replayed."""
POLL_SECONDS = 0.05


@dataclass(slots=True)
class ReplaySummary:
    """Counts of a replay: tombstones read; consents withdrawn again, persons erased, hints stopped, tickets stopped,
    bookings cancelled.
    """

    read: int = 0
    withdrawn: int = 0
    erased: int = 0
    hints_stopped: int = 0
    tickets_stopped: int = 0
    bookings_cancelled: int = 0


async def replay_tombstones(
    app_context: AppContext, *, from_the_start: bool = False, patience_seconds: float = PATIENCE_SECONDS
) -> ReplaySummary:
    """Replay the tombstones that this database lacks, then let records be used; return the counts.

    Idempotent. Compares READ_AT_ONCE tombstones at a time with the database, by a few statements; replays each one
    that the database lacks in a transaction of its own, with the person's lock.

    Args:
        from_the_start: compare every tombstone, not only those since the last replay.
        patience_seconds: longest wait for running requests. With 0 their tombstones are left to the next replay.
    """
    summary, deadline = ReplaySummary(), time.monotonic() + patience_seconds
    progress = {} if from_the_start else await tombstone_progress.load()
    for name in app_context.tombstones.files():
        end = progress.get(name, 0)
        while True:
            patient = not patience_seconds or time.monotonic() < deadline
            batch = app_context.tombstones.read(name, end, patient=patient)
            await _replay_batch(app_context, batch.stones, summary)
            if batch.end > end:
                await tombstone_progress.save(name, batch.end)
                app_context.tombstones.settle(name, batch.unsettled)
            elif not batch.waiting or not patience_seconds:
                break
            else:
                await asyncio.sleep(POLL_SECONDS)
            end = batch.end
    if from_the_start:
        await withdrawal_copies.delete_old(await app_context.clock())
    if (await sequencer.head(Log.CONSENT)).withheld:
        await sequencer.end_withholding(Log.CONSENT)
    return summary


async def catch_up_with_tombstones(app_context: AppContext) -> None:
    """Freeze the logs that do not continue their checkpoints, and replay the tombstones that the database lacks.

    Ends the withholding of records. Call it before serving. Does nothing while migrations are missing. WrongFolder if
    the log folder is another one.
    """
    if await database.missing_migrations():
        return
    publisher = app_context.settings.publisher
    app_context.tombstones.folder_id = await log_folder.require(publisher)
    for log in Log:
        # Without the last checkpoint nothing can be compared; the sequencer refuses to work and says so in every round.
        with suppress(FolderBehind):
            await sequencer.freeze_if_diverged(log, publisher)
        with suppress(NoteInvalid):  # the log is frozen
            await log_epochs.store_new(publisher, log)
    await replay_tombstones(app_context)
    # A restored copy may have some whose day is over.
    await withdrawal_copies.delete_old(await app_context.clock())


async def _replay_batch(app_context: AppContext, stones: Sequence[Tombstone], summary: ReplaySummary) -> None:
    summary.read += len(stones)
    withdrawn_at = {stone.name: stone.at for stone in stones if stone.kind is TombstoneKind.WITHDRAWN}
    for person_id, consent_id in await live.stored_as_given(
        [(stone.person_id, stone.name) for stone in stones if stone.kind is TombstoneKind.WITHDRAWN]
    ):
        summary.withdrawn += await _withdraw(app_context, person_id, consent_id, withdrawn_at[consent_id])
    erased = [stone.person_id for stone in stones if stone.kind is TombstoneKind.ERASED]
    leaves = [folder_repair.leaf_hash_of(stone.name) for stone in stones if stone.kind is TombstoneKind.LEAF_ERASED]
    erased += await persons.with_leaves(leaves)
    by_subject = [stone for stone in stones if stone.kind is TombstoneKind.SUBJECT_ERASED]
    indexes = await persons.indexes_among([stone.name for stone in by_subject])
    # A person created after the erasure has the same subject and is not the erased one.
    for stone in by_subject:
        if stone.name in indexes:
            known = await persons.find_by_index(app_context.keyring, stone.name)
            if known is not None and known[1] < stone.at:
                erased.append(known[0].person_id)
    stopped = {stone.person_id: stone.at for stone in stones if stone.kind is TombstoneKind.HINTS_STOPPED}
    for person_id, opted_in_at in await hints.opted_in_among(list(stopped)):
        if opted_in_at <= stopped[person_id]:
            summary.hints_stopped += await _stop_hints(app_context, person_id)
    ended = [(stone.person_id, stone.name) for stone in stones if stone.kind is TombstoneKind.TICKET_STOPPED]
    for person_id, lasting_id in await lasting_tickets.stored_among(ended):
        summary.tickets_stopped += await _stop_ticket(app_context, person_id, lasting_id)
    summary.tickets_stopped += await _stop_passes(app_context, ended)
    cancelled = [(stone.person_id, stone.name) for stone in stones if stone.kind is TombstoneKind.BOOKING_CANCELLED]
    for person_id, booking_id in await bookings.stored_among(cancelled):
        summary.bookings_cancelled += await _cancel_booking(app_context, person_id, booking_id)
    for person_id in await persons.known_among(erased):
        summary.erased += await _erase(app_context, person_id)


async def _withdraw(app_context: AppContext, person_id: str, consent_id: str, withdrawn_at: datetime) -> int:
    async with queries.transaction():
        try:
            person = await persons.lock(app_context.keyring, person_id)
        except NotFound:
            return 0
        at = await app_context.clock()
        await full_withdrawal.withdraw_again(person, consent_id, withdrawn_at, at)
    return 1


async def _stop_hints(app_context: AppContext, person_id: str) -> int:
    async with queries.transaction():
        try:
            person = await persons.lock(app_context.keyring, person_id)
        except NotFound:
            return 0
        await hints.opt_out(person, await app_context.clock())
    return 1


async def _stop_ticket(app_context: AppContext, person_id: str, lasting_id: str) -> int:
    async with queries.transaction():
        try:
            person = await persons.lock(app_context.keyring, person_id)
        except NotFound:
            return 0
        return int(await lasting_tickets.stop_again(person, lasting_id, await app_context.clock()))


async def _stop_passes(app_context: AppContext, ended: Sequence[tuple[str, str]]) -> int:
    async with queries.transaction():
        return await resident_passes.stop_again(ended, await app_context.clock())


async def _cancel_booking(app_context: AppContext, person_id: str, booking_id: str) -> int:
    async with queries.transaction():
        try:
            person = await persons.lock(app_context.keyring, person_id)
        except NotFound:
            return 0
        return int(await bookings.cancel_again(person, booking_id, await app_context.clock()))


async def _erase(app_context: AppContext, person_id: str) -> int:
    async with queries.transaction():
        try:
            person = await persons.lock(app_context.keyring, person_id)
        except NotFound:
            return 0
        await full_erasure.erase(app_context.keyring, person, await app_context.clock())
    return 1
