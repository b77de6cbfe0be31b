"""Background work after an officer's decision about a recipient: consents that ended, people who are told.

No decision waits for it: each use of a consent compares it with the changes of its counterpart.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from consent import persons
from consent.consents import register
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import recipients
from consent.documents.lifecycle import Version
from consent.domain.recipients import PURPOSE_OF_KIND, Recipient
from consent.events import messages
from consent.events.messages import MessageKind
from consent.models import StoredConsent

CONSENTS_MAX = 1_000
"""Consents in one run; the next run takes the rest."""
LAST_WRITES = timedelta(minutes=15)
"""Time after a change in which consents given just before it may still be committed; later runs need not read them."""


async def apply(keyring: Keyring, at: datetime, limit: int = CONSENTS_MAX) -> int:
    """Carry out the decisions about versions that are in force; return the number of consents ended or people told.

    Each consent is a transaction of its own, with its person's row locked. A run that is killed is continued by the
    next one: a consent ends once, and `respelled_at` tells who has been told.
    """
    done = 0
    for version in await recipients.not_applied(at):
        if done >= limit:
            break
        act = _end_consents if version.recipient is Recipient.ANOTHER_RECIPIENT else _notify
        acted = await act(keyring, version, at, limit - done)
        done += acted
        assert version.in_force_from is not None
        if acted == 0 and at >= version.in_force_from + LAST_WRITES:
            await recipients.mark_applied(version, at)
    return done


async def _end_consents(keyring: Keyring, version: Version, at: datetime, limit: int) -> int:
    due = await _given_before(version).order_by("person_id").limit(limit).values("person_id")
    purpose = PURPOSE_OF_KIND[version.kind]
    for row in due:
        async with queries.transaction():
            person = await persons.lock(keyring, row["person_id"])
            await register.record_end(person, purpose, version.document_id, at)
    return len(due)


async def _notify(keyring: Keyring, version: Version, at: datetime, limit: int) -> int:
    assert version.in_force_from is not None
    moment = queries.to_micros(version.in_force_from)
    before = (await recipients.body_before(version) or version.body)["name"]
    names = {"before_zh": before["zh-CN"], "before_en": before["en"]}
    not_notified = Q(respelled_at__isnull=True) | Q(respelled_at__lt=moment)
    live = _given_before(version).filter(not_notified, expires_at__gt=queries.to_micros(at))
    due = await live.order_by("person_id").limit(limit).values("person_id", "consent_id")
    for row in due:
        async with queries.transaction():
            person = await persons.lock(keyring, row["person_id"])
            # Several processes may run at once: only the one whose UPDATE changes the row sends the message.
            if await StoredConsent.filter(
                not_notified, person_id=row["person_id"], consent_id=row["consent_id"], state="given"
            ).update(respelled_at=moment):
                facts: dict[str, str | int | None] = {"counterpart": version.document_id, **names}
                await messages.add(person, MessageKind.RECIPIENT_RESPELLED, facts, at)
    return len(due)


def _given_before(version: Version) -> QuerySet[StoredConsent]:
    """The consents in state `given` to a version's document that are older than the version."""
    assert version.in_force_from is not None
    return StoredConsent.filter(
        purpose=PURPOSE_OF_KIND[version.kind],
        counterpart=version.document_id,
        state="given",
        given_at__lt=queries.to_micros(version.in_force_from),
    )
