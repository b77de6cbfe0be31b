"""What a person must be told. Stored as a kind and sealed facts; the sentence is made in the reader's language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from consent.crypto.blind_index import new_id
from consent.database import queries
from consent.events.ledger import Facts
from consent.persons import Person


class MessageKind(StrEnum):
    """Everything this service tells a person."""

    RECORD_CORRECTED = "record_corrected"
    RECORD_RETRACTED = "record_retracted"
    ACCOUNT_CLAIMED = "account_claimed"
    ACCOUNT_LINKED_ELSEWHERE = "account_linked_elsewhere"
    CONSENT_ENDING = "consent_ending"
    LINK_RELEASED = "link_released"
    REDEMPTION_REVERSED = "redemption_reversed"
    OBJECTION_OPENED = "objection_opened"
    OBJECTION_ACKNOWLEDGED = "objection_acknowledged"
    OBJECTION_DECIDED = "objection_decided"


@dataclass(frozen=True, slots=True)
class Message:
    """A message, opened."""

    message_id: str
    kind: MessageKind
    at: datetime
    facts: dict[str, str | int]


async def add(person: Person, kind: MessageKind, facts: Facts, at: datetime) -> None:
    """Leave a message for the person, in the running transaction."""
    message_id = new_id()
    await queries.execute(
        "INSERT INTO message (person_id, message_id, kind, at, sealed) VALUES ($1, $2, $3, $4, $5)",
        person.person_id,
        message_id,
        kind,
        queries.to_micros(at),
        person.seal("message", "sealed", message_id, json.dumps(dict(facts), ensure_ascii=False).encode()),
    )


async def list_for(person: Person, before: tuple[int, str] | None, limit: int) -> list[Message]:
    """The person's messages, newest first; `before` is (microseconds, id) of the last one already read."""
    at, message_id = before or (2**62, "")
    found = await queries.fetch_all(
        "SELECT message_id, kind, at, sealed FROM message WHERE person_id = $1"
        " AND (at < $2 OR (at = $2 AND message_id < $3)) ORDER BY at DESC, message_id DESC LIMIT $4",
        person.person_id,
        at,
        message_id,
        limit,
    )
    return [
        Message(
            row["message_id"],
            MessageKind(row["kind"]),
            queries.from_micros(row["at"]),
            json.loads(person.open("message", "sealed", row["message_id"], bytes(row["sealed"]))),
        )
        for row in found
    ]
