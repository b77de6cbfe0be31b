"""What officers' decisions changed in sources' records: it waits in the source's feed until it is acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from consent.crypto.blind_index import new_id
from consent.database import queries
from consent.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class CorrectionForSource:
    """A record of the source as it stands here now; `quantity` and `occurred_on` are None for a retracted one."""

    correction_id: str
    record_id: str
    outcome: Literal["corrected", "retracted"]
    quantity: int | None
    occurred_on: date | None
    since: datetime


async def add(
    source_id: str,
    source_record_id: str,
    outcome: Literal["corrected", "retracted"],
    quantity: int | None,
    day_number: int | None,
    at: datetime,
) -> None:
    """Leave word for the source, in the decision's transaction. It names the source's own record and nobody."""
    await queries.execute(
        "INSERT INTO correction (correction_id, source_id, source_record_id, outcome, quantity, occurred_on, since)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new_id(),
        source_id,
        source_record_id,
        outcome,
        quantity,
        day_number,
        queries.to_micros(at),
    )


async def list_for_source(source_id: str, after: tuple[int, str] | None, limit: int) -> list[CorrectionForSource]:
    """What the source has not acknowledged, oldest first."""
    since, correction_id = after or (-1, "")
    found = await queries.fetch_all(
        "SELECT * FROM correction WHERE source_id = $1 AND acknowledged_at IS NULL"
        " AND (since > $2 OR (since = $2 AND correction_id > $3)) ORDER BY since, correction_id LIMIT $4",
        source_id,
        since,
        correction_id,
        limit,
    )
    return [
        CorrectionForSource(
            row["correction_id"],
            row["source_record_id"],
            row["outcome"],
            row["quantity"],
            None if row["occurred_on"] is None else queries.from_day_number(row["occurred_on"]),
            queries.from_micros(row["since"]),
        )
        for row in found
    ]


async def acknowledge(source_id: str, correction_id: str, at: datetime) -> None:
    """The source has dealt with it. Again: the same. NotFound for any other."""
    known = await queries.fetch_one(
        "SELECT 1 AS known FROM correction WHERE source_id = $1 AND correction_id = $2", source_id, correction_id
    )
    if known is None:
        raise NotFound("there is no such correction")
    await queries.execute(
        "UPDATE correction SET acknowledged_at = $2 WHERE correction_id = $1 AND acknowledged_at IS NULL",
        correction_id,
        queries.to_micros(at),
    )


async def delete_acknowledged() -> int:
    """Drop what sources have dealt with; how many."""
    return await queries.execute("DELETE FROM correction WHERE acknowledged_at IS NOT NULL")
