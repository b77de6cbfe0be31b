"""Bodies and answers of the venue audience: a handle in; terms, or nothing."""

from __future__ import annotations

from typing import Literal

from benefits.redemption.reversal import ReversalReason
from service.api.common_schemas import Document, Handle, Localized
from service.http.json_io import ApiModel


class HandleBody(ApiModel):
    """The handle that the resident shows. There is no field for a name, a number or any other identity."""

    handle: Handle


class ReversalBody(ApiModel):
    """The reason for taking a redemption back."""

    reason_code: ReversalReason


class VenueAnswer(ApiModel):
    """The venue that asks, as the catalogue describes it, and its civil day."""

    venue_id: str
    name: Localized
    provider_id: str
    provider: Localized | None = None
    today: str


class Ordinary(ApiModel):
    """Standard terms apply: one answer for every reason."""

    applies: Literal[False] = False


class CheckAnswer(ApiModel):
    """The benefit applies."""

    applies: Literal[True] = True
    benefit_id: str
    effect: Document
    terms: Localized
    valid_until: str


class RedemptionAnswer(ApiModel):
    """The benefit was redeemed."""

    applies: Literal[True] = True
    redemption_id: str
    benefit_id: str
    effect: Document
    terms: Localized
    runs_until: str


class ReversalAnswer(ApiModel):
    """The redemption was taken back."""

    redemption_id: str
    state: Literal["reversed"] = "reversed"


class RedemptionRow(ApiModel):
    """One of the venue's own redemptions, without a person."""

    redemption_id: str
    benefit_id: str
    day: str
    hour: int
    state: str
    runs_until: str | None


class RedemptionList(ApiModel):
    """A page of the venue's own day."""

    data: list[RedemptionRow]
    next_cursor: str | None
