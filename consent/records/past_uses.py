"""Uses of offline passes that venues upload later: the check that a consent covered the use, and its event.

Points were used when a pass was issued, through `consent.records.gate`; none are used here. A pass belongs to the one
consent that it was issued under. `given_at` tells that consent from those for the same provider before and after it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from consent.database import queries
from consent.database.selection import Selection
from consent.domain.purposes import Purpose
from consent.domain.recipients import end_sql
from consent.events import ledger
from consent.persons import Person

CLOCKS_DIFFER = timedelta(seconds=30)
"""Difference of a venue's clock that is tolerated."""
CONSENT_OF_A_PASS = Selection(
    (f"COALESCE(c.ended_at, {end_sql('c')}) AS covers_until",),
    "consent c",
    "c.person_id = {person_id} AND c.purpose = 'benefit.check' AND c.counterpart = {counterpart}"
    " AND c.given_at = {given_at}",
)
"""The consent that a pass was issued under, ended or not, with its end in microseconds: recorded, or still ahead."""


async def was_covered(person_id: str, provider_id: str, given_at: int, at: datetime) -> bool:
    """Report whether the `benefit.check` consent given at `given_at` covered `at`, a past instant by a venue's clock.

    The consent may have begun CLOCKS_DIFFER after `at`, and may have ended since. Another consent does not count.
    """
    if given_at > queries.to_micros(at + CLOCKS_DIFFER):
        return False
    row = await queries.fetch_one(
        CONSENT_OF_A_PASS.query(person_id="$1", counterpart="$2", given_at="$3"),
        person_id,
        provider_id,
        given_at,
    )
    return row is not None and bool(row["covers_until"] > queries.to_micros(at))


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
