"""Background loops of a process: cleanup every minute, and the sequencer of the transparency logs.

No decision depends on them: every check compares times with the clock. Several processes may run both at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime, timedelta

from benefits.balances import expiry_reminders
from benefits.catalogue import in_force as catalogue
from benefits.redemption import bookings, lasting_tickets, quotas, reversal, tickets
from benefits.redemption.offline_passes import issuance, recognised_passes, wallet_requests
from benefits.statistics import population
from consent.consents import ended_links_of_erased, expiry, link_codes, recipient_changes, withdrawal_copies
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.oversight import draft_refusals, officers, overdue_messages
from consent.records import officer_corrections, restoration
from consent.transparency import log_epochs, log_folder, publication, sequencer
from consent.transparency.checkpoint import NoteInvalid
from consent.transparency.log_folder import WrongFolder
from consent.transparency.logs import Log
from consent.transparency.publication import FolderBehind
from consent.verification import retention
from service.compliance import announcements, replay
from service.http.context import AppContext
from service.observability import metrics
from service.observability.log_events import LogEvent
from service.observability.logging import log_event
from service.storage import idempotency

EVERY_SECONDS = 60
"""Seconds between two rounds: a ticket is unlinked within a minute of its 24 hours."""


async def run_cleanup(app_context: AppContext) -> dict[str, int]:
    """Run every job once; return rows changed by job. A job that fails is logged and does not stop the others."""
    at = await app_context.clock()
    today = app_context.day_of(at)
    jobs: dict[str, Callable[[], Awaitable[int]]] = {
        "recipients_applied": lambda: recipient_changes.apply(app_context.keyring, at),
        "consents_expired": lambda: expiry.record_expired(app_context.keyring, at),
        "reminders_sent": lambda: expiry.remind(app_context.keyring, at),
        "overdue_messages_sent": lambda: overdue_messages.send(app_context.keyring, today, at),
        "expiry_messages_sent": lambda: _remind_of_expiries(app_context, today, at),
        "link_endings_deleted": ended_links_of_erased.delete_acknowledged,
        "corrections_deleted": officer_corrections.delete_acknowledged,
        "withdrawal_copies_deleted": lambda: withdrawal_copies.delete_old(at),
        "copies_deleted": lambda: restoration.delete_old(at),
        "presentations_deleted": lambda: expiry.delete_old_presentations(at),
        "link_codes_deleted": lambda: link_codes.delete_expired(at),
        "tickets_deleted": lambda: tickets.delete_old(at),
        "lasting_tickets_deleted": lambda: lasting_tickets.delete_old(at),
        "passes_deleted": lambda: issuance.delete_old(at),
        "recognised_uses_deleted": lambda: recognised_passes.delete_old(at),
        "wallet_requests_deleted": lambda: wallet_requests.delete_old(at),
        "bookings_cancelled": lambda: bookings.cancel_all_uncovered(app_context.keyring, at),
        "bookings_deleted": lambda: bookings.delete_old(at),
        "quotas_deleted": lambda: quotas.delete_ended(issuance.first_uploadable_day(today)),
        "answers_deleted": lambda: idempotency.delete_old(at),
        "simulations_deleted": lambda: population.delete_past_weeks(today),
        "oversight_deleted": lambda: officers.delete_old(at),
        "draft_refusals_deleted": lambda: draft_refusals.delete_old(at),
        "redemptions_deleted": lambda: reversal.delete_old(today),
    }
    done = {}
    for name, job in jobs.items():
        try:
            done[name] = await job()
        except Exception as error:
            metrics.JOB_FAILURES.labels(name).inc()
            log_event(LogEvent.JOB_FAILED, job=name, error=type(error).__name__)
    await _measure_overdue(at)
    if len(done) == len(jobs):
        metrics.CLEANUP_DONE.set_to_current_time()
    return done


async def _measure_overdue(at: datetime) -> None:
    """Set the metric of overdue decisions and answers, so that an operator can alert on either."""
    for kind, check in (("decision", retention.OVERDUE_DECISIONS), ("answer", retention.OVERDUE_ANSWERS)):
        metrics.OVERDUE.labels(kind).set(await check.count(queries.to_micros(at - check.age)))


async def _remind_of_expiries(app_context: AppContext, today: date, at: datetime) -> int:
    """Send the messages before points expire; none before the first scheme."""
    if not await lifecycle.all_in_force(DocumentKind.SCHEMES, at):
        return 0
    return await expiry_reminders.remind(app_context.keyring, await catalogue.timeline(at), today, at)


async def cleanup_loop(app_context: AppContext, every_seconds: float = EVERY_SECONDS) -> None:
    """Run the cleanup every `every_seconds` until cancelled."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await run_cleanup(app_context)
        except Exception as error:  # reading the database's clock fails while the database is unavailable
            log_event(LogEvent.CLEANUP_FAILED, error=type(error).__name__)


