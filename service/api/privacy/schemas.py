"""Request and answer schemas of privacy officers: counts, days instead of times, pseudonyms instead of persons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.purposes import Purpose
from consent.oversight.samples import SAMPLE_MAX
from service.api.common_schemas import ClaimedValues, Document, DocumentId, Id, Localized
from service.http.json_io import ApiModel

State = Literal["given", "refused", "withdrawn", "expired", "terminated"]
Reason = Annotated[str, Field(min_length=1, max_length=2000)]


class CaseBody(ApiModel):
    """The reason for reading consents: a code and a text."""

    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    text: Reason


class CaseAnswer(ApiModel):
    """The id of a case, which every later read of consents names."""

    case_id: str


class CaseRow(ApiModel):
    """One of the officer's own cases, with its reason."""

    case_id: str
    reason_code: str
    text: str
    opened_on: str


class Cases(ApiModel):
    """The officer's own cases, newest first."""

    data: list[CaseRow]
    next_cursor: str | None


class CountRow(ApiModel):
    """Consents given on one day, by state; `count` has noise and is rounded to tens."""

    day: str
    state: str
    count: int | None


class Counts(ApiModel):
    """Consents by state (null when too small to publish), and the days and states that stand out from the noise.

    All empty, with `too_few_people`, where fewer than 200 people have a consent.
    """

    data: list[CountRow]
    by_state: dict[str, int | None]
    give_or_take: int
    """The distance from the truth that nineteen of twenty such counts stay within."""
    too_few_people: bool


class SampleBody(ApiModel):
    """The size of a random sample and its filters, which are those of the counts."""

    case: Id
    size: Annotated[int, Field(ge=1, le=SAMPLE_MAX)]
    purpose: Purpose | None = None
    source_id: DocumentId | None = None
    provider_id: DocumentId | None = None
    notice_version: Annotated[int, Field(ge=1)] | None = None
    state: State | None = None


class ConsentRow(ApiModel):
    """A consent without its person, with days instead of times."""

    consent_id: str
    purpose: str
    counterpart: str
    state: str
    notice_id: str
    notice_version: int
    given_on: str
    expires_on: str
    ended_on: str | None = None


class Sample(ApiModel):
    """Random consents out of the tenth that this quarter's samples are drawn from."""

    data: list[ConsentRow]


class EventRow(ApiModel):
    """An event about a consent, with its leaf hash and its proof of inclusion in the consent log."""

    kind: str
    day: str
    leaf_hash: str
    proof: str | None = None


class ConsentUnderCase(ConsentRow):
    """One consent with its events, notice and proofs."""

    counterpart_name: Localized | None = None
    notice: Document
    events: list[EventRow]


class ObjectionUnderReview(ApiModel):
    """An objection with both sides' statements, its record and its deadlines, without its person."""

    objection_id: str
    state: str
    source_id: str | None = None
    record_id: str | None = None
    """The service's own id of the record, which a restoration names."""
    reason_code: str
    opened_on: str
    acknowledge_by: str
    decide_by: str
    answer_by: str | None = None
    """The last day for the source that was asked for a missing record."""
    answer: str | None = None
    """The reason of the source where it has no record."""
    acknowledged: bool
    overdue: bool
    record: Document | None = None
    """The record as stored now; with `"retracted": 1` as it was before it was retracted."""
    claim: ClaimedValues | None = None
    statement: str
    source_statement: str | None = None


class ObjectionWithStatements(ObjectionUnderReview):
    """One objection, open or decided; `decision` is the officer's written reason."""

    decided_on: str | None = None
    decision: str | None = None


class Objections(ApiModel):
    """Objections that wait for an officer or for their source, the earliest deadline first."""

    data: list[ObjectionUnderReview]
    next_cursor: str | None


class ObjectionCorrection(ApiModel):
    """The corrected quantity or day of a record."""

    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    occurred_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


