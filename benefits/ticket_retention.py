"""The self-audit's checks of tickets and passes that should have been deleted."""

from __future__ import annotations

from datetime import timedelta

from benefits.models import OfflinePass, StoredTicket
from consent.verification.retention import RetentionCheck

TICKETS = RetentionCheck(
    "tickets that still know their person",
    timedelta(hours=25),
    lambda before: StoredTicket.filter(person_id__isnull=False, issued_at__lt=before).count(),
)
PASSES = RetentionCheck(
    "passes that still know their person",
    timedelta(days=3, hours=1),
    lambda before: OfflinePass.filter(person_id__isnull=False, expires_at__lt=before).count(),
)
