"""Request and answer schemas of a privacy officer's reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.recipients import Recipient
from service.api.admin.schemas import Difference
from service.api.common_schemas import (
    SHA256_PATTERN,
    CatalogueDocument,
    CatalogueId,
    CivilDayText,
    DocumentKindName,
    DocumentState,
    FindingRow,
    FreeText,
    Localized,
    Sha256,
    StaffId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import text

ReviewId = Annotated[str, text("The id of the review.")]


class ReviewRow(ApiModel):
    """A review that waits for an officer's decision."""

    review_id: ReviewId
    kind: str
    """`document`, `stopped_document`, `package` or `contested_link`; kinds may be added."""
    about: str
    """The kind and id of the document, or the id of the package, or of the source of a contested link."""
    opened_on: CivilDayText
    """The civil day on which the review was opened."""
    name: Localized | None = None
    """The name of the document or source."""


class Reviews(ApiModel):
    """Open reviews, oldest first."""

    data: list[ReviewRow]
    """Reviews, oldest first."""


class ReviewFinding(FindingRow):
    """A finding of the publication rules about one member."""


class ReviewedDocument(ApiModel):
    """A document of a package under review, with its differences from the last version in force."""

    kind: DocumentKindName
    id: CatalogueId
    version: int
    """The number of the version."""
    state: DocumentState
    sha256: Sha256
    """The SHA-256 of the document's canonical JSON."""
    name: Localized | None = None
    """The name or title, where the kind has one."""
    document: CatalogueDocument
    since_version: int | None = None
    """The number of the last version in force, with which the version is compared."""
    differences: list[Difference] | None = None
    """The differences from that version."""
    findings: list[ReviewFinding]
    """The findings of the publication rules, as if the other documents of the package were in force."""


class ReviewAnswer(ReviewRow):
    """A review with its document, the document's hash, and its differences from the last version in force.

    An open review carries the publication rules' findings as of now; a decided one carries the decision. With
    `asks_recipient` an approval must say if only the spelling changed or if it is another recipient.
    """

    state: Literal["open", "decided"]
    """The state of the review."""
    version: int | None = None
    """The number of the version under review."""
    sha256: Sha256 | None = None
    """The SHA-256 of the document's canonical JSON."""
    document: CatalogueDocument | None = None
    since_version: int | None = None
    """The number of the last version in force, with which the version is compared."""
    differences: list[Difference] | None = None
    """The differences from that version."""
    findings: list[ReviewFinding]
    """The findings of the publication rules about the version."""
    decision: Literal["approve", "refuse"] | None = None
    """The decision."""
    reason: str | None = None
    """The reason of the decision."""
    decided_by: StaffId | None = None
    decided_on: CivilDayText | None = None
    """The civil day of the decision."""
    documents: list[ReviewedDocument] | None = None
    """For a package, its documents; `sha256` is then the hash of the package."""
    asks_recipient: bool | None = None
    """True where an approval must name the `recipient`."""
    recipient: Recipient | None = None
    """The officer's decision about the recipient."""
    names: dict[str, Localized] | None = None
    """Names of the documents that the document refers to, such as the service of a benefit, by id."""


class DecisionBody(ApiModel):
    """A decision on a review, with its reason.

    `recipient` is required to approve a version with another name, owner or client (`asks_recipient` of the review),
    and forbidden to approve anything else.
    """

    decision: Literal["approve", "refuse"]
    """The decision."""
    reason: FreeText
    """The reason, which the authors read."""
    sha256: Annotated[str, Field(pattern=SHA256_PATTERN)] | None = None
    """The hash that you read; required for a package."""
    recipient: Annotated[Recipient | None, Field(strict=False)] = None
    """`spelling_only`, or `another_recipient` whose consents end."""


class ReviewDecided(ApiModel):
    """A decided review."""

    review_id: ReviewId
    decision: str
    """The decision."""
