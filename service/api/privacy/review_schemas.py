"""Request and answer schemas of a privacy officer's reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.recipients import Recipient
from service.api.admin.schemas import Difference
from service.api.common_schemas import CatalogueDocument, CivilDayText, FindingRow, FreeText, Localized, Sha256, StaffId
from service.http.json_io import ApiModel
from service.http.openapi.named import text

ReviewId = Annotated[str, text("The id of the review.")]


class ReviewRow(ApiModel):
    """A review that waits for an officer's decision."""

    review_id: ReviewId
    kind: str
    """The kind of document, or `contested_link`; kinds may be added."""
    about: str
    """The id of the document, or of the source of a contested link."""
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
    asks_recipient: bool | None = None
    """True where an approval must name the `recipient`."""
    recipient: Recipient | None = None
    """The officer's decision about the recipient."""


class DecisionBody(ApiModel):
    """A decision on a review, with its reason.

    `recipient` is required to approve a version with another name, owner or client (`asks_recipient` of the review),
    and forbidden to approve anything else.
    """

    decision: Literal["approve", "refuse"]
    """The decision."""
    reason: FreeText
    """The reason, which the authors read."""
    recipient: Annotated[Recipient | None, Field(strict=False)] = None
    """`spelling_only`, or `another_recipient` whose consents end."""


class ReviewDecided(ApiModel):
    """A decided review."""

    review_id: ReviewId
    decision: str
    """The decision."""
