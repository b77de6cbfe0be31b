"""A batch of records from a source as one committed transaction: what the source's door and the importer share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import lifecycle
from consent.documents.lifecycle import Version
from consent.domain.document_kinds import DocumentKind
from consent.kernel.errors import DomainError
from consent.records import intake
from consent.records.intake import DeliveredRecord, DeliveryResult
from service.http.context import Clock

ATTEMPTS_MAX = 3
"""Two deliveries of one new record can meet at its unique key; the second try finds it there."""


class SourceNotInForce(DomainError):
    """The source has been suspended or retired, or is spoken for by another client, since it began to deliver."""

    code = "suspended"


async def commit(
    keyring: Keyring,
    clock: Clock,
    day_of: Callable[[datetime], date],
    source: Version,
    batch: Sequence[DeliveredRecord],
) -> list[DeliveryResult]:
    """Deliver up to `intake.BATCH_MAX` records and commit; one answer each, in order.

    `source` is what was in force when the delivery began. What is in force now decides, for each batch anew:
    SourceNotInForce, with nothing of the batch taken, where it is no longer the same client's.
    """
    for attempt in range(ATTEMPTS_MAX):
        try:
            async with queries.transaction():
                at = await clock()
                now = await lifecycle.in_force(DocumentKind.SOURCES, source.document_id, at)
                if now is None or now.body["client_id"] != source.body["client_id"]:
                    raise SourceNotInForce("the source is not in force any more")
                kinds = frozenset(now.body["kinds"])
                return await intake.deliver(keyring, source.document_id, kinds, batch, day_of(at), at)
        except queries.RETRYABLE_ERRORS:
            if attempt == ATTEMPTS_MAX - 1:
                raise
    raise AssertionError("unreachable")
