"""Bookings of places in added sessions: booked, cancelled, admitted to a ticket.

A booking ends with the consent that it was made under. SQL text: one query joins bookings and consents.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from benefits.catalogue.model import InForce, LiveBenefit
from benefits.errors import NoPlaceLeft
from benefits.models import AddedSession, Booking, Redemption, StoredTicket
from benefits.redemption import added_sessions
from benefits.redemption.added_sessions import RETURN_BEFORE
from benefits.redemption.decision import CivilTime
from benefits.redemption.eligibility import Choice, establish_eligibility
from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.liveness import ConsentPeriod, began_under, is_live
from consent.domain.purposes import Purpose
from consent.events import ledger
from consent.kernel.errors import Conflict, NotFound
from consent.kernel.instants import rfc3339
from consent.persons import Person
from consent.records import gate

ADMITTED_BEFORE = timedelta(hours=1)
"""Time before a session from which its booking gives a ticket: people come early, and a desk opens."""


@dataclass(frozen=True, slots=True)
class OwnBooking:
    """A person's place in a session."""

    booking_id: str
    session_id: str
    benefit_id: str
    venue_id: str
    begins_at: datetime
    ends_at: datetime


async def book(
    person: Person, catalogue: InForce, session_id: str, accepted_terms_sha256: str | None, now: CivilTime
) -> OwnBooking:
    """Book a place for the (locked) person, in the running transaction; raises as `establish_eligibility`.

    Raises:
        NotFound: there is no such session.
        Conflict: the person has a booking for this benefit that has not ended.
        NoPlaceLeft: every place is taken, or the free ones are everybody's now.
    """
    row = await AddedSession.get_or_none(session_id=session_id)
    if row is None:
        raise NotFound("there is no such session")
    choice = Choice(row.benefit_id, row.venue_id, accepted_terms_sha256)
    benefit, _ = await establish_eligibility(person, catalogue, choice, now)
    if await Booking.exists(person_id=person.person_id, benefit_id=row.benefit_id, ends_at__gt=now.micros):
        raise Conflict("you have a booking for this benefit; cancel it first")
    bookable = AddedSession.filter(begins_at__gt=queries.to_micros(now.at + RETURN_BEFORE), taken__lt=F("places"))
    # The row count decides: two residents may ask for the last place at once.
    if not await bookable.filter(session_id=session_id).update(taken=F("taken") + 1):
        raise NoPlaceLeft("no place of this session can be booked")
    booking = await Booking.create(
        person_id=person.person_id,
        booking_id=new_id(),
        session_id=session_id,
        benefit_id=row.benefit_id,
        venue_id=row.venue_id,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        provider_id=benefit.provider_id,
        created_at=now.micros,
    )
    facts = {"benefit_id": row.benefit_id, "booking_id": booking.booking_id}
    await ledger.append(person, "booking.created", facts, now.at)
    return _own_booking(booking)


async def cancel(person: Person, booking_id: str, now: CivilTime) -> None:
    """Cancel a booking of the (locked) person; its place is free again, from a day before the beginning everybody's.

    Raises:
        NotFound: the person has no such booking that has not ended.
        Conflict: the session has begun, or a ticket was issued for it.
    """
    row = await Booking.get_or_none(person_id=person.person_id, booking_id=booking_id)
    if row is None or row.ends_at <= now.micros:
        raise NotFound("there is no such booking")
    if not await _can_be_given_up(row, now.micros):
        raise Conflict("the session has begun, or you have a ticket for it")
    await _cancel(person, row, now.at)


async def cancel_again(person: Person, booking_id: str, at: datetime) -> bool:
    """Cancel a booking that a restored copy of the database has again; return False where it has none."""
    row = await Booking.get_or_none(person_id=person.person_id, booking_id=booking_id)
    if row is not None:
        await _cancel(person, row, at)
    return row is not None


