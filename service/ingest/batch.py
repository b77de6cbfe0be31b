"""Commit a batch of records from a source as one transaction; the source API and the file import share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from consent.crypto.vault import Keyring
from consent.database import queries, retries
from consent.documents import lifecycle
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import DomainError
from consent.oversight import source_objections
from consent.records import intake
from consent.records.intake import DeliveredRecord, DeliveryResult
from service.http.context import Clock


class SourceNotInForce(DomainError):
    """The source was suspended or retired, or got another client, after the delivery began."""

    code = "suspended"


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """The keyring that records are sealed with, the clock, and the city's civil day of a moment."""

    keyring: Keyring
    clock: Clock
    day_of: Callable[[datetime], date]


async def commit(context: DeliveryContext, source: Version, batch: Sequence[DeliveredRecord]) -> list[DeliveryResult]:
    """Deliver up to `intake.BATCH_MAX` records and commit; return one answer each, in order.

    `source` is the version in force when the delivery began. Each batch is decided by the version in force now. A
    record that an officer has asked the source for closes that task.

    Raises:
        SourceNotInForce: the source is not in force or has another client; nothing of the batch is stored.
    """
    return await retries.repeat(lambda: _deliver(context, source, batch))


async def _deliver(context: DeliveryContext, source: Version, batch: Sequence[DeliveredRecord]) -> list[DeliveryResult]:
    async with queries.transaction():
        at = await context.clock()
        now = await lifecycle.in_force(DocumentKind.SOURCES, source.document_id, at)
        if now is None or now.body["client_id"] != source.body["client_id"]:
            raise SourceNotInForce("the source is not in force any more")
        kinds = frozenset(now.body["kinds"])
        source_id = source.document_id
        results = await intake.deliver(context.keyring, source_id, kinds, batch, context.day_of(at), at)
        if any(result.status == "accepted" for result in results):
            await source_objections.close_delivered(context.keyring, source_id, context.day_of, at)
        return results
