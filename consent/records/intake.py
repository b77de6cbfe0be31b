"""Records from sources: accepted only for accounts whose holder proved them and whose consent lives at this moment.

SQL text remains for deliveries, which are set-based: up to BATCH_MAX records in a fixed number of statements and COPY.

A record without such a consent is refused, and neither stored nor logged: this service must not know it, and all
reasons share one refusal code, so that the source does not learn who uses this service. Corrections and retractions by
the source, and by an officer's decision, are here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple

from consent import persons
from consent.crypto.blind_index import IndexUse, blind_index, new_ids
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.corrections import OBJECTION_UPHELD, DecidedBy, RecordChange, SourceReason
from consent.domain.document_kinds import DocumentKind
from consent.domain.liveness import live_sql
from consent.domain.purposes import Purpose
from consent.domain.records import QUANTITY_MAX
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.civil_day import parse_civil_day
from consent.kernel.errors import DomainError, NotFound
from consent.models import RecordKey, StoredRecord
from consent.persons import Person
from consent.records import gate, officer_corrections, restoration, source_ids, storage
from consent.records.officer_corrections import SourceRecord
from consent.records.storage import Content, NewRecord

BATCH_MAX = 10_000
"""Records in one transaction: many for each round trip, few enough that no lock lasts long."""
FIRST_DAY = date(2000, 1, 1)
"""A day before this is a mistake of format; no record is retained that long anyway."""


class Refusal(StrEnum):
    """The reason for which a record was refused."""

    NOT_AUTHORISED = "not_authorised"
    KIND_NOT_ALLOWED = "kind_not_allowed"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_DATE = "invalid_date"
    IN_FUTURE = "in_future"
    CONFLICT = "conflict"


class RecordRefused(DomainError):
    """A correction breaks the rules for deliveries; `code` is one of Refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__("the corrected record would be refused")
        self.code = refusal.value


class DeliveredRecord(NamedTuple):
    """A record as a source sends it: kind and civil day are text that nobody has checked."""

    record_id: str
    account: str
    kind: str
    quantity: int
    occurred_on: str


class DeliveryResult(NamedTuple):
    """The outcome for one record: accepted, duplicate, or refused with a code."""

    record_id: str
    status: Literal["accepted", "duplicate", "refused"]
    code: Refusal | None = None


@dataclass(frozen=True, slots=True)
class RecordCorrection:
    """New values of a record: quantity, civil day as text; None: no change."""

    quantity: int | None
    occurred_on: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """The side that decided a change of a record, and the code of its reason; the person reads both in words."""

    decided_by: DecidedBy
    reason_code: str


BY_OFFICER = Cause(DecidedBy.OFFICER, OBJECTION_UPHELD)


class _Valid(NamedTuple):
    position: int
    delivery: DeliveredRecord
    account_index: str


class _Admitted(NamedTuple):
    position: int
    delivery: DeliveredRecord
    person_id: str
    record_index: str


async def deliver(
    keyring: Keyring,
    source_id: str,
    kinds: frozenset[str],
    deliveries: Sequence[DeliveredRecord],
    today: date,
    at: datetime,
) -> list[DeliveryResult]:
    """Store up to BATCH_MAX records in the caller's transaction; return one result each, in order.

    `kinds` are those the source may deliver, `today` is the city's civil day. Locks the persons' rows and raises their
    epochs. A record that was accepted before is a duplicate and changes nothing.

    Raises:
        RETRYABLE_ERRORS: another transaction stored one of the records first.
    """
    if len(deliveries) > BATCH_MAX:
        raise ValueError(f"at most {BATCH_MAX} deliveries at once")
    answers: list[DeliveryResult | None] = [None] * len(deliveries)
    valid: list[_Valid] = []
    indexes: dict[str, str] = {}
    for position, delivery in enumerate(deliveries):
        refusal = shape_refusal(delivery, kinds, today)
        if refusal:
            answers[position] = DeliveryResult(delivery.record_id, "refused", refusal)
            continue
        index = indexes.get(delivery.account)
        if index is None:
            index = indexes[delivery.account] = blind_index(keyring, IndexUse.ACCOUNT, source_id, delivery.account)
        valid.append(_Valid(position, delivery, index))
    owners, shown = await _authorised(source_id, set(indexes.values()), at)
    agreed = await _kinds_agreed(source_id, set(shown.values()))
    admitted, index_of = [], source_ids.index_of(keyring, source_id)
    for position, delivery, index in valid:
        if index not in owners:
            answers[position] = DeliveryResult(delivery.record_id, "refused", Refusal.NOT_AUTHORISED)
        elif delivery.kind not in agreed[shown[index]]:
            answers[position] = DeliveryResult(delivery.record_id, "refused", Refusal.KIND_NOT_ALLOWED)
        else:
            admitted.append(_Admitted(position, delivery, owners[index], index_of(delivery.record_id)))
    stored = await storage.load_content(source_id, {entry.record_index for entry in admitted})
    await storage.store(keyring, source_id, _decide(admitted, stored, answers), at)
    return [answer for answer in answers if answer is not None]


