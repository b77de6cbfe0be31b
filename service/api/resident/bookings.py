"""Residents' operations on added sessions: see those with free places, book one, list, cancel."""

from __future__ import annotations

from benefits.redemption import added_sessions, bookings
from benefits.redemption.bookings import OwnBooking
from consent.kernel.errors import NotFound
from service.api.resident import booking_schemas, current_person
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def list_sessions(context: RequestContext, _: None) -> Answer:
    """List the sessions of a benefit in which a place can be booked; NotFound for a benefit that is not in force."""
    benefit_id = context.request.path_params["benefit_id"]
    catalogue = await context.app_context.catalogue.read(context.at)
    if catalogue.benefit(benefit_id, context.today) is None:
        raise NotFound("there is no such benefit")
    return Answer(
        booking_schemas.OpenSessions(
            data=[
                booking_schemas.OpenSession(
                    session_id=row.session_id,
                    venue_id=row.venue_id,
                    begins_at=json_io.rfc3339(row.begins_at),
                    ends_at=json_io.rfc3339(row.ends_at),
                    free=row.free,
                )
                for row in await added_sessions.list_of_benefit(benefit_id, context.civil_time)
            ]
        )
    )


async def book(context: RequestContext, body: booking_schemas.BookingBody) -> Answer:
    """Book a place in a session. Errors as `bookings.book`."""
    person = await current_person.get_or_create(context)
    catalogue = await context.app_context.catalogue.read(context.at)
    booking = await bookings.book(person, catalogue, body.session_id, body.accepted_terms_sha256, context.civil_time)
    return Answer(_answer(booking), 201)


async def list_bookings(context: RequestContext, _: None) -> Answer:
    """List the person's bookings, the earliest session first; nothing for somebody unknown."""
    person = await current_person.find(context)
    rows = [] if person is None else await bookings.list_of_person(person)
    return Answer(booking_schemas.BookingList(data=[_answer(row) for row in rows]))


async def cancel(context: RequestContext, _: None) -> Answer:
    """Cancel a booking, which gives its place back. Errors as `bookings.cancel`.

    It has a tombstone: a copy of the database that is put back must not take the place again.
    """
    person, booking_id = await current_person.lock(context), context.request.path_params["booking_id"]
    await bookings.cancel(person, booking_id, context.civil_time)
    context.app_context.tombstones.booking_cancelled(person.person_id, booking_id, context.at)
    return Answer(booking_schemas.CancelledBooking(booking_id=booking_id, cancelled_at=json_io.rfc3339(context.at)))


def _answer(row: OwnBooking) -> booking_schemas.BookingAnswer:
    return booking_schemas.BookingAnswer(
        booking_id=row.booking_id,
        session_id=row.session_id,
        benefit_id=row.benefit_id,
        venue_id=row.venue_id,
        begins_at=json_io.rfc3339(row.begins_at),
        ends_at=json_io.rfc3339(row.ends_at),
    )
