"""Request and answer schemas of data sources."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.objections import NoRecordReason
from service.api.common_schemas import Account, ClaimedValues
from service.http.json_io import ApiModel


class ConfirmBody(ApiModel):
    """The code that the account's holder typed into the source's own app."""

    code: Annotated[str, Field(min_length=1, max_length=32)]
    account: Account


class ConfirmAnswer(ApiModel):
    """A confirmed link."""

    link_id: str
    state: Literal["confirmed"] = "confirmed"


class LinkRow(ApiModel):
    """A link between a resident and an account at this source; `since` is the time of its state.

    Of an ended link it is the beginning of the civil day, in UTC, and `ended_on` that day.
    """

    link_id: str
    account: str
    state: str
    since: str
    ended_on: str | None = None


class LinkList(ApiModel):
    """A page of links: confirmed ones oldest first, ended ones in no order that tells when they ended."""

    data: list[LinkRow]
    next_cursor: str | None


class Acknowledged(ApiModel):
    """The acknowledgement of an ended link."""

    link_id: str
    state: Literal["acknowledged"] = "acknowledged"


class RecordBody(ApiModel):
    """One record. Its kind, day and quantity are checked for each record, so that a bad one refuses no other."""

    record_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    account: Account
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: int
    occurred_on: Annotated[str, Field(min_length=1, max_length=32)]


class RecordsBody(ApiModel):
    """A delivery of up to 1,000 records."""

    records: Annotated[list[RecordBody], Field(min_length=1, max_length=1000)]


class RecordResult(ApiModel):
    """The result of one record. `line`, counted from 1, names a line of a stream that was no valid record.

    If a source is suspended during a stream, the last result has the code `suspended`: no record from `line` on was
    stored.
    """

    record_id: str | None
    status: Literal["accepted", "duplicate", "refused"]
    code: str | None = None
    line: int | None = None


class RecordsAnswer(ApiModel):
    """The results of a delivery in the order sent, with their counts."""

    accepted: int
    duplicates: int
    refused: int
    results: list[RecordResult]


class CorrectionBody(ApiModel):
    """The correct quantity or day of a record, with a reason."""

    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    occurred_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class RetractionBody(ApiModel):
    """The reason for retracting a record."""

    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class CorrectionRow(ApiModel):
    """A correction by an officer's decision; a retracted record has neither quantity nor day."""

    correction_id: str
    record_id: str
    outcome: Literal["corrected", "retracted", "restored"]
    quantity: int | None = None
    occurred_on: str | None = None
    since: str


class CorrectionList(ApiModel):
    """A page of corrections that the source has not acknowledged, oldest first."""

    data: list[CorrectionRow]
    next_cursor: str | None


class CorrectionAcknowledged(ApiModel):
    """The acknowledgement of a correction."""

    correction_id: str
    acknowledged: Literal[True] = True


class RecordState(ApiModel):
    """The state of a record after its correction or retraction."""

    record_id: str
    state: Literal["corrected", "retracted"]


class SourceObjection(ApiModel):
    """An objection: its record or account, its reason code and the values claimed, without the resident's statement.

    `asked` is a task: deliver the missing record until `answer_by`, or answer that there is none.
    """

    objection_id: str
    state: Literal["open", "asked"]
    record_id: str | None = None
    account: str
    reason_code: str
    opened_on: str
    decide_by: str
    answer_by: str | None = None
    claim: ClaimedValues | None = None
    stated: bool


class SourceObjections(ApiModel):
    """A page of objections that are open or ask for a record, oldest first."""

    data: list[SourceObjection]
    next_cursor: str | None


class StatementBody(ApiModel):
    """The source's statement about an objection."""

    statement: Annotated[str, Field(min_length=1, max_length=2000)]


class StatementAnswer(ApiModel):
    """The objection whose statement was stored."""

    objection_id: str
    state: Literal["stated"] = "stated"


class NoRecordBody(ApiModel):
    """The answer that there is no record to deliver, with its reason."""

    reason_code: Annotated[NoRecordReason, Field(strict=False)]


class NoRecordAnswer(ApiModel):
    """The objection that was answered without a record."""

    objection_id: str
    state: Literal["no_record"] = "no_record"
