"""Request and answer schemas of a privacy officer's reviews."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consent.domain.recipients import Recipient
from service.api.admin.schemas import Difference
from service.api.common_schemas import Document, FindingRow, Localized
from service.api.privacy.schemas import Reason
from service.http.json_io import ApiModel


class ReviewRow(ApiModel):
    """A review that waits for an officer's decision."""

    review_id: str
    kind: str
    about: str
    opened_on: str
    name: Localized | None = None


class Reviews(ApiModel):
    """Open reviews, oldest first."""

    data: list[ReviewRow]


class ReviewFinding(FindingRow):
    """A finding of the publication rules about one member."""


class ReviewAnswer(ReviewRow):
    """A review with its document, the document's hash, and its differences from the last version in force.

    An open review carries the publication rules' findings as of now; a decided one carries the decision. With
    `asks_recipient` an approval must say if only the spelling changed or if it is another recipient.
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
    asks_recipient: bool | None = None
    recipient: Recipient | None = None


class DecisionBody(ApiModel):
    """A decision on a review, with its reason.

    `recipient` is required to approve a version with another name, owner or client (`asks_recipient` of the review),
    and forbidden to approve anything else.
    """

    decision: Literal["approve", "refuse"]
    reason: Reason
    recipient: Annotated[Recipient | None, Field(strict=False)] = None


class ReviewDecided(ApiModel):
    """A decided review."""

    review_id: str
    decision: str
