"""Request and answer schemas of privacy officers: counts, days instead of times, pseudonyms instead of persons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.purposes import Purpose
from consent.oversight.samples import SAMPLE_MAX
from service.api.common_schemas import (
    CivilDayText,
    ConsentId,
    ConsentState,
    Document,
    DocumentId,
    Id,
    Instant,
    LeafHash,
    Localized,
    NextCursor,
    NoticeId,
    PurposeName,
    StaffId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import reference

State = Literal["given", "refused", "withdrawn", "expired", "terminated"]

OfficersNotice = Annotated[Document, reference("NoticeDocument")]


class CountRow(ApiModel):
    """Consents given on one day, by state; `count` has noise and is rounded to tens."""

    day: CivilDayText
    """The civil day on which the consents were given."""
    state: ConsentState
    count: int | None
    """The consents, in tens; null when too small to publish."""


class Counts(ApiModel):
    """Consents by state (null when too small to publish), and the days and states that stand out from the noise.

    All empty, with `too_few_people`, where fewer than 200 people have a consent.
    """

    data: list[CountRow]
    """The days and states that stand out from the noise."""
    by_state: dict[str, int | None]
    """The consents by state."""
    give_or_take: int
    """The distance from the truth that nineteen of twenty such counts stay within."""
    too_few_people: bool
    """True where fewer than 200 people have a consent: nothing is published then."""


class SampleBody(ApiModel):
    """The size of a random sample and its filters, which are those of the counts."""

    case: Id
    """The case under which you read."""
    size: Annotated[int, Field(ge=1, le=SAMPLE_MAX)]
    """The number of consents, at most a tenth of those that fit."""
    purpose: Purpose | None = None
    """Consents of this purpose."""
    source_id: DocumentId | None = None
    """Consents for this source."""
    provider_id: DocumentId | None = None
    """Consents for this provider."""
    notice_version: Annotated[int, Field(ge=1)] | None = None
    """Consents to this version of the notice."""
    state: State | None = None
    """Consents in this state."""


class ConsentRow(ApiModel):
    """A consent without its person, with days instead of times."""

    consent_id: ConsentId
    purpose: PurposeName
    counterpart: str
    """The source or provider."""
    state: ConsentState
    notice_id: NoticeId
    notice_version: int
    """The version of the notice that was answered."""
    given_on: CivilDayText
    """The civil day of the answer."""
    expires_on: CivilDayText
    """The last civil day of the consent."""
    ended_on: CivilDayText | None = None
    """The civil day on which the consent ended."""


class Sample(ApiModel):
    """Random consents out of the tenth that this quarter's samples are drawn from."""

    data: list[ConsentRow]
    """The consents."""


class EventRow(ApiModel):
    """An event about a consent, with its leaf hash and its proof of inclusion in the consent log."""

    kind: str
    """The kind of event, such as `consent.given`."""
    day: CivilDayText
    """The civil day of the event."""
    leaf_hash: LeafHash
    proof: str | None = None
    """A C2SP tlog-proof, once the leaf is published."""


class ConsentUnderCase(ConsentRow):
    """One consent with its events, notice and proofs."""

    counterpart_name: Localized | None = None
    """The name of the source or provider."""
    notice: OfficersNotice
    events: list[EventRow]
    """The events of the consent, oldest first."""


class AttemptRow(ApiModel):
    """A refused attempt: `what` is the operation, `document` the document it named, as kind/id."""

    attempt_id: str
    """The id of the attempt."""
    day: CivilDayText
    """The civil day of the attempt."""
    door: str
    """The audience whose call was refused."""
    actor: str
    """The client or member of staff; empty for residents."""
    code: str
    """The code of the problem."""
    what: str
    """The operation."""
    document: str | None = None
    """The document that the operation named, as kind/id."""


class Attempts(ApiModel):
    """Refused attempts, newest first."""

    data: list[AttemptRow]
    """Attempts, newest first."""
    next_cursor: NextCursor


