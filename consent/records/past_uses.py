"""Uses of offline passes that venues upload later: the check that a consent covered the use, and its event.

Points were used when a pass was issued, through `consent.records.gate`; none are used here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from consent.database import queries
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.persons import Person

CLOCKS_DIFFER = timedelta(seconds=30)
"""Difference of a venue's clock that is tolerated."""


async def was_covered(person_id: str, provider_id: str, at: datetime) -> bool:
    """Report whether a `benefit.check` consent for the provider covered `at`, a past instant by a venue's clock.

    The consent may have begun CLOCKS_DIFFER after `at`, and may have ended since.
    """
    row = await queries.fetch_one(
        "SELECT 1 AS covered FROM consent WHERE person_id = $1 AND purpose = 'benefit.check' AND counterpart = $2"
        " AND given_at <= $4 AND expires_at > $3 AND (ended_at IS NULL OR ended_at > $3)",
        person_id,
        provider_id,
        queries.to_micros(at),
        queries.to_micros(at + CLOCKS_DIFFER),
    )
    return row is not None


async def record_pass_use(person: Person, provider_id: str, benefit_id: str, at: datetime) -> None:
    """Append the event of a pass that was used, at the hour of its use, in the caller's transaction.

    It is recorded after a withdrawal, too.
    """
    facts = {
        "purpose": Purpose.BENEFIT_CHECK,
        "organisation": provider_id,
        "what": benefit_id,
        "outcome": "applies",
    }
    await ledger.append(person, "pass.redeemed", facts, at, to_the_hour=True)
