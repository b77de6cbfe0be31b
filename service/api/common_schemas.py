"""Types and schemas that several audiences share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from consent.documents.schema import DocumentId as DocumentId
from consent.domain.objections import NO_CLAIM, Claim
from consent.domain.records import QUANTITY_MAX, RecordKind
from service.http.json_io import ApiModel

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Account = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Handle = Annotated[str, Field(min_length=1, max_length=64)]
Language = Literal["zh-CN", "en"]
Localized = dict[str, str]
Document = dict[str, Any]


class ClaimedValues(ApiModel):
    """The values that a person says their record should have, as far as they name them."""

    kind: Annotated[RecordKind, Field(strict=False)] | None = None
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX)] | None = None
    occurred_on: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None


def claimed_values(claim: Claim) -> ClaimedValues | None:
    """Return a person's claim as a member of an answer; None where they named nothing."""
    if claim == NO_CLAIM:
        return None
    day = None if claim.occurred_on is None else claim.occurred_on.isoformat()
    return ClaimedValues(kind=claim.kind, quantity=claim.quantity, occurred_on=day)


class MarkedWords(ApiModel):
    """Words of a member's text that a finding is about, by place, counted in characters (code points)."""

    start: int
    end: int
    text: str


class FindingRow(ApiModel):
    """Members of every finding of the publication rules."""

    code: str
    rule: str
    pointer: str
    severity: str
    detail: str
    marks: list[MarkedWords] | None = None
    """The words that the finding is about; absent where it is not about words."""


class DocumentList(ApiModel):
    """A page of catalogue documents."""

    data: list[Document]
    next_cursor: str | None
