"""All pages of residents in one table; the first match answers."""

from __future__ import annotations

from service.web.page import PageRoute
from service.web.resident import (
    benefits,
    bindings,
    bookings,
    complaints,
    consents,
    kiosk,
    passes,
    points,
    rights,
    slips,
    tickets,
)

ROUTES: tuple[PageRoute, ...] = (
    *points.ROUTES,
    *benefits.ROUTES,
    *tickets.ROUTES,
    *consents.ROUTES,
    *rights.ROUTES,
    *complaints.ROUTES,
    *bindings.ROUTES,
    *slips.ROUTES,
    *bookings.ROUTES,
    *passes.ROUTES,
    *kiosk.ROUTES,
)
