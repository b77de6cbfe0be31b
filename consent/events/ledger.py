"""Append-only events of what happened to a person's data, numbered without gaps, each with a leaf for the log.

A leaf commits to the event with a random salt and contains nothing else but its kind; the event itself and its salt are
sealed under the person's key. Each event names the leaf before it, so that a person's export shows any omission. SQL
text: the chain and the outbox are written in one statement, an event's number is taken by UPDATE … RETURNING, and
SQLite would compare the beginning of a leaf without regard to case in a QuerySet.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import rfc8785

from consent.crypto.blind_index import new_id
from consent.database import queries, write_plan
from consent.database.write_plan import Insert, OneOrNone, Plan, Update, Write
from consent.kernel.canonical_json import plain_json
from consent.kernel.errors import NotFound
from consent.kernel.instants import HOUR_MICROS, rfc3339
from consent.models import Oversight, RefusedAttempt, StoredEvent, UseForAll
from consent.persons import Person
from consent.transparency import merkle
from consent.transparency.logs import Log

SALT_BYTES = 32
COMMITMENT_PREFIX = b"credit-easy-leaf-v1\x00"
PADDING = "nothing"
"""The kind of a leaf that stands for no event (`standard_terms_event`)."""
USED_FOR_ALL = "used.for_all"
"""The kind of a leaf that stands for a use of everybody's records at once."""
CONSENT_EVENTS = ("consent.given", "consent.refused", "consent.withdrawn", "consent.expired", "consent.terminated")
"""The kinds of the events that name a consent by its id."""


EVENT = Insert("event", ("person_id", "number", "leaf_hash", "kind", "at", "sealed"))
LEAF = Insert("outbox", ("leaf_hash", "leaf", "log", "put_at"), existing="ignore")
"""Enqueueing a leaf twice is no conflict: the leaf of a policy is the same each time."""
NEXT_IN_CHAIN = Update("person", changes=("events", "last_leaf"), matches=("person_id", "epoch", "events"))
"""The fence of a write that was planned on a person as read: the epoch stands for every consent and every record, the
event count for every use."""
EVENT_OR_NONE, NEXT_IN_CHAIN_OR_NONE = OneOrNone(EVENT), OneOrNone(NEXT_IN_CHAIN)
LAST_LEAF = Update("person", changes=("last_leaf",), matches=("person_id",))

Facts = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a person's chain, decrypted."""

    number: int
    kind: str
    at: datetime
    leaf_hash: str
    facts: dict[str, Any]


def commitment(salt: bytes, event: Mapping[str, Any]) -> bytes:
    """SHA-256 over the prefix, the salt and the event's canonical JSON."""
    return hashlib.sha256(COMMITMENT_PREFIX + salt + plain_json(event)).digest()


def leaf_of(kind: str, committed: bytes) -> bytes:
    """The leaf's bytes: canonical JSON of version, kind and commitment."""
    return plain_json({"v": 1, "k": kind, "c": base64.b64encode(committed).decode()})


def leaf_hash_of(leaf: bytes) -> str:
    """RFC 6962 leaf hash, hex."""
    return merkle.leaf_hash(leaf).hex()


class ChainHead(NamedTuple):
    """The end of a person's chain as read: how many events it has and the hash of the last one's leaf."""

    person: Person
    events: int
    last_leaf: str


class PreparedEvent(NamedTuple):
    """The row of an event that is not written yet, and the leaf that commits to it."""

    person_id: str
    number: int
    leaf_hash: str
    kind: str
    at: int
    sealed: bytes
    leaf: str


def prepare_event(
    head: ChainHead, kind: str, facts: Facts, at: datetime, *, to_the_hour: bool = False
) -> PreparedEvent:
    """Return the next event after the end of a person's chain, sealed, with its leaf. Nothing is written."""
    number, micros = head.events + 1, queries.to_micros(at)
    if to_the_hour:
        micros -= micros % HOUR_MICROS
    event = {
        "v": 1,
        "kind": kind,
        "number": number,
        "previous": head.last_leaf,
        "at": _text_of(micros),
        "facts": {key: value for key, value in facts.items() if value is not None},
    }
    salt = os.urandom(SALT_BYTES)
    leaf = leaf_of(kind, commitment(salt, event))
    plain = plain_json({"event": event, "salt": salt.hex()})
    sealed = head.person.seal("event", "sealed", str(number), plain)
    return PreparedEvent(head.person.person_id, number, leaf_hash_of(leaf), kind, micros, sealed, leaf.decode())


@lru_cache(maxsize=64)
def _text_of(micros: int) -> str:
    """Return an instant as text. Cached for the uses of an hour, which have one time."""
    return rfc3339(queries.from_micros(micros))


