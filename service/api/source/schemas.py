"""What data sources send and receive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.api.common_schemas import Account
from service.http.json_io import ApiModel


class ConfirmBody(ApiModel):
    """The code that the account's holder typed into the source's own app."""

    code: Annotated[str, Field(min_length=1, max_length=32)]
    account: Account


class ConfirmAnswer(ApiModel):
    """The link stands."""

    link_id: str
    state: Literal["confirmed"] = "confirmed"


class LinkRow(ApiModel):
    """A link of this source."""

    link_id: str
    account: str
    state: str
    since: str


class LinkList(ApiModel):
    """A page of links, oldest first."""

    data: list[LinkRow]
    next_cursor: str | None


class Acknowledged(ApiModel):
    """The ended link has been dealt with."""

    link_id: str
    state: Literal["acknowledged"] = "acknowledged"


class RecordBody(ApiModel):
    """One deed. Its kind, day and quantity are judged row by row, so that one bad row spoils no other."""

    record_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    account: Account
    kind: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: int
    occurred_on: Annotated[str, Field(min_length=1, max_length=32)]


class RecordsBody(ApiModel):
    """Up to a thousand deeds."""

    records: Annotated[list[RecordBody], Field(min_length=1, max_length=1000)]


class RecordResult(ApiModel):
    """What became of one deed; `line` counts a stream's lines from 1 and is there for those that were no deed.

    A stream that ends early says so in its last line: of the code `suspended`, nothing from `line` on was taken.
    """

    record_id: str | None
    status: Literal["accepted", "duplicate", "refused"]
    code: str | None = None
    line: int | None = None


class RecordsAnswer(ApiModel):
    """What became of a delivery, in the order sent."""

    accepted: int
    duplicates: int
    refused: int
    results: list[RecordResult]


class CorrectionBody(ApiModel):
    """What a record should have said."""

    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    occurred_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class RetractionBody(ApiModel):
    """Why a record is taken back."""

    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class CorrectionRow(ApiModel):
    """What an officer's decision changed in a record of mine; without quantity and day it was taken back."""

    correction_id: str
    record_id: str
    outcome: Literal["corrected", "retracted"]
    quantity: int | None = None
    occurred_on: str | None = None
    since: str


class CorrectionList(ApiModel):
    """A page of corrections not yet acknowledged, oldest first."""

    data: list[CorrectionRow]
    next_cursor: str | None


class CorrectionAcknowledged(ApiModel):
    """The source has dealt with a correction."""

    correction_id: str
    acknowledged: Literal[True] = True


class RecordState(ApiModel):
    """A record after its correction or retraction."""

    record_id: str
    state: Literal["corrected", "retracted"]


class SourceObjection(ApiModel):
    """An open objection: which record or account it is about, and what kind of fault; not the person's words."""

    objection_id: str
    record_id: str | None = None
    account: str
    reason_code: str
    opened_on: str
    decide_by: str
    stated: bool


class SourceObjections(ApiModel):
    """A page of open objections, oldest first."""

    data: list[SourceObjection]
    next_cursor: str | None


class StatementBody(ApiModel):
    """The source's side."""

    statement: Annotated[str, Field(min_length=1, max_length=2000)]


class StatementAnswer(ApiModel):
    """The source was heard."""

    objection_id: str
    state: Literal["stated"] = "stated"
