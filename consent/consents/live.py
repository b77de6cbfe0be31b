"""Reads of consents across persons: the person of a consent, and how many consents are live.

SQL text: the rule of a live consent is an SQL condition shared with every other query (`liveness.live_sql`).
"""

from __future__ import annotations

from datetime import datetime

from consent.database import queries
from consent.domain.grants import State
from consent.domain.liveness import live_sql
from consent.models import StoredConsent


async def person_of(consent_id: str) -> str | None:
    """Return the id of the person of a consent whose stored state is `given`, expired or not; else None."""
    rows = await StoredConsent.filter(consent_id=consent_id, state=State.GIVEN).values("person_id")
    return rows[0]["person_id"] if rows else None


async def count_by_purpose(at: datetime) -> dict[str, int]:
    """Return the number of consents that are live at `at`, by purpose; purposes without one are missing."""
    rows = await queries.fetch_all(
        f"SELECT purpose, count(*) AS counted FROM consent WHERE {live_sql('$1')} GROUP BY purpose",
        queries.to_micros(at),
    )
    return {row["purpose"]: row["counted"] for row in rows}
