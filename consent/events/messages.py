"""Messages to a person: a kind and sealed facts, from which the sentence is made in the reader's language."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tortoise.expressions import Q

from consent.crypto.blind_index import ID_DIGITS, new_id
from consent.database import queries
from consent.events import hints
from consent.events.ledger import Facts
from consent.models import StoredMessage
from consent.persons import Person


class MessageKind(StrEnum):
    """Everything this service tells a person."""

    RECORD_CORRECTED = "record_corrected"
    RECORD_RETRACTED = "record_retracted"
    RECORD_RESTORED = "record_restored"
    RECORD_DELIVERED = "record_delivered"
    RECORD_NOT_AVAILABLE = "record_not_available"
    ACCOUNT_CLAIMED = "account_claimed"
    ACCOUNT_LINKED_ELSEWHERE = "account_linked_elsewhere"
    CONSENT_ENDING = "consent_ending"
    RECIPIENT_CHANGED = "recipient_changed"
    RECIPIENT_RESPELLED = "recipient_respelled"
    LINK_CONFIRMED = "link_confirmed"
    LINK_RELEASED = "link_released"
    REDEMPTION_REVERSED = "redemption_reversed"
    OBJECTION_OPENED = "objection_opened"
    OBJECTION_ACKNOWLEDGED = "objection_acknowledged"
    OBJECTION_DECIDED = "objection_decided"
    OBJECTION_OVERDUE = "objection_overdue"
    ANSWER_OVERDUE = "answer_overdue"
    COMPLAINT_OPENED = "complaint_opened"
    COMPLAINT_ANSWERED = "complaint_answered"
    POINTS_EXPIRING = "points_expiring"


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its facts decrypted."""

    message_id: str
    kind: MessageKind
    at: datetime
    facts: dict[str, str | int | None]


def _id_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:ID_DIGITS]


async def was_sent(person: Person, key: str) -> bool:
    """Report whether the person has a message that was added under this key."""
    return await StoredMessage.exists(person_id=person.person_id, message_id=_id_of(key))


async def add(person: Person, kind: MessageKind, facts: Facts, at: datetime, *, key: str | None = None) -> None:
    """Store a message for the person and set their hint to the city's app, in the caller's transaction.

    `key` names a message that a person receives once; its id is made from it, so a second insert fails.
    """
    message_id = new_id() if key is None else _id_of(key)
    await StoredMessage.create(
        person_id=person.person_id,
        message_id=message_id,
        kind=kind,
        at=queries.to_micros(at),
        sealed=person.seal("message", "sealed", message_id, json.dumps(dict(facts), ensure_ascii=False).encode()),
    )
    await hints.set_for(person, at)


async def list_for(person: Person, before: tuple[int, str] | None, limit: int) -> list[Message]:
    """Return the person's messages, newest first; `before` is (microseconds, id) of the last message already read."""
    page = StoredMessage.filter(person_id=person.person_id)
    if before is not None:
        at, message_id = before
        page = page.filter(Q(at__lt=at) | Q(at=at, message_id__lt=message_id))
    rows = await page.order_by("-at", "-message_id").limit(limit).values("message_id", "kind", "at", "sealed")
    return [
        Message(
            row["message_id"],
            MessageKind(row["kind"]),
            queries.from_micros(row["at"]),
            json.loads(person.open("message", "sealed", row["message_id"], bytes(row["sealed"]))),
        )
        for row in rows
    ]
