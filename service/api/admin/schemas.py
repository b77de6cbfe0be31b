"""Request and answer schemas of administrators: documents, findings, versions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, RootModel

from consent.domain.records import Dimension
from service.api.common_schemas import Document, FindingRow
from service.http.json_io import ApiModel, OptionalBody

KEYS_MAX = 100
"""Keys of sentences for one text: more than the vocabulary offers for any, at a few venues."""
DOCUMENTS_MAX = 2_000
"""Documents of one import. A whole city has some hundreds; each that differs is a row that the transaction writes."""
KINDS_MAX = 20
"""Kinds named in one import. There are seven; of a few more the unknown ones are named."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DocumentBody(RootModel[dict[str, Any]]):
    """A catalogue document of the kind in the path. The publication rules check its members and report findings."""


class FindingAnswer(FindingRow):
    """A finding of the publication rules about one member, in the language of the request."""


class DraftAnswer(ApiModel):
    """A stored draft, with the publication rules' findings about it."""

    id: str
    version: int
    state: str
    sha256: str
    findings: list[FindingAnswer]


class Findings(ApiModel):
    """Findings of the publication rules about a document that was not stored."""

    findings: list[FindingAnswer]


class VersionAnswer(ApiModel):
    """One version with its document."""

    id: str
    version: int
    state: str
    sha256: str
    in_force_from: str | None = None
    in_force_version: int | None
    """The number of the version in force now, this one or another; null when none is in force."""
    resume_requested: bool | None = None
    """True while one person has requested to resume this suspended version and a second request is missing."""
    name: dict[str, str] | None = None
    document: Document


class HistoryRow(ApiModel):
    """A version in the history of its document."""

    version: int
    state: str
    sha256: str
    in_force_from: str | None = None
    document: Document


class History(ApiModel):
    """A page of a document's versions, newest first."""

    data: list[HistoryRow]
    next_cursor: str | None


class OtherVersion(ApiModel):
    """An older version that has not ended: submitted, in review, scheduled, in force or suspended."""

    version: int
    state: str


class VersionRow(ApiModel):
    """One version in a list, with the document's name and its older versions that have not ended.

    The name is that of the version in force, and that of this version only while none is in force.
    """

    id: str
    version: int
    state: str
    sha256: str
    name: dict[str, str] | None = None
    in_force_version: int | None = None
    resume_requested: bool | None = None
    others: list[OtherVersion] | None = None


class VersionList(ApiModel):
    """A page of documents in order of id, each with its newest version."""

    data: list[VersionRow]
    next_cursor: str | None


class Difference(ApiModel):
    """A difference of two versions at a JSON pointer; `before` or `after` is absent where the member does not exist."""

    pointer: str
    before: Any = None
    after: Any = None


class Differences(ApiModel):
    """All differences of two versions."""

    data: list[Difference]


class ComparedVersion(ApiModel):
    """The version that a version is compared with; for a new scheme, the scheme of the years before."""

    id: str
    version: int
    state: str


class Changes(ApiModel):
    """The differences of a version from the version in force, which `beside` names; null when there is none."""

    beside: ComparedVersion | None
    data: list[Difference]


class Dependent(ApiModel):
    """A document in force that depends on another document and ends with it."""

    kind: str
    id: str
    name: dict[str, str] | None = None


class Dependents(ApiModel):
    """The documents in force that depend on a document."""

    data: list[Dependent]


class SubmittedAnswer(ApiModel):
    """The state of a submitted version, with the publication rules' findings."""

    state: str
    findings: list[FindingAnswer]


class ApproveBody(ApiModel):
    """The SHA-256 of the version that the approver read, in hexadecimal."""

    sha256: Hash


class SuspendBody(OptionalBody):
    """The reason for suspending or cancelling a version; staff read it in the version's history."""

    reason: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class StepRow(ApiModel):
    """An act on a version; `act` is draft, submit, review, send_back, approve, suspend, ask_to_resume, resume, …"""

    act: str
    staff_id: str
    at: str
    reason: str | None = None


class Steps(ApiModel):
    """Every act on a version, oldest first."""

    data: list[StepRow]


class StateAnswer(ApiModel):
    """The state of a version after a step; `suspended` lists benefits that a worse baseline suspended."""

    state: str
    suspended: list[str] | None = None


