"""Redemptions after the fact: taking one back on its own day, its delivery, a venue's list, deletion of old ones."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from enum import StrEnum

from benefits.errors import ReversalNotPossible
from benefits.models import OfflinePass, RecognisedUse, Redemption, StoredTicket
from benefits.redemption import quotas
from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import Conflict, NotFound

FOR_VENUE = ("redemption_id", "benefit_id", "benefit_version", "day", "hour", "state", "runs_until", "delivered_on")
"""The columns of a redemption that its venue reads."""


class ReversalReason(StrEnum):
    """The reasons for which a venue may take a redemption back."""

    MISTAKEN_SCAN = "mistaken_scan"
    NOT_DELIVERED = "not_delivered"
    RESIDENT_ASKED = "resident_asked"


async def reverse(
    keyring: Keyring, venue_id: str, redemption_id: str, reason: ReversalReason, today: date, at: datetime
) -> None:
    """Take a redemption back for the venue that redeemed: return the quota, append an event, tell the person.

    Runs in the caller's transaction and locks the person's row; a second reversal changes nothing.

    Raises:
        NotFound: there is no such redemption of this venue.
        ReversalNotPossible: it is of another civil day.
    """
    row = await Redemption.get_or_none(redemption_id=redemption_id, venue_id=venue_id)
    ticket = None if row is None else await _ticket_or_pass(row.handle_index)
    if row is None or ticket is None:
        raise NotFound("there is no such redemption")
    if row.day != queries.to_day_number(today):
        raise ReversalNotPossible("a redemption can be taken back on the same civil day only")
    person = None if ticket["person_id"] is None else await persons.lock(keyring, ticket["person_id"])
    redeemed = Redemption.filter(redemption_id=redemption_id, state="redeemed")
    if not await redeemed.update(state="reversed", reversal_reason=reason):
        return
    # The counters it took from: benefit and person may have changed since.
    await quotas.give_back(json.loads(ticket["counters"]))
    if person is None:
        return
    facts = {"benefit_id": row.benefit_id, "venue_id": venue_id, "reason_code": reason}
    await ledger.append(person, "benefit.reversed", facts, at, to_the_hour=True)
    await messages.add(person, MessageKind.REDEMPTION_REVERSED, facts, at)


async def _ticket_or_pass(handle_index: str) -> queries.Row | None:
    """Return person and counters of the ticket or pass that a redemption names; None once it was deleted.

    A pass of another city has no person here.
    """
    for of_person in (StoredTicket.filter(handle_index=handle_index), OfflinePass.filter(pass_id=handle_index)):
        if rows := await of_person.values("person_id", "counters"):
            return rows[0]
    use = await RecognisedUse.get_or_none(use_index=handle_index)
    return None if use is None else {"person_id": None, "counters": use.counters}


async def confirm_delivery(venue_id: str, redemption_id: str, today: date) -> date:
    """Store that what was redeemed has been delivered; return the day of the first confirmation.

    Nothing is stored of a person, and nothing follows for one.

    Raises:
        NotFound: there is no such redemption of this venue.
        Conflict: it was taken back.
    """
    row = await Redemption.get_or_none(redemption_id=redemption_id, venue_id=venue_id)
    if row is None:
        raise NotFound("there is no such redemption")
    if row.state == "reversed":
        raise Conflict("the redemption was taken back")
    if row.delivered_on is not None:
        return queries.from_day_number(row.delivered_on)
    await Redemption.filter(redemption_id=redemption_id).update(delivered_on=queries.to_day_number(today))
    return today


async def delete_old(today: date) -> int:
    """Delete redemptions of more than three years ago; return their number."""
    return await Redemption.filter(day__lt=queries.to_day_number(today - timedelta(days=3 * 366))).delete()


async def get_for_venue(venue_id: str, redemption_id: str) -> queries.Row:
    """Return one of a venue's redemptions, without a person; NotFound for any other."""
    rows = await Redemption.filter(redemption_id=redemption_id, venue_id=venue_id).values(*FOR_VENUE)
    if not rows:
        raise NotFound("there is no such redemption")
    return rows[0]


async def list_for_venue(venue_id: str, day: date, after: str, limit: int) -> list[queries.Row]:
    """Return a venue's redemptions of a civil day by id, after an id; without persons."""
    rows = Redemption.filter(venue_id=venue_id, day=queries.to_day_number(day), redemption_id__gt=after)
    return await rows.order_by("redemption_id").limit(limit).values(*FOR_VENUE)
