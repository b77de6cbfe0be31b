"""Request and answer schemas of a resident's bookings of added sessions."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import BenefitId, Id, Instant, VenueId
from service.api.resident.ticket_schemas import AcceptedTerms
from service.http.json_io import ApiModel
from service.http.openapi.named import text

BookingId = Annotated[str, text("The id of the booking.")]
SessionId = Annotated[str, text("The id of the session.")]


class OpenSession(ApiModel):
    """A session in which a place can be booked."""

    session_id: SessionId
    venue_id: VenueId
    begins_at: Instant
    """The beginning."""
    ends_at: Instant
    """The end."""
    free: int
    """The places that can be booked now."""


class OpenSessions(ApiModel):
    """The sessions of a benefit in which a place can be booked."""

    data: list[OpenSession]
    """Sessions, the earliest first."""


class BookingBody(ApiModel):
    """The session in which a place is booked."""

    session_id: Id
    """The session."""
    accepted_terms_sha256: AcceptedTerms | None = None
    """`terms_sha256` of the terms that were read and accepted; required where the benefit has a commitment."""


class BookingAnswer(ApiModel):
    """A place of the resident in an added session."""

    booking_id: BookingId
    session_id: SessionId
    benefit_id: BenefitId
    venue_id: VenueId
    begins_at: Instant
    """The beginning of the session."""
    ends_at: Instant
    """The end of the session."""


class BookingList(ApiModel):
    """The bookings of the resident."""

    data: list[BookingAnswer]
    """Bookings, the earliest session first."""


class CancelledBooking(ApiModel):
    """A booking that was cancelled."""

    booking_id: BookingId
    cancelled_at: Instant
    """The time at which the place was given back."""
