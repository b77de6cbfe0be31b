"""Request and answer schemas of objections before a privacy officer, and of restored records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.records import QUANTITY_MAX
from service.api.common_schemas import (
    CivilDayText,
    Claimed,
    Day,
    FreeText,
    Id,
    Localized,
    NextCursor,
    ObjectionId,
    ObjectionReasonName,
    ObjectionStateName,
    RecordId,
    RecordKindName,
    SourceRecordId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import text


class ReviewedRecord(ApiModel):
    """The record of an objection as stored now; a retracted one as it was before."""

    record_id: SourceRecordId | None = None
    kind: RecordKindName
    quantity: int
    """The quantity, in the kind's unit."""
    occurred_on: CivilDayText
    """The civil day of the deed."""
    retracted: int | None = None
    """1 for a retracted record."""


class ObjectionUnderReview(ApiModel):
    """An objection with both sides' statements, its record and its deadlines, without its person."""

    objection_id: ObjectionId
    state: ObjectionStateName
    source_id: str | None = None
    """The id of the source in the catalogue."""
    record_id: str | None = None
    """The service's own id of the record, which a restoration names."""
    reason_code: ObjectionReasonName
    opened_on: CivilDayText
    """The civil day of the objection."""
    acknowledge_by: CivilDayText
    """The last day for an acknowledgement."""
    decide_by: CivilDayText
    """The last day for a decision."""
    answer_by: CivilDayText | None = None
    """The last day for the source that was asked for a missing record."""
    answer: str | None = None
    """The reason of the source where it has no record."""
    acknowledged: bool
    """True where an officer has acknowledged it."""
    overdue: bool
    """True where a deadline has passed."""
    record: ReviewedRecord | None = None
    """The record as stored now; with `"retracted": 1` as it was before it was retracted."""
    claim: Claimed | None = None
    """The values that the person named."""
    statement: str
    """The person's words."""
    source_statement: str | None = None
    """The source's words."""


class ObjectionWithStatements(ObjectionUnderReview):
    """One objection, open or decided; `decision` is the officer's written reason."""

    decided_on: CivilDayText | None = None
    """The civil day of the decision."""
    decision: str | None = None
    """The officer's written reason."""


class Objections(ApiModel):
    """Objections that wait for an officer or for their source, the earliest deadline first."""

    data: list[ObjectionUnderReview]
    """Objections, the earliest deadline first."""
    next_cursor: NextCursor


class ObjectionCorrection(ApiModel):
    """The corrected quantity or day of a record."""

    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)] | None = None
    """The corrected quantity, in the kind's unit."""
    occurred_on: Day | None = None
    """The corrected civil day."""


class ObjectionDecision(ApiModel):
    """A decision on an objection with a written reason; only an upheld objection may carry a correction."""

    decision: Literal["upheld", "rejected"]
    """The decision."""
    reason: FreeText
    """The reason, which the person reads."""
    correction: ObjectionCorrection | None = None
    """The correction of the record, which never lowers points."""


class ObjectionAcknowledged(ApiModel):
    """The acknowledgement of an objection."""

    objection_id: ObjectionId
    state: Literal["acknowledged"] = "acknowledged"
    """Always `acknowledged`; the objection itself is open until it is decided."""


class ObjectionDecided(ApiModel):
    """The new state of an objection."""

    objection_id: ObjectionId
    state: ObjectionStateName


class SourceAnalysisRow(ApiModel):
    """A source's objections of the last 365 days, and the corrections and retractions it decided in the last week.

    `asked` are records it was asked for and has not answered; `repeats` are objections beyond a person's first about
    the same; `mean_days` is the mean time to a decision. `unusual` is true from 10 changes a week and three times the
    source's usual week of the quarter before.
    """

    source_id: str
    """The id of the source in the catalogue."""
    name: Localized | None = None
    """The name of the source."""
    opened: int
    """Objections of the last 365 days."""
    waiting: int
    """Objections that wait for a decision."""
    overdue: int
    """Objections whose deadline has passed."""
    rejected: int
    """Objections that were rejected."""
    upheld: int
    """Objections that were upheld."""
    asked: int
    """Records it was asked for and has not answered."""
    asked_overdue: int
    """Records it was asked for whose deadline has passed."""
    delivered: int
    """Records it delivered after it was asked."""
    no_record: int
    """Requests that it answered without a record."""
    restored: int
    """Records that an officer brought back."""
    repeats: int
    """Objections beyond a person's first about the same."""
    mean_days: int | None
    """The mean time to a decision in days; null without one."""
    taken_back: int
    """Corrections and retractions of the last week."""
    usual: int
    """Corrections and retractions of its usual week."""
    unusual: bool
    """True where the last week was unusual."""


class SourceAnalyses(ApiModel):
    """Sources with objections or changes, the unusual and overdue ones first."""

    data: list[SourceAnalysisRow]
    """Sources, the unusual and overdue ones first."""


class ObjectionMonthRow(ApiModel):
    """The objections that were opened in one month."""

    month: Annotated[str, text("The month, `YYYY-MM`.", examples=["2026-10"])]
    opened: int
    """Objections opened in the month."""
    waiting: int
    """Objections that wait for a decision."""
    rejected: int
    """Objections that were rejected."""
    upheld: int
    """Objections that were upheld."""
    late: int
    """Objections that have missed a deadline."""
    mean_days: int | None
    """The mean time to a decision in days; null without one."""


class ObjectionTrends(ApiModel):
    """The objections of twelve months, of one source or of all."""

    data: list[ObjectionMonthRow]
    """Months, oldest first; the last one is this month."""


class RestorationBody(ApiModel):
    """The case and the reason for which a record is brought back."""

    case: Id | None = None
    """The case; may be `?case=` instead."""
    reason: FreeText | None = None
    """The reason, in your words."""


class Restored(ApiModel):
    """A record that was brought back as it was."""

    record_id: RecordId
    state: Literal["restored"] = "restored"
    """Always `restored`."""