class ObjectionDecision(ApiModel):
    """A decision on an objection with a written reason; only an upheld objection may carry a correction."""

    decision: Literal["upheld", "rejected"]
    reason: Reason
    correction: ObjectionCorrection | None = None


class ObjectionDecided(ApiModel):
    """The new state of an objection."""

    objection_id: str
    state: str


class SourceAnalysisRow(ApiModel):
    """A source's objections of the last 365 days, and the corrections and retractions it decided in the last week.

    `asked` are records it was asked for and has not answered; `repeats` are objections beyond a person's first about
    the same; `mean_days` is the mean time to a decision. `unusual` is true from 10 changes a week and three times the
    source's usual week of the quarter before.
    """

    source_id: str
    name: Localized | None = None
    opened: int
    waiting: int
    overdue: int
    rejected: int
    upheld: int
    asked: int
    asked_overdue: int
    delivered: int
    no_record: int
    restored: int
    repeats: int
    mean_days: int | None
    taken_back: int
    usual: int
    unusual: bool


class SourceAnalyses(ApiModel):
    """Sources with objections or changes, the unusual and overdue ones first."""

    data: list[SourceAnalysisRow]


class RestorationBody(ApiModel):
    """The case and the reason for which a record is brought back."""

    case: Id | None = None
    reason: Reason | None = None


class Restored(ApiModel):
    """A record that was brought back as it was."""

    record_id: str
    state: Literal["restored"] = "restored"


class AttemptRow(ApiModel):
    """A refused attempt: `what` is the operation, `document` the document it named, as kind/id."""

    attempt_id: str
    day: str
    door: str
    actor: str
    code: str
    what: str
    document: str | None = None


class Attempts(ApiModel):
    """Refused attempts, newest first."""

    data: list[AttemptRow]
    next_cursor: str | None


class DraftRefusalRow(ApiModel):
    """The refusals of one rule that a member of staff met on a day in drafts and previews, by finding code."""

    day: str
    staff_id: str
    rule: str
    code: str
    refusals: int


class DraftRefusals(ApiModel):
    """Refusals in drafts and previews of the last quarter, newest day first."""

    data: list[DraftRefusalRow]


class PropagationRow(ApiModel):
    """An ended link or a correction that its source has not acknowledged, or a record that it was asked for."""

    kind: Literal["ended_link", "correction", "asked_record"]
    id: str
    source_id: str
    ended_on: str
    due_on: str
    overdue: bool


class Propagations(ApiModel):
    """Ended links, corrections and requests for records that wait for their source, oldest first."""

    data: list[PropagationRow]
    next_cursor: str | None


class LogReport(ApiModel):
    """A log, its size in leaves and the count of leaves that were checked."""

    name: str
    size: int
    checked: int


class FirstFault(ApiModel):
    """The first fault of a verification: the log or chain, the number in it, and a description."""

    where: str
    number: int
    what: str


class Verification(ApiModel):
    """The result of recomputing both logs and every person's chain."""

    ok: bool
    verified_at: str
    logs: list[LogReport]
    first_fault: FirstFault | None


class StatisticRow(ApiModel):
    """Objections of a source by reason and state, with noise and rounded to tens; `source_id` is empty without one."""

    source_id: str
    reason_code: str
    state: str
    count: int | None


class Statistics(ApiModel):
    """Objections by source, reason and state, as released this week; cells too small to publish are left out."""

    data: list[StatisticRow]
    give_or_take: int | None = None
    """The distance from the truth that nineteen of twenty such counts stay within."""
    too_few_people: bool = False


class Register(ApiModel):
    """The record of processing activities: each table's fields, purpose, retention and deleting job."""

    data: list[Document]


class AuditRow(ApiModel):
    """One check of the self-audit; `found` counts the rows that violate it."""

    check: str
    found: int
    ok: bool


class SelfAudit(ApiModel):
    """The self-audit: `ok` is true when no row violates any check."""

    as_of: str
    data: list[AuditRow]
    ok: bool