def fenced_event(head: ChainHead, kind: str, facts: Facts, at: datetime) -> tuple[Write, Write, Write]:
    """Return the writes of the next event after `head`: the fence, the event, its leaf. Nothing is written.

    The fence is a conflict where the person's epoch or events are no longer as read. For uses: the time is rounded to
    the hour.
    """
    new = prepare_event(head, kind, facts, at, to_the_hour=True)
    fence = Write(NEXT_IN_CHAIN, (new.number, new.leaf_hash, new.person_id, head.person.epoch, head.events))
    return fence, _event_write(new), leaf_write(Log.CONSENT, new.leaf_hash, new.leaf, at)


def standard_terms_event(
    head: ChainHead, kind: str, facts: Facts, at: datetime, *, used: bool
) -> tuple[Write, Write, Write]:
    """Return the writes of `fenced_event` for standard terms; without `used` the same statements, which change no row.

    `head` is then a decoy's, and the leaf stands for no event: every "no" leaves one, or the log, which would not
    grow, would tell the venue that no live ticket was shown.
    """
    new = prepare_event(head, kind, facts, at, to_the_hour=True)
    padding = leaf_of(PADDING, os.urandom(SALT_BYTES))
    leaf_hash, leaf = (new.leaf_hash, new.leaf) if used else (leaf_hash_of(padding), padding.decode())
    rows = int(used)
    fence = (new.number, new.leaf_hash, new.person_id, head.person.epoch, head.events, rows)
    event = (new.person_id, new.number, new.leaf_hash, new.kind, new.at, new.sealed, rows)
    return (
        Write(NEXT_IN_CHAIN_OR_NONE, fence), Write(EVENT_OR_NONE, event), leaf_write(Log.CONSENT, leaf_hash, leaf, at)
    )  # fmt: skip


def _event_write(new: PreparedEvent) -> Write:
    return Write(EVENT, (new.person_id, new.number, new.leaf_hash, new.kind, new.at, new.sealed))


def leaf_write(log: Log, leaf_hash: str, leaf: str, at: datetime) -> Write:
    """Return the write that enqueues a leaf for a log's sequencer."""
    return Write(LEAF, (leaf_hash, leaf, log, queries.to_micros(at)))


def _append_plan(new: PreparedEvent, at: datetime) -> Plan:
    """Return the writes of an event whose number the running transaction has taken, under its person's row lock."""
    last_leaf = Write(LAST_LEAF, (new.leaf_hash, new.person_id))
    return last_leaf, _event_write(new), leaf_write(Log.CONSENT, new.leaf_hash, new.leaf, at)


async def append(person: Person, kind: str, facts: Facts, at: datetime, *, to_the_hour: bool = False) -> str:
    """Append an event to the person's chain and its leaf to the outbox; return the leaf hash.

    Runs in the caller's transaction and locks the person's row. `to_the_hour` rounds the time of uses: to the second,
    their history would be a record of where somebody was.

    Raises:
        NotFound: the person was erased.
    """
    counted = await queries.fetch_one(
        "UPDATE person SET events = events + 1 WHERE person_id = $1 RETURNING events, last_leaf", person.person_id
    )
    if counted is None:
        raise NotFound("nobody of this id is known (any more)")
    head = ChainHead(person, counted["events"] - 1, counted["last_leaf"])
    new = prepare_event(head, kind, facts, at, to_the_hour=to_the_hour)
    await write_plan.apply(_append_plan(new, at))
    return new.leaf_hash


async def record_refused_attempt(audience: str, actor: str, code: str, what: str, at: datetime) -> None:
    """Record a refused attempt with its leaf, in the caller's transaction.

    `actor` is a client or staff id, empty for a resident.
    """
    attempt_id, salt = new_id(), os.urandom(SALT_BYTES)
    leaf = leaf_of("attempt.refused", commitment(salt, attempt_event(attempt_id, audience, actor, code)))
    await RefusedAttempt.create(
        attempt_id=attempt_id,
        at=queries.to_micros(at),
        audience=audience,
        actor=actor,
        code=code,
        what=what,
        leaf_hash=leaf_hash_of(leaf),
        salt=salt.hex(),
    )
    await enqueue_leaf(Log.CONSENT, leaf, at)


async def record_officer_read(staff_id: str, case_id: str | None, what: str, at: datetime) -> None:
    """Record an access or a decision of a privacy officer, with a leaf in the consent log."""
    access_id, salt = new_id(), os.urandom(SALT_BYTES)
    leaf = leaf_of("officer.looked", commitment(salt, officer_read_event(access_id, staff_id, case_id, what)))
    await Oversight.create(
        access_id=access_id,
        at=queries.to_micros(at),
        staff_id=staff_id,
        case_id=case_id,
        what=what,
        leaf_hash=leaf_hash_of(leaf),
        salt=salt.hex(),
    )
    await enqueue_leaf(Log.CONSENT, leaf, at)