class DraftRefusalRow(ApiModel):
    """The refusals of one rule that a member of staff met on a day in drafts and previews, by finding code."""

    day: CivilDayText
    """The civil day."""
    staff_id: StaffId
    rule: str
    """The number of the publication rule."""
    code: str
    """The code of the finding."""
    refusals: int
    """The number of refusals."""


class DraftRefusals(ApiModel):
    """Refusals in drafts and previews of the last quarter, newest day first."""

    data: list[DraftRefusalRow]
    """Refusals, newest day first."""


class PropagationRow(ApiModel):
    """An ended link or a correction that its source has not acknowledged, or a record that it was asked for."""

    kind: Literal["ended_link", "correction", "asked_record"]
    """The kind of task."""
    id: str
    """The id of the link, correction or objection."""
    source_id: str
    """The id of the source in the catalogue."""
    ended_on: CivilDayText
    """The civil day from which it waits."""
    due_on: CivilDayText
    """The last day for its source."""
    overdue: bool
    """True where that day has passed."""


class Propagations(ApiModel):
    """Ended links, corrections and requests for records that wait for their source, oldest first."""

    data: list[PropagationRow]
    """Tasks, oldest first."""
    next_cursor: NextCursor


class LogReport(ApiModel):
    """A log, its size in leaves, and the count of leaves that were checked.

    `lost` counts published leaves of ended epochs that are lost for good, as announced.
    """

    name: str
    """The name of the log."""
    size: int
    """The leaves of the log."""
    checked: int
    """The leaves that were checked."""
    lost: int = 0
    """Published leaves of ended epochs that are lost for good, as announced."""


class FirstFault(ApiModel):
    """The first fault of a verification: the log or chain, the number in it, and a description."""

    where: str
    """The log or chain."""
    number: int
    """The number in it."""
    what: str
    """The fault in words."""


class Verification(ApiModel):
    """The result of recomputing both logs and every person's chain."""

    ok: bool
    """True where there is no fault."""
    verified_at: Instant
    """The time of the verification."""
    logs: list[LogReport]
    """The logs."""
    first_fault: FirstFault | None
    """The first fault; null without one."""


class StatisticRow(ApiModel):
    """Objections of a source by reason and state, with noise and rounded to tens; `source_id` is empty without one."""

    source_id: str
    """The id of the source in the catalogue; empty without one."""
    reason_code: str
    """The reason of the objections."""
    state: str
    """The state of the objections."""
    count: int | None
    """The objections, in tens."""


class Statistics(ApiModel):
    """Objections by source, reason and state, as released this week; cells too small to publish are left out."""

    data: list[StatisticRow]
    """The cells that are large enough."""
    give_or_take: int | None = None
    """The distance from the truth that nineteen of twenty such counts stay within."""
    too_few_people: bool = False
    """True where fewer than 200 people are counted: nothing is published then."""


class RegisterField(ApiModel):
    """A field of a table."""

    name: str
    """The name of the field."""
    protection: str
    """The protection of its values."""


class RegisterRow(ApiModel):
    """A table of the service with its purpose."""

    table: str
    """The name of the table."""
    what: str
    """The rows of the table."""
    purpose: str
    """The purpose of the processing."""
    basis: str
    """The legal basis."""
    retention: Annotated[str, Field(alias="kept")]
    """The time after which rows are deleted."""
    removed_by: str
    """The job or act that deletes them."""
    fields: list[RegisterField]
    """The fields of the table."""


class Register(ApiModel):
    """The record of processing activities: each table's fields, purpose, retention and deleting job."""

    data: list[RegisterRow]
    """The tables, by name."""


class AuditRow(ApiModel):
    """One check of the self-audit; `found` counts the rows that violate it."""

    check: str
    """The check."""
    found: int
    """Rows that violate it."""
    ok: bool
    """True where none does."""


class SelfAudit(ApiModel):
    """The self-audit: `ok` is true when no row violates any check."""

    as_of: str
    """The time of the self-audit."""
    data: list[AuditRow]
    """The checks."""
    ok: bool
    """True when no row violates any check."""
