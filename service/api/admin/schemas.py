"""Request and answer schemas of administrators: documents, findings, versions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, RootModel

from consent.documents.versions import STATES
from service.api.common_schemas import (
    DOCUMENT_SCHEMAS,
    SHA256_PATTERN,
    UNFINISHED,
    CatalogueDocument,
    CatalogueId,
    CivilDayText,
    Day,
    DocumentKindName,
    DocumentState,
    FindingRow,
    Instant,
    Localized,
    NextCursor,
    Pointer,
    Sha256,
    ShortFreeText,
    StaffId,
)
from service.http.json_io import ApiModel, OptionalBody
from service.http.openapi.named import component, one_of

DOCUMENTS_MAX = 2_000
"""Documents of one import. A whole city has some hundreds; each that differs is a row that the transaction writes."""
KINDS_MAX = 20
"""Kinds named in one import. There are eight; of a few more the unknown ones are named."""
Hash = Annotated[str, Field(pattern=SHA256_PATTERN)]


DOCUMENT = component(
    "CatalogueDocument",
    {
        "description": "A catalogue document of one of the eight kinds.",
        "anyOf": [
            *({"$ref": f"#/components/schemas/{name}"} for name in DOCUMENT_SCHEMAS),
            {"type": "object", "title": "UnfinishedDocument", "description": UNFINISHED},
        ],
    },
)


class DocumentBody(RootModel[Annotated[dict[str, Any], DOCUMENT]]):
    """A catalogue document of the kind in the path.

    A draft is stored with its faults: the publication rules check its members and report findings.
    """


StepState = Annotated[
    str,
    one_of(
        "StepState",
        "The state of a version after a step; `resume_requested` while a second person is needed to resume it.",
        *(*STATES, "resume_requested"),
    ),
]


class FindingAnswer(FindingRow):
    """A finding of the publication rules about one member, in the language of the request."""


class DraftAnswer(ApiModel):
    """A stored draft, with the publication rules' findings about it."""

    id: CatalogueId
    version: int
    """The number of the new version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON, which an approver names."""
    findings: list[FindingAnswer]
    """The findings of the publication rules about the draft."""


class Findings(ApiModel):
    """Findings of the publication rules about a document that was not stored."""

    findings: list[FindingAnswer]
    """The findings of the publication rules about the document."""


class VersionAnswer(ApiModel):
    """One version with its document."""

    id: CatalogueId
    version: int
    """The number of the version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON, which an approver names."""
    in_force_from: Instant | None = None
    """The time from which the version is in force."""
    in_force_version: int | None
    """The number of the version in force now, this one or another; null when none is in force."""
    resume_requested: bool | None = None
    """True while one person has requested to resume this suspended version and a second request is missing."""
    package_id: str | None = None
    """The open package that the version waits in."""
    name: Localized | None = None
    """The name or title, where the kind has one."""
    document: CatalogueDocument


class HistoryRow(ApiModel):
    """A version in the history of its document."""

    version: int
    """The number of the version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON."""
    in_force_from: Instant | None = None
    """The time from which the version is in force."""
    document: CatalogueDocument


class History(ApiModel):
    """A page of a document's versions, newest first."""

    data: list[HistoryRow]
    """Versions, newest first."""
    next_cursor: NextCursor


class OtherVersion(ApiModel):
    """An older version that has not ended: submitted, in review, scheduled, in force or suspended."""

    version: int
    """The number of the version."""
    state: DocumentState


class VersionRow(ApiModel):
    """One version in a list, with the document's name and its older versions that have not ended.

    The name is that of the version in force, and that of this version only while none is in force.
    """

    id: CatalogueId
    version: int
    """The number of the newest version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON."""
    name: Localized | None = None
    """The name or title, where the kind has one."""
    in_force_version: int | None = None
    """The number of the version in force, if one is."""
    resume_requested: bool | None = None
    """True while one person has requested to resume this suspended version and a second request is missing."""
    others: list[OtherVersion] | None = None
    """Older versions that have not ended."""


class VersionList(ApiModel):
    """A page of documents in order of id, each with its newest version."""

    data: list[VersionRow]
    """Documents by id."""
    next_cursor: NextCursor


class Difference(ApiModel):
    """A difference of two versions at a JSON pointer; `before` or `after` is absent where the member does not exist."""

    pointer: Pointer
    before: Any = None
    """The value in the older version; absent where the member does not exist there."""
    after: Any = None
    """The value in the newer version; absent where the member does not exist there."""


class Differences(ApiModel):
    """All differences of two versions."""

    data: list[Difference]
    """The differences, in the order of the document."""


class ComparedVersion(ApiModel):
    """The version that a version is compared with; for a new scheme, the scheme of the years before."""

    id: CatalogueId
    version: int
    """The number of the version."""
    state: DocumentState


