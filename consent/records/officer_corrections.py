"""The changes that officers' decisions made to sources' records; each waits in its source's feed to be acknowledged.

A source's own corrections and retractions are `consent.records.intake`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import paging, queries
from consent.database.paging import Cursor
from consent.kernel.errors import NotFound
from consent.models import StoredCorrection
from consent.records import source_ids

Outcome = Literal["corrected", "retracted", "restored"]


@dataclass(frozen=True, slots=True)
class CorrectionForSource:
    """A record of the source in its present state here; `quantity` and `occurred_on` are None for a retracted one."""

    correction_id: str
    record_id: str
    outcome: Outcome
    quantity: int | None
    occurred_on: date | None
    since: datetime


class SourceRecord(NamedTuple):
    """A record by the ids of its source and of the record there."""

    source_id: str
    record_id: str


async def add_corrected(keyring: Keyring, record: SourceRecord, quantity: int, occurred_on: int, at: datetime) -> None:
    """Add a record's new quantity and civil day (`yyyymmdd`) to its source's feed, in the decision's transaction."""
    await _add(keyring, record, "corrected", (quantity, occurred_on), at)


async def add_retracted(keyring: Keyring, record: SourceRecord, at: datetime) -> None:
    """Add the deletion of a record to its source's feed, in the decision's transaction."""
    await _add(keyring, record, "retracted", (None, None), at)


async def add_restored(keyring: Keyring, record: SourceRecord, quantity: int, occurred_on: int, at: datetime) -> None:
    """Add the values of a restored record to its source's feed, in the transaction of the restoration."""
    await _add(keyring, record, "restored", (quantity, occurred_on), at)


async def _add(
    keyring: Keyring, record: SourceRecord, outcome: Outcome, values: tuple[int | None, int | None], at: datetime
) -> None:
    quantity, occurred_on = values
    correction_id = new_id()
    await StoredCorrection.create(
        correction_id=correction_id,
        source_id=record.source_id,
        sealed_source_record_id=source_ids.seal_for_feed(keyring, correction_id, record.record_id),
        outcome="corrected" if outcome == "restored" else outcome,
        restored=int(outcome == "restored"),
        quantity=quantity,
        occurred_on=occurred_on,
        since=queries.to_micros(at),
    )


async def list_for_source(
    keyring: Keyring, source_id: str, after: Cursor | None, limit: int
) -> list[CorrectionForSource]:
    """Return the corrections that the source has not acknowledged, oldest first, after the cursor (since, id)."""
    rows = (
        await StoredCorrection.filter(
            paging.newer_than(after, "since", "correction_id"), source_id=source_id, acknowledged_at__isnull=True
        )
        .order_by("since", "correction_id")
        .limit(limit)
    )
    return [
        CorrectionForSource(
            row.correction_id,
            source_ids.open_from_feed(keyring, row.correction_id, row.sealed_source_record_id),
            "restored" if row.restored else "corrected" if row.outcome == "corrected" else "retracted",
            row.quantity,
            None if row.occurred_on is None else queries.from_day_number(row.occurred_on),
            queries.from_micros(row.since),
        )
        for row in rows
    ]


async def acknowledge(source_id: str, correction_id: str, at: datetime) -> None:
    """Record that the source has dealt with a correction; the time of the first acknowledgement stays.

    Raises:
        NotFound: the source has no correction of this id.
    """
    named = StoredCorrection.filter(source_id=source_id, correction_id=correction_id)
    if await named.filter(acknowledged_at__isnull=True).update(acknowledged_at=queries.to_micros(at)):
        return
    if not await named.exists():
        raise NotFound("there is no such correction")


async def delete_acknowledged() -> int:
    """Delete the corrections that sources have acknowledged; return their number."""
    return await StoredCorrection.filter(acknowledged_at__isnull=False).delete()