def shape_refusal(delivery: DeliveredRecord, kinds: frozenset[str], today: date) -> Refusal | None:
    """Return the reason to refuse a record of any person, or None; `kinds` are those the source may deliver."""
    if delivery.kind not in kinds:
        return Refusal.KIND_NOT_ALLOWED
    if not 1 <= delivery.quantity <= QUANTITY_MAX:
        return Refusal.INVALID_QUANTITY
    return day_refusal(delivery.occurred_on, today)


@lru_cache(maxsize=4096)
def day_refusal(text: str, today: date) -> Refusal | None:
    """Return the reason to refuse a civil day, or None for `YYYY-MM-DD` from FIRST_DAY to `today`."""
    day = parse_civil_day(text)
    if day is None or day < FIRST_DAY:
        return Refusal.INVALID_DATE
    return Refusal.IN_FUTURE if day > today else None


@lru_cache(maxsize=4096)
def _day_number(text: str) -> int:
    """Return the number `yyyymmdd` of a day that `day_refusal` accepts."""
    return int(text.replace("-", ""))


async def _kinds_agreed(source_id: str, versions: set[int]) -> dict[int, frozenset[str]]:
    """Return the kinds of each version of the source: a consent covers those its notice named, and no others."""
    documents = await lifecycle.get_many(DocumentKind.SOURCES, source_id, versions)
    return {version: frozenset(document.body["kinds"]) for version, document in documents.items()}


async def _authorised(source_id: str, indexes: set[str], at: datetime) -> tuple[dict[str, str], dict[str, int]]:
    """Return (person id by account index, source version by account index) of confirmed links under a live consent.

    The version is the one that the person consented to. Locks those persons' rows, in the order of their ids.
    """
    if not indexes:
        return {}, {}
    by_account = "SELECT account_index, person_id FROM linked_account WHERE source_id = $1 AND " + queries.any_of(
        "account_index", 2
    )
    linked = await queries.fetch_records(by_account, source_id, queries.array_param(indexes))
    owner_ids = {row["person_id"] for row in linked}
    await persons.lock_many(owner_ids)
    # Read again: before the locks a withdrawal may have ended a link. Separate queries instead of a join: on Citus the
    # tables are distributed by different columns.
    linked = await queries.fetch_records(
        by_account, source_id, queries.array_param(row["account_index"] for row in linked)
    )
    live = await queries.fetch_records(
        "SELECT person_id, counterpart_version FROM consent WHERE purpose = 'points.compute' AND counterpart = $1"
        f" AND {live_sql('$2')} AND {queries.any_of('person_id', 3)}",
        source_id,
        queries.to_micros(at),
        queries.array_param(owner_ids),
    )
    shown = {row["person_id"]: row["counterpart_version"] for row in live}
    owners = {row["account_index"]: row["person_id"] for row in linked if row["person_id"] in shown}
    return owners, {account_index: shown[person_id] for account_index, person_id in owners.items()}


def _decide(
    admitted: Sequence[_Admitted], stored: dict[str, Content], answers: list[DeliveryResult | None]
) -> list[NewRecord]:
    """Return the records that are new, each with a new id; the answers of all are written to `answers`."""
    new, ids = [], new_ids(len(admitted))
    for position, delivery, person_id, record_index in admitted:
        content = (person_id, delivery.kind, delivery.quantity, _day_number(delivery.occurred_on))
        known = stored.get(record_index)
        if known is None:
            stored[record_index] = content
            new.append(NewRecord(next(ids), record_index, delivery.record_id, *content))
            answers[position] = DeliveryResult(delivery.record_id, "accepted")
        elif known == content:
            answers[position] = DeliveryResult(delivery.record_id, "duplicate")
        else:
            answers[position] = DeliveryResult(delivery.record_id, "refused", Refusal.CONFLICT)
    return new


async def correct(
    keyring: Keyring,
    named: tuple[str, str],
    correction: RecordCorrection,
    reason: SourceReason,
    today: date,
    at: datetime,
) -> None:
    """Replace a record's quantity or civil day as its source, and tell the person. `today` is the city's civil day.

    `named` is (source id, the source's record id). Runs in the caller's transaction; locks the person's row, raises
    their epoch and writes `record.corrected`.

    Raises:
        NotFound: no such record, or no live consent covers it.
        RecordRefused: the new day breaks the rules for deliveries.
        RestoredByOfficer: an officer has restored the record and this would lower it.
    """
    person, record = await _require_covered_record(keyring, *named, at)
    await _replace(person, record, correction, Cause(DecidedBy.SOURCE, reason), today, at)