class Changes(ApiModel):
    """The differences of a version from the version in force, which `beside` names; null when there is none."""

    beside: ComparedVersion | None
    """The version that is compared with."""
    data: list[Difference]
    """The differences, in the order of the document."""


class Dependent(ApiModel):
    """A document in force that depends on another document and ends with it."""

    kind: DocumentKindName
    id: CatalogueId
    name: Localized | None = None
    """The name or title, where the kind has one."""


class Dependents(ApiModel):
    """The documents in force that depend on a document."""

    data: list[Dependent]
    """The documents."""


class SubmittedAnswer(ApiModel):
    """The state of a submitted version, with the publication rules' findings."""

    state: DocumentState
    findings: list[FindingAnswer]
    """The findings of the publication rules about the version."""


class ApproveBody(ApiModel):
    """The SHA-256 of the version that the approver read, in hexadecimal."""

    sha256: Hash
    """The SHA-256 that came with the version you read."""


class SuspendBody(OptionalBody):
    """The reason for suspending or cancelling a version; staff read it in the version's history."""

    reason: ShortFreeText | None = None
    """The reason, in your words."""


class StepRow(ApiModel):
    """An act on a version; `act` is draft, submit, review, send_back, approve, suspend, ask_to_resume, resume, …"""

    act: str
    """The act; acts may be added."""
    staff_id: StaffId
    at: Instant
    """The time of the act."""
    reason: str | None = None
    """The reason that was given."""


class Steps(ApiModel):
    """Every act on a version, oldest first."""

    data: list[StepRow]
    """The acts, oldest first."""


class StateAnswer(ApiModel):
    """The state of a version after a step; `suspended` lists benefits that a worse baseline suspended."""

    state: StepState
    suspended: list[str] | None = None
    """The ids of benefits that a worse baseline suspended."""


class PointsShift(ApiModel):
    """People whose last year would earn more, less or the same under a scheme than under the one before it.

    Counts are in tens; null when too small to publish. `lowers` lists every kind and dimension that could earn less.
    """

    gain: int | None
    """People whose last year would earn more."""
    less: int | None
    """People whose last year would earn less."""
    same: int | None
    """People whose last year would earn the same."""
    lowers: list[str]
    """Kinds and dimensions that could earn less."""


class ImpactAnswer(ApiModel):
    """People to whom a benefit would apply, with noise and in tens; null when too small to publish.

    By the benefit's divisions. `population` is null, with `too_few_people`, where there are fewer than 200 people.
    """

    population: int | None
    """The people who are counted."""
    applies: int | None
    """The people to whom the benefit would apply."""
    by_division: dict[str, int | None]
    """The people to whom it would apply, by division."""
    give_or_take: int
    """The distance from the truth that nineteen of twenty such counts stay within."""
    too_few_people: bool
    """True where fewer than 200 people are counted: nothing is published then."""
    synthetic: bool
    """True in a demonstration city, whose population is invented."""
    scheme: PointsShift | None = None
    """For a scheme, the people who would gain and lose; `applies` is then the sum of both."""


class BenefitFigures(ApiModel):
    """Redemptions of a finished week by scene and benefit, with noise and in tens; null when too small to publish."""

    first_day: CivilDayText
    """The first civil day of the week."""
    last_day: CivilDayText
    """The last civil day of the week."""
    redemptions: dict[str, dict[str, int | None]]
    """Redemptions by scene and benefit."""
    give_or_take: int | None = None
    """The distance from the truth that nineteen of twenty such counts stay within."""


class RetireBody(ApiModel):
    """The civil day at whose beginning the version ends; today ends it at once."""

    from_: Day = Field(alias="from")
    """The civil day at whose beginning the version ends."""


class Catalogue(ApiModel):
    """All documents in force, by kind."""

    catalogue: dict[DocumentKindName, list[CatalogueDocument]]
    """The documents in force, by kind."""


class CatalogueBody(ApiModel):
    """Documents by kind, to be stored as drafts. One faulty document refuses the whole import."""

    catalogue: Annotated[
        dict[str, Annotated[list[dict[str, Any]], Field(max_length=DOCUMENTS_MAX, fail_fast=True)]],
        Field(max_length=KINDS_MAX),
    ]
    """The documents, by kind."""


class ImportedRow(ApiModel):
    """A draft that an import stored, with its findings; null beyond the first hundred drafts."""

    id: CatalogueId
    version: int
    """The number of the new version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON."""
    findings: list[FindingAnswer] | None = None
    """The findings of the publication rules about the draft."""


class ImportAnswer(ApiModel):
    """The stored drafts, and the count of documents that equal their newest version and were not stored."""

    data: list[ImportedRow]
    """The stored drafts."""
    unchanged: int
    """Documents that equal their newest version."""
