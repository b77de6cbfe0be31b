"""What administrators send and are told: documents, findings, versions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, RootModel

from consent.domain.records import Dimension
from service.api.common_schemas import Document
from service.http.json_io import ApiModel

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DocumentBody(RootModel[dict[str, Any]]):
    """A catalogue document; the gate says what is wrong with it."""


class FindingAnswer(ApiModel):
    """What the gate says about one field."""

    code: str
    rule: str
    pointer: str
    severity: str
    detail: str


class DraftAnswer(ApiModel):
    """A draft and what the gate would say of it now."""

    id: str
    version: int
    state: str
    sha256: str
    findings: list[FindingAnswer]


class Findings(ApiModel):
    """What the gate says of a document that nobody has kept."""

    findings: list[FindingAnswer]


class VersionAnswer(ApiModel):
    """One version, whole."""

    id: str
    version: int
    state: str
    sha256: str
    in_force_from: str | None = None
    in_force_version: int | None
    """The version that binds now, this one or another; null where none does."""
    resume_requested: bool | None = None
    """True while somebody has asked to start this suspended version again, and another person's word is missing."""
    name: dict[str, str] | None = None
    document: Document


class OtherVersion(ApiModel):
    """An older version that is not over: submitted, in review, scheduled, in force or suspended."""

    version: int
    state: str


class VersionRow(ApiModel):
    """One version in a list, with what the document is called now and its older versions that are not over.

    A name that a draft proposes is nobody's name yet: while something is in force, it is called as that is.
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
    """A page of documents by id, each with its newest version."""

    data: list[VersionRow]
    next_cursor: str | None


class Difference(ApiModel):
    """One place where two versions differ; `before` or `after` is absent where there was, or is, nothing."""

    pointer: str
    before: Any = None
    after: Any = None


class Differences(ApiModel):
    """Where two versions differ."""

    data: list[Difference]


class ComparedVersion(ApiModel):
    """The version that another one is read against; of a new scheme, the scheme that it follows."""

    id: str
    version: int
    state: str


class Changes(ApiModel):
    """Where a version differs from what people have; `beside` is null where there never was anything."""

    beside: ComparedVersion | None
    data: list[Difference]


class Dependent(ApiModel):
    """A document in force that stands on another one, and would fall with it."""

    kind: str
    id: str
    name: dict[str, str] | None = None


class Dependents(ApiModel):
    """Documents in force that stand on one."""

    data: list[Dependent]


class SubmittedAnswer(ApiModel):
    """A version after the gate."""

    state: str
    findings: list[FindingAnswer]


class ApproveBody(ApiModel):
    """The hash of what was read."""

    sha256: Hash


class StateAnswer(ApiModel):
    """A version after a step; `suspended` names live benefits that a worse baseline stopped."""

    state: str
    suspended: list[str] | None = None


class PointsShift(ApiModel):
    """People counted in tens by what a year like their last would earn under a scheme beside the one before it.

    Null where it would be too small to say. `lowers` names kinds and dimensions that could earn less, exactly.
    """

    gain: int | None
    less: int | None
    same: int | None
    lowers: list[str]


class ImpactAnswer(ApiModel):
    """People counted in tens; null where it would be too small to say. Divisions are where the benefit is offered."""

    population: int
    applies: int | None
    by_division: dict[str, int | None]
    scheme: PointsShift | None = None
    """Of a scheme, to whom it makes a difference; `applies` is then gain and less together."""


class BenefitFigures(ApiModel):
    """Redemptions of a finished week by scene and benefit, in tens; null where too small to say."""

    first_day: str
    last_day: str
    redemptions: dict[str, dict[str, int | None]]


class SyntheticPerson(ApiModel):
    """Points of somebody who does not exist; a dimension left out counts as none."""

    points: dict[Annotated[Dimension, Field(strict=False)], Annotated[int, Field(ge=0, le=1_000_000)]]


class DryRunLine(ApiModel):
    """One "at least" with what the synthetic person has."""

    measure: str
    at_least: int
    have: int
    met: bool


class DryRun(ApiModel):
    """Whether it applies, why, and the terms beside what everybody gets."""

    applies: bool
    conditions: list[DryRunLine]
    baseline: Document
    terms: Document


class RetireBody(ApiModel):
    """From which civil day it ends: today, which means now, or later."""

    from_: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = Field(alias="from")


class Catalogue(ApiModel):
    """Everything in force, by kind."""

    catalogue: dict[str, list[Document]]


class CatalogueBody(ApiModel):
    """Documents by kind, to become drafts: all of them or none."""

    catalogue: dict[str, list[dict[str, Any]]]


class ImportAnswer(ApiModel):
    """The drafts that were made; documents that are as their newest version were passed over."""

    data: list[VersionRow]
    unchanged: int
