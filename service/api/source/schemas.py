"""Request and answer schemas of data sources."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.objections import NoRecordReason
from consent.domain.records import QUANTITY_MAX
from service.api.common_schemas import (
    Account,
    CivilDayText,
    Claimed,
    Day,
    FreeText,
    Id,
    Instant,
    LinkId,
    NextCursor,
    ObjectionId,
    ObjectionReasonName,
    ReasonCode,
    SourceRecordId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import one_of, text

CorrectionId = Annotated[str, text("The id of the correction.")]


class ConfirmBody(ApiModel):
    """The code that the account's holder typed into the source's own app."""

    code: Annotated[str, Field(min_length=1, max_length=32)]
    """The code as it was typed."""
    account: Account
    """The account at this source of the person who typed it."""


class ConfirmAnswer(ApiModel):
    """A confirmed link."""

    link_id: LinkId
    state: Literal["confirmed"] = "confirmed"
    """Always `confirmed`."""


class LinkRow(ApiModel):
    """A link between a resident and an account at this source; `since` is the time of its state.

    Of an ended link it is the beginning of the civil day, in UTC, and `ended_on` that day.
    """

    link_id: LinkId
    account: str
    """The account at this source."""
    state: Annotated[str, one_of("LinkState", "The state of a link.", "confirmed", "ended")]
    since: Instant
    """The time of the state; of an ended link the beginning of its civil day."""
    ended_on: CivilDayText | None = None
    """The civil day on which the link ended."""


class LinkList(ApiModel):
    """A page of links: confirmed ones oldest first, ended ones in no order that tells when they ended."""

    data: list[LinkRow]
    """Links."""
    next_cursor: NextCursor


class Acknowledged(ApiModel):
    """The acknowledgement of an ended link."""

    link_id: LinkId
    state: Literal["acknowledged"] = "acknowledged"
    """Always `acknowledged`."""


class RecordBody(ApiModel):
    """One record. Its kind, day and quantity are checked for each record, so that a bad one refuses no other."""

    record_id: Id
    """Your own id of the record, unique among your records."""
    account: Account
    """The account of a confirmed link."""
    kind: Annotated[str, Field(min_length=1, max_length=64, json_schema_extra={"examples": ["bike_trip"]})]
    """The kind of deed, one of those in your entry of the catalogue; another one refuses this record alone."""
    quantity: int
    """The quantity in the kind's unit, from 1; another one refuses this record alone."""
    occurred_on: Annotated[str, Field(min_length=1, max_length=32, json_schema_extra={"examples": ["2026-10-31"]})]
    """The civil day of the deed, `YYYY-MM-DD`; another text or a future day refuses this record alone."""


class RecordsBody(ApiModel):
    """A delivery of up to 1,000 records."""

    records: Annotated[list[RecordBody], Field(min_length=1, max_length=1000)]
    """The records."""


class RecordResult(ApiModel):
    """The result of one record. `line`, counted from 1, names a line of a stream that was no valid record.

    If a source is suspended during a stream, the last result has the code `suspended`: no record from `line` on was
    stored.
    """

    record_id: SourceRecordId | None
    """Your id of the record; null for a line of a stream without one."""
    status: Literal["accepted", "duplicate", "refused"]
    """The result: `duplicate` was delivered before and is safe."""
    code: str | None = None
    """The reason of a refusal, such as `not_authorised`; codes may be added."""
    line: int | None = None
    """The line of a stream, from 1, that was no valid record."""


class RecordsAnswer(ApiModel):
    """The results of a delivery in the order sent, with their counts."""

    accepted: int
    """The number of new records."""
    duplicates: int
    """The number of records that were delivered before."""
    refused: int
    """The number of refused records."""
    results: list[RecordResult]
    """The result of each record, in the order sent."""


class CorrectionBody(ApiModel):
    """The correct quantity or day of a record, with a reason."""

    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)] | None = None
    """The correct quantity, in the kind's unit."""
    occurred_on: Day | None = None
    """The correct civil day."""
    reason_code: ReasonCode
    """The reason, such as `counted_wrong`; the API guide lists them, another one is read as `other`."""


class RetractionBody(ApiModel):
    """The reason for retracting a record."""

    reason_code: ReasonCode
    """The reason, such as `sent_by_mistake`; the API guide lists them, another one is read as `other`."""


class CorrectionRow(ApiModel):
    """A correction by an officer's decision; a retracted record has neither quantity nor day."""

    correction_id: CorrectionId
    record_id: SourceRecordId
    outcome: Literal["corrected", "retracted", "restored"]
    """The officer's decision."""
    quantity: int | None = None
    """The quantity as decided."""
    occurred_on: CivilDayText | None = None
    """The civil day as decided."""
    since: Instant
    """The time of the decision."""


class CorrectionList(ApiModel):
    """A page of corrections that the source has not acknowledged, oldest first."""

    data: list[CorrectionRow]
    """Corrections, oldest first."""
    next_cursor: NextCursor


class CorrectionAcknowledged(ApiModel):
    """The acknowledgement of a correction."""

    correction_id: CorrectionId
    acknowledged: Literal[True] = True
    """Always true."""


class RecordState(ApiModel):
    """The state of a record after its correction or retraction."""

    record_id: SourceRecordId
    state: Literal["corrected", "retracted"]
    """The new state."""


class SourceObjection(ApiModel):
    """An objection: its record or account, its reason code and the values claimed, without the resident's statement.

    `asked` is a task: deliver the missing record until `answer_by`, or answer that there is none.
    """

    objection_id: ObjectionId
    state: Literal["open", "asked"]
    """`open` waits for an officer, `asked` for you."""
    record_id: SourceRecordId | None = None
    """Your id of the record; absent for a missing one."""
    account: str
    """The account of the person."""
    reason_code: ObjectionReasonName
    opened_on: CivilDayText
    """The civil day of the objection."""
    decide_by: CivilDayText
    """The last day for the officer's decision."""
    answer_by: CivilDayText | None = None
    """The last day for your answer to a request for a record."""
    claim: Claimed | None = None
    """The values that the person named."""
    stated: bool
    """True where you have stated your side."""


class SourceObjections(ApiModel):
    """A page of objections that are open or ask for a record, oldest first."""

    data: list[SourceObjection]
    """Objections, oldest first."""
    next_cursor: NextCursor


class StatementBody(ApiModel):
    """The source's statement about an objection."""

    statement: FreeText
    """Your side, which the officer and the person read."""


class StatementAnswer(ApiModel):
    """The objection whose statement was stored."""

    objection_id: ObjectionId
    state: Literal["stated"] = "stated"
    """Always `stated`."""


class NoRecordBody(ApiModel):
    """The answer that there is no record to deliver, with its reason."""

    reason_code: Annotated[NoRecordReason, Field(strict=False)]
    """The reason, which the person reads."""


class NoRecordAnswer(ApiModel):
    """The objection that was answered without a record."""

    objection_id: ObjectionId
    state: Literal["no_record"] = "no_record"
    """Always `no_record`."""
