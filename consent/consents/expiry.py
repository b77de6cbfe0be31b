"""Background work on consents: reminders before the end, the record of an expiry, old presentations.

No decision waits for it: each use of a consent compares its end with the clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tortoise.expressions import Q

from consent import persons
from consent.consents import register
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.purposes import Purpose
from consent.events import messages
from consent.events.messages import MessageKind
from consent.models import Presentation, StoredConsent

REMIND_DAYS = (7, 30, 90)
"""Days before the end of a consent at which its person is reminded; the shortest first, so that a consent close to its
end causes one reminder and not three."""
EXPIRIES_MAX = 1_000
"""Consents in one run; the next run takes the rest."""
PRESENTATION_RETENTION = timedelta(days=1)
"""Time after its end for which the row of a presentation stays. A late answer is refused as expired while the row is
there, and as consumed afterwards."""


async def remind(keyring: Keyring, at: datetime, limit: int = EXPIRIES_MAX) -> int:
    """Send one message each 90, 30 and 7 days before a consent ends; return the number of messages.

    Each message is a transaction of its own, with the person's row locked.
    """
    sent = 0
    for days in REMIND_DAYS:
        not_reminded = Q(reminded_days__isnull=True) | Q(reminded_days__gt=days)
        due = await StoredConsent.filter(
            not_reminded,
            state="given",
            expires_at__gt=queries.to_micros(at),
            expires_at__lte=queries.to_micros(at + timedelta(days=days)),
        ).limit(limit)
        for consent in due:
            async with queries.transaction():
                person = await persons.lock(keyring, consent.person_id)
                # Several processes may remind at once: only the one whose UPDATE changes the row sends the message.
                if await StoredConsent.filter(
                    not_reminded, person_id=consent.person_id, consent_id=consent.consent_id, state="given"
                ).update(reminded_days=days):
                    facts: dict[str, str | int | None] = {
                        "counterpart": consent.counterpart,
                        "expires_on": queries.from_micros(consent.expires_at).date().isoformat(),
                        "days": days,
                    }
                    await messages.add(person, MessageKind.CONSENT_ENDING, facts, at)
                    sent += 1
    return sent


async def record_expired(keyring: Keyring, at: datetime, limit: int = EXPIRIES_MAX) -> int:
    """Record consents that have expired, with their events and the ends of their links; return their number.

    Each consent is a transaction of its own, with its person's row locked.
    """
    due = (
        await StoredConsent.filter(state="given", expires_at__lte=queries.to_micros(at))
        .order_by("person_id")
        .limit(limit)
        .values("person_id", "purpose", "counterpart")
    )
    for row in due:
        async with queries.transaction():
            person = await persons.lock(keyring, row["person_id"])
            await register.record_end(person, Purpose(row["purpose"]), row["counterpart"], at)
    return len(due)


async def delete_old_presentations(at: datetime) -> int:
    """Delete presentations that ended more than PRESENTATION_RETENTION ago; return their number.

    The notice that was agreed to stays named in the event of the consent.
    """
    return await Presentation.filter(expires_at__lt=queries.to_micros(at - PRESENTATION_RETENTION)).delete()
