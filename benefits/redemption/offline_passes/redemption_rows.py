"""Redemptions of passes, of this city and of others: stored once, and read where a use is uploaded again."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from benefits.models import Redemption
from benefits.redemption.decision import CivilTime
from benefits.redemption.offline_passes.reported_use import RecordedUse, UploadResult
from consent.crypto.blind_index import new_id
from consent.database import queries


class RedeemedPass(NamedTuple):
    """The benefit that a pass was redeemed for; `handle_index` is the pass id, or the `use_index` of another city's."""

    handle_index: str
    venue_id: str
    benefit_id: str
    benefit_version: int


async def store(redeemed: RedeemedPass, used: CivilTime, runs_until: date) -> str:
    """Store the redemption of a pass in the running transaction; return its id."""
    redemption_id = new_id()
    await Redemption.create(
        redemption_id=redemption_id,
        **redeemed._asdict(),
        day=queries.to_day_number(used.today),
        hour=used.hour,
        state="redeemed",
        runs_until=queries.to_day_number(runs_until),
    )
    return redemption_id


async def redeemed_before(redemption_id: str) -> RecordedUse:
    """Return the result for a use that was uploaded again, with its redemption and that one's last day."""
    redemption = await Redemption.get_or_none(redemption_id=redemption_id)
    last_day = None if redemption is None else redemption.runs_until
    runs_until = None if last_day is None else queries.from_day_number(last_day)
    return RecordedUse(UploadResult.ALREADY_REDEEMED, redemption_id, runs_until)
