"""Reads of consents across persons: the person of a consent, and how many consents are live."""

from __future__ import annotations

from datetime import datetime

from tortoise.functions import Count

from consent.database import queries
from consent.domain.grants import State
from consent.models import StoredConsent


async def person_of(consent_id: str) -> str | None:
    """Return the id of the person of a consent whose stored state is `given`, expired or not; else None."""
    rows = await StoredConsent.filter(consent_id=consent_id, state=State.GIVEN).values("person_id")
    return rows[0]["person_id"] if rows else None


async def count_by_purpose(at: datetime) -> dict[str, int]:
    """Return the number of consents that are live at `at`, by purpose; purposes without one are missing."""
    micros = queries.to_micros(at)
    rows = await (
        StoredConsent.filter(state=State.GIVEN, given_at__lt=micros, expires_at__gt=micros)
        .annotate(counted=Count("consent_id"))
        .group_by("purpose")
        .values("purpose", "counted")
    )
    return {row["purpose"]: row["counted"] for row in rows}
