"""Request and answer schemas of a resident's records and objections."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consent.domain.objections import Reason
from service.api.common_schemas import ClaimedValues, DocumentId, Id, Localized
from service.http.json_io import ApiModel


class ObjectionBody(ApiModel):
    """The reason why a record, or its retraction, is wrong, and the right values as far as the person names them."""

    reason_code: Reason
    statement: Annotated[str, Field(min_length=1, max_length=2000)]
    claim: ClaimedValues | None = None


class MissingObjectionBody(ObjectionBody):
    """The source at which a record is missing, the reason, and the record with what is known of it."""

    source_id: DocumentId


class RecordAnswer(ApiModel):
    """A record about the person; `record_id` is the service's own id, `source_record_id` the source's."""

    record_id: str
    source_record_id: str
    source_id: str
    kind: str
    quantity: int
    occurred_on: str
    received_at: str


class OneRecord(ApiModel):
    """One record: its points today, or null when it was retracted and can still be objected to."""

    record_id: str
    source_id: str
    name: Localized | None = None
    kind: str
    quantity: int
    occurred_on: str
    points: int | None = None
    retracted: bool


class RecordList(ApiModel):
    """A page of records."""

    data: list[RecordAnswer]
    next_cursor: str | None


class RetractedRecord(ApiModel):
    """A record that no longer counts; an objection to its retraction is possible until `object_until`."""

    record_id: str
    source_record_id: str
    source_id: str
    kind: str
    quantity: int
    occurred_on: str
    retracted_at: str
    decided_by: str
    object_until: str


class RetractedRecords(ApiModel):
    """A page of retracted records, newest retraction first."""

    data: list[RetractedRecord]
    next_cursor: str | None


class ObjectedRecord(ApiModel):
    """The record of an objection: its present values, or those at its retraction."""

    kind: str
    quantity: int
    occurred_on: str


class ObjectionAnswer(ApiModel):
    """An objection of the person, with their statement and the written decision."""

    objection_id: Id
    state: str
    decide_by: str
    record_id: str | None = None
    source_id: str | None = None
    reason_code: str
    name: Localized | None = None
    """The name of the source; the last one where it is no longer in force."""
    record: ObjectedRecord | None = None
    statement: str
    opened_at: str
    acknowledged_at: str | None = None
    decided_at: str | None = None
    decision: str | None = None
    """The officer's written reason."""
    claim: ClaimedValues | None = None
    answer_by: str | None = None
    """The last day for the source that was asked for the missing record."""
    answer: str | None = None
    """The reason of the source where it has no record."""


class ObjectionList(ApiModel):
    """A page of objections."""

    data: list[ObjectionAnswer]
    next_cursor: str | None