async def stored_among(ids: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the bookings (person id, id) that are stored."""
    persons_of_ids, names = [person_id for person_id, _ in ids], [booking_id for _, booking_id in ids]
    rows = await Booking.filter(person_id__in=persons_of_ids, booking_id__in=names) if ids else []
    return [(row.person_id, row.booking_id) for row in rows]


async def cancel_uncovered(person: Person, at: datetime) -> int:
    """Cancel the (locked) person's bookings whose consent has ended; return their number.

    Runs in the caller's transaction. A consent given later covers none of them. A place of a session that has begun,
    or for which a ticket was issued, stays taken.
    """
    micros, cancelled = queries.to_micros(at), 0
    periods = await gate.live_periods(person, Purpose.BENEFIT_CHECK, at)
    for row in await Booking.filter(person_id=person.person_id, begins_at__gt=micros):
        if began_under(periods.get(row.provider_id), row.created_at) or not await _can_be_given_up(row, micros):
            continue
        await _cancel(person, row, at)
        cancelled += 1
    return cancelled


async def cancel_all_uncovered(keyring: Keyring, at: datetime) -> int:
    """Cancel everybody's bookings whose consent has ended, however it ended; return their number.

    Each person has a transaction of their own.
    """
    micros = queries.to_micros(at)
    consents = await queries.fetch_all(
        f"SELECT b.booking_id AS booking_id, b.created_at AS created_at, {', '.join(gate.GIVEN_CONSENT.columns)}"
        f" FROM booking b JOIN {gate.GIVEN_CONSENT.table}"
        f" ON {gate.GIVEN_CONSENT.condition.format(person_id='b.person_id', counterpart='b.provider_id')}"
        " WHERE b.begins_at > $1",
        micros,
    )
    covered = set()
    for row in consents:
        period = ConsentPeriod(row["given_at"], row["consent_ends_at"])
        if is_live(period, micros) and began_under(period, row["created_at"]):
            covered.add(row["booking_id"])
    upcoming = await Booking.filter(begins_at__gt=micros).values("person_id", "booking_id")
    cancelled = 0
    for person_id in sorted({row["person_id"] for row in upcoming if row["booking_id"] not in covered}):
        async with queries.transaction():
            # An erasure that commits first has given the place back.
            with suppress(NotFound):
                cancelled += await cancel_uncovered(await persons.lock(keyring, person_id), at)
    return cancelled


async def _can_be_given_up(row: Booking, now: int) -> bool:
    """Report whether a booking's place was certainly not used: before the session, and without a ticket for it."""
    if row.begins_at <= now:
        return False
    return not await _tickets_of(row).exists()


def _tickets_of(row: Booking) -> QuerySet[StoredTicket]:
    """Query the tickets that were issued for a booking; one of before its session was for another."""
    return StoredTicket.filter(
        person_id=row.person_id,
        benefit_id=row.benefit_id,
        venue_id=row.venue_id,
        issued_at__gte=row.begins_at - int(ADMITTED_BEFORE.total_seconds()) * 1_000_000,
    )


async def _was_used(row: Booking) -> bool:
    """Report whether a redemption for a booking stands; one that was taken back does not."""
    spent = await _tickets_of(row).filter(redemption_id__isnull=False)
    ids = [ticket.redemption_id for ticket in spent]
    return bool(ids) and await Redemption.exists(redemption_id__in=ids, state="redeemed")


async def _cancel(person: Person, row: Booking, at: datetime) -> None:
    await _give_up(row)
    facts = {"benefit_id": row.benefit_id, "booking_id": row.booking_id}
    await ledger.append(person, "booking.cancelled", facts, at)


async def _give_up(row: Booking) -> None:
    await Booking.filter(person_id=row.person_id, booking_id=row.booking_id).delete()
    await AddedSession.filter(session_id=row.session_id, taken__gt=0).update(taken=F("taken") - 1)


async def list_of_person(person: Person) -> list[OwnBooking]:
    """Return the person's bookings that are stored, the earliest session first."""
    rows = await Booking.filter(person_id=person.person_id).order_by("begins_at", "booking_id")
    return [_own_booking(row) for row in rows]


def _own_booking(row: Booking) -> OwnBooking:
    begins_at, ends_at = queries.from_micros(row.begins_at), queries.from_micros(row.ends_at)
    return OwnBooking(row.booking_id, row.session_id, row.benefit_id, row.venue_id, begins_at, ends_at)


async def admits_ticket(person: Person, benefit: LiveBenefit, venue_id: str, now: CivilTime) -> bool:
    """Report whether a ticket for a benefit may be issued now to the (locked) person.

    A benefit with added places needs a booking where its venue has a session within RETURN_BEFORE of now. The booking
    is for a session that has not ended and begins within ADMITTED_BEFORE. It is used once: none is admitted after a
    redemption, and an unspent ticket that was issued for it before is deleted.
    """
    if not benefit.adds_places:
        return True
    near = AddedSession.filter(
        benefit_id=benefit.benefit_id,
        venue_id=venue_id,
        begins_at__lt=queries.to_micros(now.at + RETURN_BEFORE),
        ends_at__gt=queries.to_micros(now.at - RETURN_BEFORE),
    )
    if not await near.exists():
        return True
    booking = await Booking.filter(
        person_id=person.person_id,
        benefit_id=benefit.benefit_id,
        venue_id=venue_id,
        begins_at__lte=queries.to_micros(now.at + ADMITTED_BEFORE),
        ends_at__gt=now.micros,
    ).first()
    if booking is None or await _was_used(booking):
        return False
    periods = await gate.live_periods(person, Purpose.BENEFIT_CHECK, now.at)
    if not began_under(periods.get(booking.provider_id), booking.created_at):
        return False
    await _tickets_of(booking).filter(redemption_id__isnull=True).delete()
    return True


async def erase_all(person_id: str, now: int) -> None:
    """Delete the bookings of a person in the transaction of their erasure; places that were not used are free again.

    Runs before the person's tickets are unlinked.
    """
    for row in await Booking.filter(person_id=person_id):
        if await _can_be_given_up(row, now):
            await _give_up(row)
    await Booking.filter(person_id=person_id).delete()


async def delete_old(at: datetime) -> int:
    """Delete bookings a day after their session, and old sessions; return the number of both."""
    deleted = await Booking.filter(ends_at__lt=queries.to_micros(at - timedelta(days=1))).delete()
    return int(deleted) + await added_sessions.delete_old(at)


async def export(person: Person) -> list[dict[str, str]]:
    """Return the person's bookings as JSON-ready values."""
    return [
        {
            "booking_id": row.booking_id,
            "benefit_id": row.benefit_id,
            "venue_id": row.venue_id,
            "begins_at": rfc3339(row.begins_at),
            "ends_at": rfc3339(row.ends_at),
        }
        for row in await list_of_person(person)
    ]
