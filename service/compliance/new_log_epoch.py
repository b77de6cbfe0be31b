"""Begin a new epoch of a log whose published leaves are lost for good, and announce it."""

from __future__ import annotations

from consent.database import queries
from consent.transparency import log_epochs, log_folder, sequencer
from consent.transparency.log_epoch_start import LogEpochStart
from consent.transparency.log_epochs import NothingLost
from consent.transparency.logs import Log
from consent.verification import logs as verification
from service.compliance import announcements, replay
from service.http.context import AppContext


class DatabaseDamaged(Exception):
    """The log's own entries and tree do not fit each other: the message names the first fault."""


async def begin(app_context: AppContext, log: Log, reason: str) -> LogEpochStart:
    """Begin the next epoch of a log with the leaves of this database, and announce it; return its start.

    Can run while the service runs, and be repeated after an interruption. Freezes the log first, so that nothing joins
    the tree meanwhile, and replays the tombstones: the database is an older copy.

    Raises:
        NothingLost: the database has every published leaf.
        DatabaseDamaged: the database cannot be the beginning of a tree.
        ReasonUnfit, WrongFolder, FolderBehind, NoteInvalid, PublishedByAnother, OSError: as `log_epochs.begin`.
    """
    reason, publisher = log_epochs.require_reason(reason), app_context.settings.publisher
    app_context.tombstones.folder_id = await log_folder.require(publisher)
    await sequencer.freeze_if_diverged(log, publisher)
    if await sequencer.divergence(log, publisher) is not None:
        fault = (await verification.check_log(log, None)).fault
        if fault is not None:
            raise DatabaseDamaged(f"{fault.where}, number {fault.number}: {fault.what}")
    elif not await log_epochs.is_unfinished(publisher, log):
        raise NothingLost(f"the database has all leaves that the {log} log has published")
    await replay.replay_tombstones(app_context, from_the_start=True)
    async with queries.transaction():
        at = await app_context.clock()
        start = await log_epochs.begin(publisher, log, reason, at)
        await announcements.enqueue_new(app_context)
    return start
