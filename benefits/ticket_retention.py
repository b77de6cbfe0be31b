"""The self-audit's checks of tickets, slips, bindings, bookings and passes that should have been deleted."""

from __future__ import annotations

from datetime import timedelta

from tortoise.expressions import Q

from benefits.models import Booking, LastingTicket, OfflinePass, RecognisedUse, StoredTicket
from consent.verification.retention import RetentionCheck

TICKETS = RetentionCheck(
    "tickets that still know their person",
    timedelta(hours=25),
    lambda before: StoredTicket.filter(
        Q(unlink_from__isnull=True, issued_at__lt=before) | Q(unlink_from__lt=before), person_id__isnull=False
    ).count(),
)
LASTING_TICKETS = RetentionCheck(
    "slips and bindings kept too long",
    timedelta(hours=25),
    lambda before: LastingTicket.filter(valid_until__lt=before).count(),
)
BOOKINGS = RetentionCheck(
    "bookings kept too long", timedelta(hours=25), lambda before: Booking.filter(ends_at__lt=before).count()
)
PASSES = RetentionCheck(
    "passes that still know their person",
    timedelta(days=3, hours=1),
    lambda before: OfflinePass.filter(person_id__isnull=False, expires_at__lt=before).count(),
)
RECOGNISED_USES = RetentionCheck(
    "hashes of other cities' passes kept too long",
    timedelta(hours=1),
    lambda before: RecognisedUse.filter(delete_from__lt=before).count(),
)