class PointsShift(ApiModel):
    """People whose last year would earn more, less or the same under a scheme than under the one before it.

    Counts are in tens; null when too small to publish. `lowers` lists every kind and dimension that could earn less.
    """

    gain: int | None
    less: int | None
    same: int | None
    lowers: list[str]


class ImpactAnswer(ApiModel):
    """People to whom a benefit would apply, with noise and in tens; null when too small to publish.

    By the benefit's divisions. `population` is null, with `too_few_people`, where there are fewer than 200 people.
    """

    population: int | None
    applies: int | None
    by_division: dict[str, int | None]
    give_or_take: int
    """The distance from the truth that nineteen of twenty such counts stay within."""
    too_few_people: bool
    synthetic: bool
    """True in a demonstration city, whose population is invented."""
    scheme: PointsShift | None = None
    """For a scheme, the people who would gain and lose; `applies` is then the sum of both."""


class BenefitFigures(ApiModel):
    """Redemptions of a finished week by scene and benefit, with noise and in tens; null when too small to publish."""

    first_day: str
    last_day: str
    redemptions: dict[str, dict[str, int | None]]
    give_or_take: int | None = None
    """The distance from the truth that nineteen of twenty such counts stay within."""


class SyntheticPerson(ApiModel):
    """Points of a synthetic person by dimension; a dimension that is left out counts as zero."""

    points: dict[Annotated[Dimension, Field(strict=False)], Annotated[int, Field(ge=0, le=1_000_000)]]


class DryRunLine(ApiModel):
    """One condition of a benefit: the points needed and the points of the synthetic person."""

    measure: str
    at_least: int
    have: int
    met: bool


class DryRun(ApiModel):
    """A benefit decided for a synthetic person: its conditions, the terms, and the baseline that everybody gets."""

    applies: bool
    conditions: list[DryRunLine]
    baseline: Document
    terms: Document


class RetireBody(ApiModel):
    """The civil day at whose beginning the version ends; today ends it at once."""

    from_: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = Field(alias="from")


class Catalogue(ApiModel):
    """All documents in force, by kind."""

    catalogue: dict[str, list[Document]]


class CatalogueBody(ApiModel):
    """Documents by kind, to be stored as drafts. One faulty document refuses the whole import."""

    catalogue: Annotated[
        dict[str, Annotated[list[dict[str, Any]], Field(max_length=DOCUMENTS_MAX, fail_fast=True)]],
        Field(max_length=KINDS_MAX),
    ]


class ImportedRow(ApiModel):
    """A draft that an import stored, with its findings; null beyond the first hundred drafts."""

    id: str
    version: int
    state: str
    sha256: str
    findings: list[FindingAnswer] | None = None


class ImportAnswer(ApiModel):
    """The stored drafts, and the count of documents that equal their newest version and were not stored."""

    data: list[ImportedRow]
    unchanged: int


class SentencePlace(ApiModel):
    """A place of a sentence: the fact of the benefit that stands there and, for a number, its unit."""

    fact: str
    unit: str | None = None


class SentenceAnswer(ApiModel):
    """A closed sentence of the vocabulary: the texts that it may stand in, and the benefits that it suits.

    Of the suitable sentences with one `group` the first is recommended.
    """

    sentence_id: str
    members: list[str]
    group: str | None = None
    effects: list[str]
    services: list[str]
    text: dict[str, str]
    places: list[SentencePlace]


class Sentences(ApiModel):
    """The vocabulary of closed sentences, in the order in which they stand in a text."""

    data: list[SentenceAnswer]


class ComposeBody(ApiModel):
    """A benefit's document, of which `effect` and `service_id` are needed, and chosen sentences.

    `choose` has keys of sentences by member. A member that is left out gets the recommended sentences, one with an
    empty list gets no text.
    """

    document: dict[str, Any]
    choose: dict[str, Annotated[list[str], Field(max_length=KEYS_MAX)]] = Field(default_factory=dict)


class OfferedSentence(ApiModel):
    """A closed sentence with the values of the benefit; `used` if the document's text has it now."""

    key: str
    text: dict[str, str]
    recommended: bool
    used: bool


class ComposedTexts(ApiModel):
    """Texts by member, ready to be put into the document, and all sentences that suit, by member."""

    texts: dict[str, dict[str, str]]
    sentences: dict[str, list[OfferedSentence]]
