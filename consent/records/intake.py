"""Records from sources: accepted only for accounts whose holder proved them and whose consent lives at this moment.

A delivery that nobody authorised is answered and forgotten: neither stored nor logged, so that a source cannot learn
who uses this service, nor this service what it was not allowed to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from consent import persons as people
from consent.crypto.blind_index import IndexUse, blind_index, new_ids
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from consent.domain.records import QUANTITY_MAX
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import DomainError, NotFound
from consent.records import officer_corrections

BATCH_MAX = 10_000
"""Records in one transaction: large enough to be quick, small enough to hold no lock for long."""
RECORD_KEY = ("source_id", "source_record_id", "person_id", "record_id")
RECORD = (
    "person_id", "record_id", "source_id", "source_record_id", "kind", "quantity", "occurred_on", "received_at",
)  # fmt: skip
FIRST_DAY = date(2000, 1, 1)
"""Days before this are mistakes of format, not deeds; no record lives that long anyway."""


class Refusal(StrEnum):
    """Why a record was not taken."""

    NOT_AUTHORISED = "not_authorised"
    KIND_NOT_ALLOWED = "kind_not_allowed"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_DATE = "invalid_date"
    IN_FUTURE = "in_future"
    CONFLICT = "conflict"


class RecordRefused(DomainError):
    """A correction that the same rules refuse; `code` is one of Refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__("the corrected record would be refused")
        self.code = refusal.value


class DeliveredRecord(NamedTuple):
    """One record as a source sends it; kind and day still as text."""

    record_id: str
    account: str
    kind: str
    quantity: int
    occurred_on: str


class DeliveryResult(NamedTuple):
    """What became of a delivery: accepted, duplicate or refused with a code."""

    record_id: str
    status: Literal["accepted", "duplicate", "refused"]
    code: Refusal | None = None


class _Valid(NamedTuple):
    position: int
    delivery: DeliveredRecord
    account_index: str


async def deliver(
    keyring: Keyring,
    source_id: str,
    kinds: frozenset[str],
    deliveries: Sequence[DeliveredRecord],
    today: date,
    at: datetime,
) -> list[DeliveryResult]:
    """Take up to BATCH_MAX deliveries in the running transaction; one answer each, in order.

    `kinds` are what the source may deliver, `today` is the city's civil day. Sending again changes nothing.
    """
    if len(deliveries) > BATCH_MAX:
        raise ValueError(f"at most {BATCH_MAX} deliveries at once")
    answers: list[DeliveryResult | None] = [None] * len(deliveries)
    valid: list[_Valid] = []
    indexes: dict[str, str] = {}
    for position, delivery in enumerate(deliveries):
        refusal = _shape_refusal(delivery, kinds, today)
        if refusal:
            answers[position] = DeliveryResult(delivery.record_id, "refused", refusal)
            continue
        index = indexes.get(delivery.account)
        if index is None:
            index = indexes[delivery.account] = blind_index(keyring, IndexUse.ACCOUNT, source_id, delivery.account)
        valid.append(_Valid(position, delivery, index))
    owners, shown = await _authorised(source_id, set(indexes.values()), at)
    agreed = await _kinds_agreed(source_id, set(shown.values()))
    admitted = []
    for one in valid:
        position, delivery, index = one
        if index not in owners:
            answers[position] = DeliveryResult(delivery.record_id, "refused", Refusal.NOT_AUTHORISED)
        elif delivery.kind not in agreed[shown[index]]:
            answers[position] = DeliveryResult(delivery.record_id, "refused", Refusal.KIND_NOT_ALLOWED)
        else:
            admitted.append(one)
    stored = await _stored(source_id, {one.delivery.record_id for one in admitted})
    await _store(source_id, admitted, owners, stored, answers, at)
    return [answer for answer in answers if answer is not None]


def _shape_refusal(delivery: DeliveredRecord, kinds: frozenset[str], today: date) -> Refusal | None:
    if delivery.kind not in kinds:
        return Refusal.KIND_NOT_ALLOWED
    if not 1 <= delivery.quantity <= QUANTITY_MAX:
        return Refusal.INVALID_QUANTITY
    return day_refusal(delivery.occurred_on, today)


@lru_cache(maxsize=4096)
def day_refusal(text: str, today: date) -> Refusal | None:
    """Why a civil day cannot be taken, or None. Only `YYYY-MM-DD` in plain digits is a day."""
    if len(text) != len("YYYY-MM-DD") or not text.isascii():
        return Refusal.INVALID_DATE
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return Refusal.INVALID_DATE
    if text != day.isoformat() or day < FIRST_DAY:
        return Refusal.INVALID_DATE
    return Refusal.IN_FUTURE if day > today else None