async def record_use_for_all(
    use: Facts, purpose: str, ids: tuple[str, str], piece: tuple[int, int] | None, at: datetime
) -> None:
    """Record a use of the covered records of all persons with ids from the first to before the second, with one leaf.

    `piece` is number and count of the partition, where it was one. `use` has kind, organisation, what and outcome.
    """
    row: dict[str, Any] = {"use_id": new_id(), "at": queries.to_micros(at), **use, "purpose": purpose}
    row |= {"first_id": ids[0], "beyond_id": ids[1]}
    row |= {} if piece is None else {"piece": piece[0], "pieces": piece[1]}
    salt = os.urandom(SALT_BYTES)
    leaf = leaf_of(USED_FOR_ALL, commitment(salt, use_for_all_event(row)))
    row |= {"leaf_hash": leaf_hash_of(leaf), "salt": salt.hex()}
    await UseForAll.create(**row)
    await enqueue_leaf(Log.CONSENT, leaf, at)


def use_for_all_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that the leaf of such a use commits to. Its time is text: JSON numbers are too short for it."""
    facts = {key: row[key] for key in ("organisation", "purpose", "what", "outcome", "first_id", "beyond_id")}
    if row.get("pieces") is not None:
        facts |= {"piece": row["piece"], "pieces": row["pieces"]}
    return {"v": 1, "kind": USED_FOR_ALL, "id": row["use_id"], "at": str(row["at"]), "use": row["kind"], **facts}


def officer_read_event(access_id: str, staff_id: str, case_id: str | None, what: str) -> dict[str, Any]:
    """Return the event that the leaf of an officer's access commits to."""
    return {"v": 1, "kind": "officer.looked", "id": access_id, "staff": staff_id, "case": case_id, "what": what}


def attempt_event(attempt_id: str, audience: str, actor: str, code: str) -> dict[str, Any]:
    """Return the event that the leaf of a refused attempt commits to."""
    return {"v": 1, "kind": "attempt.refused", "id": attempt_id, "door": audience, "actor": actor, "code": code}


async def enqueue_policy_leaf(kind: str, document_id: str, version: int, sha256: str, in_force_from: datetime) -> None:
    """Enqueue a leaf of the policy log, in the caller's transaction.

    It names a catalogue document, a barred use or a public key of the service, with the hash of its canonical JSON.
    """
    leaf: dict[str, Any] = {"v": 1, "kind": kind, "id": document_id, "version": version, "sha256": sha256}
    leaf["in_force_from"] = rfc3339(in_force_from)
    await enqueue_leaf(Log.POLICY, rfc8785.dumps(leaf), in_force_from)


async def is_in_policy_log(document_id: str) -> bool:
    """Report whether the policy log has an entry of this id, or one waits for it in the outbox."""
    beginning = rfc8785.dumps({"id": document_id}).decode().removesuffix("}")
    for table in ("log_entry", "outbox"):
        named = await queries.fetch_one(
            f"SELECT 1 AS named FROM {table} WHERE log = 'policy' AND substr(leaf, 1, $1) = $2",
            len(beginning),
            beginning,
        )
        if named is not None:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Opening:
    """An opened event with the salt of its leaf: both together give the leaf hash (hex)."""

    event: dict[str, Any]
    salt: str
    leaf_hash: str


async def about_consent(person: Person, consent_id: str) -> list[Opening]:
    """Return the consent events about one consent, oldest first, opened for its receipt."""
    events = StoredEvent.filter(person_id=person.person_id, kind__in=CONSENT_EVENTS).order_by("number")
    openings = [_opening(person, row) for row in await events.values("number", "leaf_hash", "sealed")]
    return [opening for opening in openings if opening.event["facts"].get("consent_id") == consent_id]


async def openings_of(person: Person, after: int, limit: int) -> list[Opening]:
    """Return the person's next events with numbers above `after`, oldest first, with the salts of their leaves."""
    events = StoredEvent.filter(person_id=person.person_id, number__gt=after).order_by("number").limit(limit)
    return [_opening(person, row) for row in await events.values("number", "leaf_hash", "sealed")]


async def events_of(person: Person, kinds: tuple[str, ...] | None, before: int, limit: int) -> list[Event]:
    """Return the person's latest events of these kinds (None: all) numbered below `before`, newest first, opened."""
    events = StoredEvent.filter(person_id=person.person_id, number__lt=before)
    if kinds:
        events = events.filter(kind__in=kinds)
    latest = events.order_by("-number").limit(limit)
    return [_opened(person, row) for row in await latest.values("number", "kind", "at", "leaf_hash", "sealed")]


def _opening(person: Person, row: queries.Row) -> Opening:
    plain = json.loads(person.open("event", "sealed", str(row["number"]), bytes(row["sealed"])))
    return Opening(plain["event"], plain["salt"], row["leaf_hash"])


def _opened(person: Person, row: queries.Row) -> Event:
    plain = json.loads(person.open("event", "sealed", str(row["number"]), bytes(row["sealed"])))
    return Event(row["number"], row["kind"], queries.from_micros(row["at"]), row["leaf_hash"], plain["event"]["facts"])


async def enqueue_leaf(log: Log, leaf: bytes, at: datetime) -> None:
    """Enqueue a leaf for a log's sequencer, in the caller's transaction."""
    await write_plan.apply((leaf_write(log, leaf_hash_of(leaf), leaf.decode(), at),))
