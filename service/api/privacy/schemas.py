"""What privacy officers send and receive: counts, days instead of times, pseudonyms instead of persons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.purposes import Purpose
from consent.oversight.officers import SAMPLE_MAX
from service.api.admin.schemas import Difference
from service.api.common_schemas import Document, DocumentId, Id, Localized
from service.http.json_io import ApiModel

State = Literal["given", "refused", "withdrawn", "expired", "terminated"]
Words = Annotated[str, Field(min_length=1, max_length=2000)]


class CaseBody(ApiModel):
    """Why somebody looks."""

    reason_code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    text: Words


class CaseAnswer(ApiModel):
    """The case that every look names."""

    case_id: str


class CaseRow(ApiModel):
    """A case of the officer's own, with the reason it was opened for."""

    case_id: str
    reason_code: str
    text: str
    opened_on: str


class Cases(ApiModel):
    """The officer's own cases, newest first."""

    data: list[CaseRow]
    next_cursor: str | None


class CountRow(ApiModel):
    """Consents of one day and state; `count` is rounded to tens, null where it is too small to say."""

    day: str
    state: str
    count: int | None


class Counts(ApiModel):
    """Consents by day."""

    data: list[CountRow]


class SampleBody(ApiModel):
    """A random sample, by the same filters as the counts."""

    case: Id
    size: Annotated[int, Field(ge=1, le=SAMPLE_MAX)]
    purpose: Purpose | None = None
    source_id: DocumentId | None = None
    provider_id: DocumentId | None = None
    notice_version: Annotated[int, Field(ge=1)] | None = None
    state: State | None = None


class ConsentRow(ApiModel):
    """A consent without its person; days instead of times."""

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
    """Consents at random; empty when too few fit."""

    data: list[ConsentRow]


class EventRow(ApiModel):
    """An event about a consent and where it stands in the log."""

    kind: str
    day: str
    leaf_hash: str
    proof: str | None = None


class ConsentUnderCase(ConsentRow):
    """One consent with its events, notice and proofs."""

    counterpart_name: Localized | None = None
    notice: Document
    events: list[EventRow]


class ReviewRow(ApiModel):
    """Something that waits for an officer."""

    review_id: str
    kind: str
    about: str
    opened_on: str
    name: Localized | None = None


class Reviews(ApiModel):
    """What waits, oldest first."""

    data: list[ReviewRow]


class ReviewFinding(ApiModel):
    """What the gate says about one field."""

    code: str
    rule: str
    pointer: str
    severity: str
    detail: str


class ReviewAnswer(ReviewRow):
    """A review with what it is about: the document whole, with its hash, and what it changes of what was in force.

    While it waits, with what the gate says of it now; once it is decided, with the decision.
    """

    state: Literal["open", "decided"]
    version: int | None = None
    sha256: str | None = None
    document: Document | None = None
    since_version: int | None = None
    differences: list[Difference] | None = None
    findings: list[ReviewFinding]
    decision: Literal["approve", "refuse"] | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_on: str | None = None


class DecisionBody(ApiModel):
    """A decision with its reason."""

    decision: Literal["approve", "refuse"]
    reason: Words


class ReviewDecided(ApiModel):
    """The review is closed."""

    review_id: str
    decision: str


class ObjectionUnderReview(ApiModel):
    """An open objection with both sides, its record and its deadlines; not whose it is."""

    objection_id: str
    state: str
    source_id: str | None = None
    reason_code: str
    opened_on: str
    acknowledge_by: str
    decide_by: str
    acknowledged: bool
    overdue: bool
    record: Document | None = None
    statement: str
    source_statement: str | None = None


class ObjectionWithStatements(ObjectionUnderReview):
    """One objection, open or decided; `decision` is the reason that was given in writing."""

    decided_on: str | None = None
    decision: str | None = None


class Objections(ApiModel):
    """Open objections, the most urgent first."""

    data: list[ObjectionUnderReview]
    next_cursor: str | None


class ObjectionCorrection(ApiModel):
    """What the record should say."""

    quantity: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    occurred_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


class ObjectionDecision(ApiModel):
    """Upheld or rejected, with reasons in writing."""

    decision: Literal["upheld", "rejected"]
    reason: Words
    correction: ObjectionCorrection | None = None


class ObjectionDecided(ApiModel):
    """What became of an objection."""

    objection_id: str
    state: str


class AttemptRow(ApiModel):
    """Something that was tried and refused: `what` is the operation, `document` the one it was about, as kind/id."""

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


class PropagationRow(ApiModel):
    """An ended link or a correction that its source has not dealt with."""

    kind: Literal["ended_link", "correction"]
    id: str
    source_id: str
    ended_on: str
    due_on: str
    overdue: bool


class Propagations(ApiModel):
    """Unacknowledged propagation, oldest first."""

    data: list[PropagationRow]
    next_cursor: str | None


class LogReport(ApiModel):
    """A log and how much of it was checked."""

    name: str
    size: int
    checked: int


class FirstFault(ApiModel):
    """The first thing that does not fit."""

    where: str
    number: int
    what: str


class Verification(ApiModel):
    """Whether the logs and every person's chain hold."""

    ok: bool
    verified_at: str
    logs: list[LogReport]
    first_fault: FirstFault | None


class StatisticRow(ApiModel):
    """Objections of a source by reason and state; rounded, null where too small to say."""

    source_id: str
    reason_code: str
    state: str
    count: int | None


class Statistics(ApiModel):
    """Objections, for analysis."""

    data: list[StatisticRow]


class Register(ApiModel):
    """The record of processing: every table, its fields, why, how long and by which job it goes."""

    data: list[Document]


class AuditRow(ApiModel):
    """One question the service asks itself, and how many rows answer it badly."""

    check: str
    found: int
    ok: bool


class SelfAudit(ApiModel):
    """The self-audit."""

    as_of: str
    data: list[AuditRow]
    ok: bool
