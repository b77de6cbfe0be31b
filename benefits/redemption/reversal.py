"""Redemptions after the fact: taking one back on its own day, its delivery, a venue's list, deletion of old ones."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from enum import StrEnum

from benefits.errors import ReversalNotPossible
from benefits.models import Redemption
from benefits.redemption import quotas
from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import Conflict, NotFound

FOR_VENUE = (
    "SELECT redemption_id, benefit_id, benefit_version, day, hour, state, runs_until, delivered_on FROM redemption"
)
"""A redemption as its venue reads it, without a person."""


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
    row = await queries.fetch_one(
        "SELECT * FROM redemption WHERE redemption_id = $1 AND venue_id = $2", redemption_id, venue_id
    )
    ticket = row and await _ticket_or_pass(row["handle_index"])
    if row is None or ticket is None:
        raise NotFound("there is no such redemption")
    if row["day"] != queries.to_day_number(today):
        raise ReversalNotPossible("a redemption can be taken back on the same civil day only")
    person = None if ticket["person_id"] is None else await persons.lock(keyring, ticket["person_id"])
    changed = await queries.execute(
        "UPDATE redemption SET state = 'reversed', reversal_reason = $2 WHERE redemption_id = $1"
        " AND state = 'redeemed'",
        redemption_id,
        reason,
    )
    if not changed:
        return
    # The counters it took from: benefit and person may have changed since.
    await quotas.give_back(json.loads(ticket["counters"]))
    if person is None:
        return
    facts = {"benefit_id": row["benefit_id"], "venue_id": venue_id, "reason_code": reason}
    await ledger.append(person, "benefit.reversed", facts, at, to_the_hour=True)
    await messages.add(person, MessageKind.REDEMPTION_REVERSED, facts, at)


async def _ticket_or_pass(handle_index: str) -> queries.Row | None:
    """Return person and counters of the ticket or pass that a redemption names; None once it was deleted.

    A pass of another city has no person here.
    """
    for query in (
        "SELECT person_id, counters FROM ticket WHERE handle_index = $1",
        "SELECT person_id, counters FROM offline_pass WHERE pass_id = $1",
        "SELECT NULL AS person_id, counters FROM recognised_use WHERE use_index = $1",
    ):
        if (row := await queries.fetch_one(query, handle_index)) is not None:
            return row
    return None


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
    return await queries.execute(
        "DELETE FROM redemption WHERE day < $1", queries.to_day_number(today - timedelta(days=3 * 366))
    )


async def get_for_venue(venue_id: str, redemption_id: str) -> queries.Row:
    """Return one of a venue's redemptions, without a person; NotFound for any other."""
    row = await queries.fetch_one(
        f"{FOR_VENUE} WHERE redemption_id = $1 AND venue_id = $2",
        redemption_id,
        venue_id,
    )
    if row is None:
        raise NotFound("there is no such redemption")
    return row


async def list_for_venue(venue_id: str, day: date, after: str, limit: int) -> list[queries.Row]:
    """Return a venue's redemptions of a civil day by id, after an id; without persons."""
    return await queries.fetch_all(
        f"{FOR_VENUE} WHERE venue_id = $1 AND day = $2 AND redemption_id > $3 ORDER BY redemption_id LIMIT $4",
        venue_id,
        queries.to_day_number(day),
        after,
        limit,
    )