@lru_cache(maxsize=4096)
def _day_number(text: str) -> int:
    """The number of a day that `day_refusal` lets pass."""
    return int(text.replace("-", ""))


async def _kinds_agreed(source_id: str, versions: set[int]) -> dict[int, frozenset[str]]:
    """Which kinds each version of the source delivered: a consent covers those it was shown for, and no others."""
    found = {}
    for version in versions:
        document = await lifecycle.get(DocumentKind.SOURCES, source_id, version)
        found[version] = frozenset(document.body["kinds"])
    return found


async def _authorised(source_id: str, indexes: set[str], at: datetime) -> tuple[dict[str, str], dict[str, int]]:
    """Account index → person, and → the source's version consented to, for confirmed links of live consents.

    Those persons are locked, in one order.
    """
    if not indexes:
        return {}, {}
    by_account = "SELECT account_index, person_id FROM linked_account WHERE source_id = $1 AND " + queries.any_of(
        "account_index", 2
    )
    linked = await queries.fetch_records(by_account, source_id, queries.array_param(indexes))
    persons = {row["person_id"] for row in linked}
    await people.lock_many(persons)
    # Links and consents as they are now that nobody can change them. One table a question: each lies by its own key.
    linked = await queries.fetch_records(
        by_account, source_id, queries.array_param(row["account_index"] for row in linked)
    )
    live = await queries.fetch_records(
        "SELECT person_id, counterpart_version FROM consent WHERE purpose = 'points.compute' AND counterpart = $1"
        " AND state = 'given' AND given_at <= $2 AND expires_at > $2 AND " + queries.any_of("person_id", 3),
        source_id,
        queries.to_micros(at),
        queries.array_param(persons),
    )
    shown = {row["person_id"]: row["counterpart_version"] for row in live}
    owners = {row["account_index"]: row["person_id"] for row in linked if row["person_id"] in shown}
    return owners, {account_index: shown[person_id] for account_index, person_id in owners.items()}


async def _stored(source_id: str, record_ids: set[str]) -> dict[str, tuple[object, ...]]:
    """What is there of these records: person, kind, quantity, day."""
    if not record_ids:
        return {}
    keys = await queries.fetch_records(
        "SELECT source_record_id, person_id, record_id FROM record_key WHERE source_id = $1 AND "
        + queries.any_of("source_record_id", 2),
        source_id,
        queries.array_param(record_ids),
    )
    if not keys:
        return {}
    found = await queries.fetch_records(
        f"SELECT record_id, kind, quantity, occurred_on FROM record WHERE {queries.any_of('person_id', 1)}"
        f" AND {queries.any_of('record_id', 2)}",
        queries.array_param({row["person_id"] for row in keys}),
        queries.array_param(row["record_id"] for row in keys),
    )
    content = {row["record_id"]: (row["kind"], row["quantity"], row["occurred_on"]) for row in found}
    return {
        row["source_record_id"]: (row["person_id"], *content.get(row["record_id"], (None, None, None))) for row in keys
    }


async def _store(
    source_id: str,
    admitted: Sequence[_Valid],
    owners: Mapping[str, str],
    stored: dict[str, tuple[object, ...]],
    answers: list[DeliveryResult | None],
    at: datetime,
) -> None:
    keys, records, received_at, ids = [], [], queries.to_micros(at), new_ids(len(admitted))
    for position, delivery, account_index in admitted:
        name, person_id = delivery.record_id, owners[account_index]
        content = (person_id, delivery.kind, delivery.quantity, _day_number(delivery.occurred_on))
        known = stored.get(name)
        if known is not None:
            answers[position] = (
                DeliveryResult(name, "duplicate")
                if known == content
                else DeliveryResult(name, "refused", Refusal.CONFLICT)
            )
            continue
        stored[name] = content
        record_id = next(ids)
        keys.append((source_id, name, person_id, record_id))
        records.append((person_id, record_id, source_id, name, *content[1:], received_at))
        answers[position] = DeliveryResult(name, "accepted")
    if not records:
        return
    await queries.copy_rows("record_key", RECORD_KEY, keys)
    await queries.copy_rows("record", RECORD, records)
    await queries.execute(
        f"UPDATE person SET epoch = epoch + 1 WHERE {queries.any_of('person_id', 1)}",
        queries.array_param({row[0] for row in records}),
    )


