"""Request and answer schemas of a resident's records and objections."""

from __future__ import annotations

from service.api.common_schemas import (
    CivilDayText,
    Claimed,
    ClaimedValues,
    DocumentId,
    FreeText,
    Instant,
    Localized,
    NextCursor,
    ObjectionId,
    ObjectionReason,
    ObjectionReasonName,
    ObjectionStateName,
    RecordId,
    RecordKindName,
    SourceId,
    SourceRecordId,
)
from service.http.json_io import ApiModel


class ObjectionBody(ApiModel):
    """The reason why a record, or its retraction, is wrong, and the right values as far as the person names them."""

    reason_code: ObjectionReason
    """The kind of error."""
    statement: FreeText
    """The person's words, which the officer reads."""
    claim: ClaimedValues | None = None
    """The right values."""


class MissingObjectionBody(ObjectionBody):
    """The source at which a record is missing, the reason, and the record with what is known of it."""

    source_id: DocumentId
    """The source that should have delivered the record."""


class RecordAnswer(ApiModel):
    """A record about the person; `record_id` is the service's own id, `source_record_id` the source's."""

    record_id: RecordId
    source_record_id: SourceRecordId
    source_id: SourceId
    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""
    received_at: Instant
    """The time at which the source delivered it."""


class OneRecord(ApiModel):
    """One record: its points today, or null when it was retracted and can still be objected to."""

    record_id: RecordId
    source_id: SourceId
    name: Localized | None = None
    """The name of the source; the last one where it is no longer in force."""
    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""
    points: int | None = None
    """The points that it gives today; absent for a retracted one."""
    retracted: bool
    """True where it was retracted and can still be objected to."""


class RecordList(ApiModel):
    """A page of records."""

    data: list[RecordAnswer]
    """Records, the newest day first."""
    next_cursor: NextCursor


class RetractedRecord(ApiModel):
    """A record that no longer counts; an objection to its retraction is possible until `object_until`."""

    record_id: RecordId
    source_record_id: SourceRecordId
    source_id: SourceId
    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""
    retracted_at: Instant
    """The time of the retraction."""
    decided_by: str
    """The deciding side: `source` or `officer`."""
    object_until: CivilDayText
    """The last day for an objection."""


class RetractedRecords(ApiModel):
    """A page of retracted records, newest retraction first."""

    data: list[RetractedRecord]
    """Retracted records, newest retraction first."""
    next_cursor: NextCursor


class ObjectedRecord(ApiModel):
    """The record of an objection: its present values, or those at its retraction."""

    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""


class ObjectionAnswer(ApiModel):
    """An objection of the person, with their statement and the written decision."""

    objection_id: ObjectionId
    state: ObjectionStateName
    decide_by: CivilDayText
    """The last day for a decision."""
    record_id: RecordId | None = None
    source_id: SourceId | None = None
    reason_code: ObjectionReasonName
    name: Localized | None = None
    """The name of the source; the last one where it is no longer in force."""
    record: ObjectedRecord | None = None
    """The record that the objection is about."""
    statement: str
    """The person's words."""
    opened_at: Instant
    """The time of the objection."""
    acknowledged_at: Instant | None = None
    """The time at which an officer acknowledged it."""
    decided_at: Instant | None = None
    """The time of the decision."""
    decision: str | None = None
    """The officer's written reason."""
    claim: Claimed | None = None
    """The right values, as far as the person named them."""
    answer_by: CivilDayText | None = None
    """The last day for the source that was asked for the missing record."""
    answer: str | None = None
    """The reason of the source where it has no record."""


class ObjectionList(ApiModel):
    """A page of objections."""

    data: list[ObjectionAnswer]
    """Objections, newest first."""
    next_cursor: NextCursor