async def log_keys_and_barred_uses(app_context: AppContext) -> None:
    """Append what the service announces, barred uses, public keys and log epochs, to the policy log, each once.

    Runs in a transaction of its own.
    """
    async with queries.transaction():
        await announcements.enqueue_new(app_context)


async def advance_logs(app_context: AppContext) -> dict[Log, int]:
    """Integrate the waiting leaves of each log and publish its checkpoint; return the number of leaves by log.

    A frozen log and one whose oldest leaf waits too long are logged as errors; LOG_FROZEN is set for each log. Nothing
    is moved while the log folder is another one or an older copy: LOG_FOLDER_UNFIT is then 1 and an error is logged.
    """
    moved = dict.fromkeys(Log, 0)
    unfit = await _folder_fault(app_context)
    metrics.LOG_FOLDER_UNFIT.set(unfit is not None)
    if unfit is not None:
        log_event(LogEvent.LOG_FOLDER_UNFIT, reason=unfit)
        return moved
    await _take_new_epochs(app_context)
    for log in Log:
        while taken := await sequencer.integrate(log, await app_context.clock()):
            moved[log] += taken
        await sequencer.publish(log, app_context.settings.publisher)
        head = await sequencer.head(log)
        _, waited = await sequencer.backlog(log, await app_context.clock())
        if head.frozen:
            log_event(LogEvent.LOG_FROZEN, log=log)
        elif waited > sequencer.LATE_AFTER:
            log_event(LogEvent.LOG_LATE, log=log)
        metrics.LOG_FROZEN.labels(log).set(bool(head.frozen))
        metrics.LOG_EPOCH.labels(log).set(log_epochs.epoch_of_note(log, head.note))
        metrics.LOG_WAIT.labels(log).set(waited // timedelta(minutes=1) * 60)
        if log is Log.CONSENT:
            metrics.RECORDS_WITHHELD.set(head.withheld)
    metrics.LOGS_ADVANCED.set_to_current_time()
    return moved


async def _folder_fault(app_context: AppContext) -> str | None:
    """Return why this process must not sequence: the folder is another one, or lacks the last checkpoint; else None."""
    publisher = app_context.settings.publisher
    try:
        await log_folder.require(publisher)
        for log in Log:
            note = (await sequencer.head(log)).note
            try:
                publication.require_published(publication.read_last(publisher, log), note, log)
            except NoteInvalid:
                continue  # `publish` freezes the log
    except (WrongFolder, FolderBehind) as error:
        return str(error)
    return None


async def _take_new_epochs(app_context: AppContext) -> None:
    """Store and announce epochs that began in the log folder and that the database does not know."""
    new = []
    for log in Log:
        with suppress(NoteInvalid):  # `publish` freezes the log
            new += await log_epochs.store_new(app_context.settings.publisher, log)
    for start in new:
        log_event(LogEvent.LOG_EPOCH_BEGUN, log=start.log, epoch=start.epoch)
    if new:
        await log_keys_and_barred_uses(app_context)


async def sequencer_loop(app_context: AppContext) -> None:
    """Advance both logs every `integrate_seconds` until cancelled; of several processes one holds the lock at a time.

    Then replays the tombstones since the last round; normally the database has them all, and stores that it has.
    """
    announced = False
    while True:
        await asyncio.sleep(app_context.settings.integrate_seconds)
        try:
            if not announced:
                await log_keys_and_barred_uses(app_context)
                announced = True
            await advance_logs(app_context)
        except Exception as error:
            log_event(LogEvent.LOGS_NOT_ADVANCED, error=type(error).__name__)
        try:
            replayed = await replay.replay_tombstones(app_context, patience_seconds=0)
            metrics.TOMBSTONES_APPLIED.set_to_current_time()
            if replayed.withdrawn or replayed.erased:
                log_event(LogEvent.COPY_CAUGHT_UP)
        except Exception as error:
            log_event(LogEvent.TOMBSTONES_NOT_REPLAYED, error=type(error).__name__)