async def retract(keyring: Keyring, source_id: str, source_record_id: str, reason: SourceReason, at: datetime) -> None:
    """Delete a record as its source, and tell the person; NotFound and RestoredByOfficer as `correct`.

    Its key stays, so that a repeated delivery does not bring it back. Writes `record.retracted`.
    """
    person, record = await _require_covered_record(keyring, source_id, source_record_id, at)
    await restoration.require_not_restored(person, record.record_id)
    await _retract(person, record, Cause(DecidedBy.SOURCE, reason), at)


async def apply_decision(
    keyring: Keyring,
    person: Person,
    record: StoredRecord,
    correction: RecordCorrection | None,
    today: date,
    at: datetime,
) -> None:
    """Correct the record of an upheld objection, or delete it without a correction, and tell its source.

    Runs in the transaction of the decision with the person's row locked.
    """
    source_record_id = source_ids.open_id(person, record.record_id, record.sealed_source_record_id)
    named = SourceRecord(record.source_id, source_record_id)
    if correction is None:
        await _retract(person, record, BY_OFFICER, at)
        await officer_corrections.add_retracted(keyring, named, at)
    else:
        quantity, day = await _replace(person, record, correction, BY_OFFICER, today, at)
        await officer_corrections.add_corrected(keyring, named, quantity, day, at)


async def _require_covered_record(
    keyring: Keyring, source_id: str, source_record_id: str, at: datetime
) -> tuple[Person, StoredRecord]:
    """Return a source's record and its person, locked; NotFound unless a live consent covers it."""
    record_index = source_ids.index_of(keyring, source_id)(source_record_id)
    key = await RecordKey.get_or_none(source_id=source_id, source_record_index=record_index)
    if key is None:
        raise NotFound("there is no such record")
    person = await persons.lock(keyring, key.person_id)
    record = await StoredRecord.get_or_none(person_id=person.person_id, record_id=key.record_id)
    if record is None or not await gate.covered(person.person_id, Purpose.POINTS_COMPUTE, source_id, at):
        raise NotFound("there is no such record")
    return person, record


async def _replace(
    person: Person, record: StoredRecord, correction: RecordCorrection, cause: Cause, today: date, at: datetime
) -> tuple[int, int]:
    """Store a record's new values with their event and message; return quantity and day number as they are now."""
    quantity, day = record.quantity, record.occurred_on
    if correction.occurred_on is not None:
        if refusal := day_refusal(correction.occurred_on, today):
            raise RecordRefused(refusal)
        day = _day_number(correction.occurred_on)
    if correction.quantity is not None:
        quantity = correction.quantity
    object_until = None
    if quantity < record.quantity or day != record.occurred_on:
        if cause.decided_by is DecidedBy.SOURCE:
            await restoration.require_not_restored(person, record.record_id)
        object_until = await restoration.copy_before(person, record, RecordChange.CORRECTED, cause.decided_by, at)
    await StoredRecord.filter(person_id=person.person_id, record_id=record.record_id).update(
        quantity=quantity, occurred_on=day
    )
    facts: dict[str, str | int | None] = {
        "source_id": record.source_id,
        "record_id": record.record_id,
        "kind": record.kind,
        "decided_by": cause.decided_by,
        "reason_code": cause.reason_code,
        "quantity_before": record.quantity,
        "quantity": quantity,
        "occurred_on_before": queries.from_day_number(record.occurred_on).isoformat(),
        "occurred_on": queries.from_day_number(day).isoformat(),
        "object_until": object_until.isoformat() if object_until else None,
    }
    await persons.raise_epoch(person.person_id)
    await ledger.append(person, "record.corrected", facts, at)
    await messages.add(person, MessageKind.RECORD_CORRECTED, facts, at)
    return quantity, day


async def _retract(person: Person, record: StoredRecord, cause: Cause, at: datetime) -> None:
    object_until = await restoration.copy_before(person, record, RecordChange.RETRACTED, cause.decided_by, at)
    await StoredRecord.filter(person_id=person.person_id, record_id=record.record_id).delete()
    source_record_id = source_ids.open_id(person, record.record_id, record.sealed_source_record_id)
    await RecordKey.filter(person_id=person.person_id, source_id=record.source_id, record_id=record.record_id).update(
        sealed_source_record_id=source_ids.seal_retracted(person, record.record_id, source_record_id)
    )
    facts: dict[str, str | int | None] = {
        "source_id": record.source_id,
        "record_id": record.record_id,
        "kind": record.kind,
        "decided_by": cause.decided_by,
        "reason_code": cause.reason_code,
        "quantity": record.quantity,
        "occurred_on": queries.from_day_number(record.occurred_on).isoformat(),
        "object_until": object_until.isoformat(),
    }
    await persons.raise_epoch(person.person_id)
    await ledger.append(person, "record.retracted", facts, at)
    await messages.add(person, MessageKind.RECORD_RETRACTED, facts, at)
