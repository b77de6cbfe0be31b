"""A batch of records from a source as one committed transaction: what the source's door and the importer share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from consent import database, intake
from consent.documents import Version
from consent.intake import Answer, Delivery
from consent.vault import Keyring
from service.city import Clock

ATTEMPTS_MAX = 3
"""Two deliveries of one new record can meet at its unique key; the second try finds it there."""


async def commit(
    keyring: Keyring, clock: Clock, day_of: Callable[[datetime], date], source: Version, batch: Sequence[Delivery]
) -> list[Answer]:
    """Deliver up to `intake.BATCH_MAX` records and commit; one answer each, in order."""
    for attempt in range(ATTEMPTS_MAX):
        try:
            async with database.transaction():
                at = await clock()
                kinds = frozenset(source.body["kinds"])
                return await intake.deliver(keyring, source.document_id, kinds, batch, day_of(at), at)
        except database.OVERTAKEN:
            if attempt == ATTEMPTS_MAX - 1:
                raise
    raise AssertionError("unreachable")
