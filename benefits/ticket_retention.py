"""The self-audit's check of tickets that should have been deleted."""

from __future__ import annotations

from datetime import timedelta

from benefits.models import StoredTicket
from consent.verification.retention import RetentionCheck

TICKETS = RetentionCheck(
    "tickets that still know their person",
    timedelta(hours=25),
    lambda before: StoredTicket.filter(person_id__isnull=False, issued_at__lt=before).count(),
)