async def correct(
    keyring: Keyring,
    source_id: str,
    source_record_id: str,
    quantity: int | None,
    occurred_on: str | None,
    reason_code: str,
    today: date,
    at: datetime,
) -> None:
    """Replace a record's quantity or day, with notice to the person. NotFound without a live consent."""
    person, record = await _of_source(keyring, source_id, source_record_id, at)
    await _replace(person, record, quantity, occurred_on, reason_code, today, at)


async def retract(keyring: Keyring, source_id: str, source_record_id: str, reason_code: str, at: datetime) -> None:
    """Take a record back, with notice to the person. Its id stays taken, so that a replay does not revive it."""
    person, record = await _of_source(keyring, source_id, source_record_id, at)
    await _take_back(person, record, reason_code, at)


async def apply_decision(
    person: people.Person, record_id: str, correction: tuple[int | None, str | None] | None, today: date, at: datetime
) -> None:
    """What an upheld objection does to its record: correct it, or take it back. Nothing when it is gone already."""
    record = await queries.fetch_one(
        "SELECT * FROM record WHERE person_id = $1 AND record_id = $2", person.person_id, record_id
    )
    if record is None:
        return
    source_id, named = record["source_id"], record["source_record_id"]
    if correction is None:
        await _take_back(person, record, "objection_upheld", at)
        await officer_corrections.add(source_id, named, "retracted", None, None, at)
    else:
        quantity, day = await _replace(person, record, correction[0], correction[1], "objection_upheld", today, at)
        await officer_corrections.add(source_id, named, "corrected", quantity, day, at)


async def _of_source(
    keyring: Keyring, source_id: str, source_record_id: str, at: datetime
) -> tuple[people.Person, queries.Row]:
    key = await queries.fetch_one(
        "SELECT person_id, record_id FROM record_key WHERE source_id = $1 AND source_record_id = $2",
        source_id,
        source_record_id,
    )
    if key is None:
        raise NotFound("there is no such record")
    person = await people.lock(keyring, key["person_id"])
    record = await queries.fetch_one(
        "SELECT r.* FROM record r JOIN consent c ON c.person_id = r.person_id AND c.counterpart = r.source_id"
        " WHERE r.person_id = $1 AND r.record_id = $2 AND c.purpose = 'points.compute' AND c.state = 'given'"
        " AND c.expires_at > $3",
        person.person_id,
        key["record_id"],
        queries.to_micros(at),
    )
    if record is None:
        raise NotFound("there is no such record")
    return person, record


async def _replace(
    person: people.Person,
    record: queries.Row,
    quantity: int | None,
    occurred_on: str | None,
    reason_code: str,
    today: date,
    at: datetime,
) -> tuple[int, int]:
    if occurred_on is not None and (refusal := day_refusal(occurred_on, today)):
        raise RecordRefused(refusal)
    new_quantity = record["quantity"] if quantity is None else quantity
    new_day = record["occurred_on"] if occurred_on is None else queries.to_day_number(date.fromisoformat(occurred_on))
    await queries.execute(
        "UPDATE record SET quantity = $3, occurred_on = $4 WHERE person_id = $1 AND record_id = $2",
        person.person_id,
        record["record_id"],
        new_quantity,
        new_day,
    )
    facts: dict[str, str | int | None] = {
        "source_id": record["source_id"],
        "record_id": record["record_id"],
        "kind": record["kind"],
        "reason_code": reason_code,
        "quantity_before": record["quantity"],
        "quantity": new_quantity,
        "occurred_on_before": queries.from_day_number(record["occurred_on"]).isoformat(),
        "occurred_on": queries.from_day_number(new_day).isoformat(),
    }
    await people.raise_epoch(person.person_id)
    await ledger.append(person, "record.corrected", facts, at)
    await messages.add(person, MessageKind.RECORD_CORRECTED, facts, at)
    return new_quantity, new_day


async def _take_back(person: people.Person, record: queries.Row, reason_code: str, at: datetime) -> None:
    await queries.execute(
        "DELETE FROM record WHERE person_id = $1 AND record_id = $2", person.person_id, record["record_id"]
    )
    facts: dict[str, str | int | None] = {
        "source_id": record["source_id"],
        "record_id": record["record_id"],
        "kind": record["kind"],
        "reason_code": reason_code,
        "quantity": record["quantity"],
        "occurred_on": queries.from_day_number(record["occurred_on"]).isoformat(),
    }
    await people.raise_epoch(person.person_id)
    await ledger.append(person, "record.retracted", facts, at)
    await messages.add(person, MessageKind.RECORD_RETRACTED, facts, at)
