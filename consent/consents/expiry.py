"""What time does to consents: people are told before the end, the end is written down, what was shown is forgotten.

Only tidies. Whether a consent lives is decided by the clock at each use, whatever runs here or does not.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from consent import persons
from consent.consents import register
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.purposes import Purpose
from consent.events import messages
from consent.events.messages import MessageKind

REMIND_DAYS = (7, 30, 90)
"""How long before its end a person is told; the shortest first, so that nobody is told twice at once."""
EXPIRIES_MAX = 1_000
"""Consents written down as expired in one sweep; the next one takes the rest."""
PRESENTATION_RETENTION = timedelta(days=1)
"""How long after its end a ticket is still known as answered; then it is an unknown, equally spent one."""


async def remind(keyring: Keyring, at: datetime, limit: int = EXPIRIES_MAX) -> int:
    """Tell people whose consents end in 90, 30 and 7 days, each once; how many were told now."""
    told = 0
    for days in REMIND_DAYS:
        due = await queries.fetch_all(
            "SELECT person_id, consent_id, counterpart, expires_at FROM consent WHERE state = 'given'"
            " AND expires_at > $1 AND expires_at <= $2 AND (told_days IS NULL OR told_days > $3) LIMIT $4",
            queries.to_micros(at),
            queries.to_micros(at + timedelta(days=days)),
            days,
            limit,
        )
        for row in due:
            async with queries.transaction():
                person = await persons.lock(keyring, row["person_id"])
                marked = await queries.execute(
                    "UPDATE consent SET told_days = $3 WHERE person_id = $1 AND consent_id = $2"
                    " AND (told_days IS NULL OR told_days > $3) AND state = 'given'",
                    row["person_id"],
                    row["consent_id"],
                    days,
                )
                if marked:
                    facts = {
                        "counterpart": row["counterpart"],
                        "expires_on": queries.from_micros(row["expires_at"]).date().isoformat(),
                        "days": days,
                    }
                    await messages.add(person, MessageKind.CONSENT_ENDING, facts, at)
                    told += 1
    return told


async def record_expired(keyring: Keyring, at: datetime, limit: int = EXPIRIES_MAX) -> int:
    """Write down what has expired, with its event and the end of its link; how many. Only tidies: decisions at use
    look at the clock."""
    due = await queries.fetch_all(
        "SELECT person_id, purpose, counterpart FROM consent WHERE state = 'given' AND expires_at <= $1"
        " ORDER BY person_id LIMIT $2",
        queries.to_micros(at),
        limit,
    )
    for row in due:
        async with queries.transaction():
            person = await persons.lock(keyring, row["person_id"])
            await register.record_expiry(person, Purpose(row["purpose"]), row["counterpart"], at)
    return len(due)


async def delete_old_presentations(at: datetime) -> int:
    """Drop notices shown more than a day ago, answered or not; how many. What was agreed to is in the event."""
    return await queries.execute(
        "DELETE FROM presentation WHERE expires_at < $1", queries.to_micros(at - PRESENTATION_RETENTION)
    )
