"""Residents' operations on bindings, paper slips and bookings: path, summary, handler, schemas, errors."""

from __future__ import annotations

from http import HTTPMethod

from service.api.resident import bindings, booking_schemas, bookings, lasting_schemas, slips
from service.auth.access_tokens import Audience
from service.http.operations import Calls

ME = Calls(Audience.RESIDENT)
NOT_ISSUED = (
    "booking_needed",
    "benefit_not_available",
    "conflict",
    "consent_needed",
    "not_found",
    "records_withheld",
    "terms_changed",
)
LASTING = (
    ME.post(
        "/v1/me/bindings",
        "requestBinding",
        "Ask for a binding: a venue's machine redeems a benefit for me without a scan",
        bindings.request_binding,
        lasting_schemas.LastingRequest,
        {201: lasting_schemas.RequestedBindingAnswer},
        key="required",
        errors=NOT_ISSUED,
        location="/v1/me/bindings/{binding_id}",
    ),
    ME.get(
        "/v1/me/bindings",
        "listBindings",
        "List my bindings and each use of them",
        bindings.list_bindings,
        lasting_schemas.BindingList,
    ),
    ME.get(
        "/v1/me/bindings/{binding_id}",
        "readBinding",
        "Read one of my bindings and each use of it",
        bindings.read_binding,
        lasting_schemas.BindingAnswer,
        errors=("not_found",),
    ),
    ME.post(
        "/v1/me/bindings/{binding_id}",
        "stopBinding",
        "Stop one of my bindings at once",
        bindings.stop_binding,
        None,
        {200: lasting_schemas.StoppedBinding},
        method=HTTPMethod.DELETE,
        errors=("not_found",),
    ),
    ME.post(
        "/v1/me/slips",
        "issueSlip",
        "Make a paper slip for a benefit at a venue",
        slips.issue_slip,
        lasting_schemas.LastingRequest,
        {201: lasting_schemas.SlipAnswer},
        key="required",
        errors=NOT_ISSUED,
        location="/v1/me/slips/{slip_id}",
    ),
    ME.get(
        "/v1/me/slips",
        "listSlips",
        "List my paper slips",
        slips.list_slips,
        lasting_schemas.SlipList,
    ),
    ME.get(
        "/v1/me/slips/{slip_id}.pdf",
        "printSlip",
        "Read a paper slip as a PDF",
        slips.print_slip,
        None,
        media="application/pdf",
        errors=("not_found",),
    ),
    ME.get(
        "/v1/me/slips/{slip_id}",
        "readSlip",
        "Read one of my paper slips",
        slips.read_slip,
        lasting_schemas.SlipAnswer,
        errors=("not_found",),
    ),
    ME.post(
        "/v1/me/slips/{slip_id}",
        "stopSlip",
        "Stop one of my paper slips at once",
        slips.stop_slip,
        None,
        {200: lasting_schemas.StoppedSlip},
        method=HTTPMethod.DELETE,
        errors=("not_found",),
    ),
    ME.get(
        "/v1/me/benefits/{benefit_id}/sessions",
        "listOpenSessions",
        "List the sessions of a benefit in which I can book a place",
        bookings.list_sessions,
        booking_schemas.OpenSessions,
        errors=("not_found",),
    ),
    ME.post(
        "/v1/me/bookings",
        "bookSession",
        "Book a place in an added session",
        bookings.book,
        booking_schemas.BookingBody,
        {201: booking_schemas.BookingAnswer},
        key="required",
        errors=(*NOT_ISSUED, "no_place_left"),
        location="/v1/me/bookings",
    ),
    ME.get(
        "/v1/me/bookings",
        "listBookings",
        "List my bookings of added sessions",
        bookings.list_bookings,
        booking_schemas.BookingList,
    ),
    ME.post(
        "/v1/me/bookings/{booking_id}",
        "cancelBooking",
        "Cancel one of my bookings",
        bookings.cancel,
        None,
        {200: booking_schemas.CancelledBooking},
        method=HTTPMethod.DELETE,
        errors=("not_found", "conflict"),
    ),
)
