"""Complaints that officers pass on to the provider: the place, the kind and the officer's words, never the person.

A row names neither the person nor the complaint. The provider never reads a complaint that no officer passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tortoise.expressions import Q

from consent.crypto.blind_index import new_id
from consent.database import queries
from consent.database.paging import Cursor
from consent.domain.complaints import ComplaintReason
from consent.models import ProviderCase
from consent.oversight.complaints import Complaint


@dataclass(frozen=True, slots=True)
class OwnProviderCase:
    """A provider case as its provider reads it; `passed_on` is the civil day on which the officer passed it on."""

    case_id: str
    venue_id: str
    benefit_id: str
    reason: ComplaintReason
    text: str
    passed_on: date


async def pass_on(complaint: Complaint, text: str, staff_id: str, today: date) -> None:
    """Pass a complaint on to its provider, in the officer's words. Needs the transaction of the officer's answer."""
    await ProviderCase.create(
        case_id=new_id(),
        provider_id=complaint.target.provider_id,
        venue_id=complaint.target.venue_id,
        benefit_id=complaint.target.benefit_id,
        reason_code=complaint.reason,
        text=text,
        passed_on=queries.to_day_number(today),
        passed_by=staff_id,
    )


async def list_for(provider_id: str, before: Cursor | None, limit: int) -> list[OwnProviderCase]:
    """Return a provider's cases, newest first, after the cursor (civil day `yyyymmdd`, case id)."""
    after = Q()
    if before is not None:
        same_day: dict[str, Any] = {"passed_on": before[0], "case_id__lt": before[1]}
        after = Q(passed_on__lt=before[0]) | Q(**same_day)
    rows = await ProviderCase.filter(after, provider_id=provider_id).order_by("-passed_on", "-case_id").limit(limit)
    return [
        OwnProviderCase(
            row.case_id,
            row.venue_id,
            row.benefit_id,
            ComplaintReason(row.reason_code),
            row.text,
            queries.from_day_number(row.passed_on),
        )
        for row in rows
    ]


async def delete_before(limit: datetime) -> int:
    """Delete the cases that were passed on before an instant's civil day in UTC; return their number."""
    return await ProviderCase.filter(passed_on__lt=queries.to_day_number(limit.date())).delete()
