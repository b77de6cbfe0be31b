"""Bodies and answers of the venue audience: a handle in; terms, or nothing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from benefits.redemption.added_sessions import PLACES_MAX
from benefits.redemption.reversal import ReversalReason
from service.api.common_schemas import (
    Baseline,
    BenefitId,
    CivilDayText,
    DocumentId,
    EffectTerms,
    Handle,
    Instant,
    Localized,
    NextCursor,
    ProviderId,
    ShortCode,
    VenueId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import one_of, text

RedemptionId = Annotated[str, text("The id of the redemption.")]
BindingTokenText = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
RedemptionState = Annotated[str, one_of("RedemptionState", "The state of a redemption.", "redeemed", "reversed")]


class HandleBody(ApiModel):
    """The handle or the short code that the resident shows, or the token of a binding: one of them.

    There is no member for a name, a number or any other identity.
    """

    handle: Handle | None = None
    """The handle as it was scanned; a short code is understood here too."""
    short_code: ShortCode | None = None
    """The short code of a ticket or the code of a slip as it was typed."""
    binding_token: BindingTokenText | None = None
    """The token of a binding, for a machine that scans nothing; it redeems, and a check of it is always a no."""


class SessionBody(ApiModel):
    """A session that the venue adds for a benefit with added places."""

    benefit_id: DocumentId
    """The benefit, whose effect is `extra_window`."""
    begins_at: AwareDatetime
    """The beginning: in more than 24 hours, within 92 days."""
    ends_at: AwareDatetime
    """The end, at most 12 hours after."""
    places: Annotated[int, Field(ge=1, le=PLACES_MAX)]
    """The places that residents can book."""


class SessionAnswer(ApiModel):
    """A session of the venue with its places."""

    session_id: str
    """The id of the session."""
    benefit_id: BenefitId
    begins_at: Instant
    """The beginning."""
    ends_at: Instant
    """The end."""
    places: int
    """The places of the session."""
    taken: int
    """The places that are booked."""
    returned: int
    """The free places that are everybody's, from 24 hours before the beginning; 0 before."""
    returned_at: Instant
    """The time from which the free places are everybody's."""


class SessionList(ApiModel):
    """A page of the venue's sessions that have not ended."""

    data: list[SessionAnswer]
    """Sessions, the earliest first."""
    next_cursor: NextCursor


class BindingCodeBody(ApiModel):
    """The code that a resident has typed into the venue's own app."""

    code: ShortCode
    """The code, with spaces and hyphens as it was typed."""


class BindingTokenAnswer(ApiModel):
    """The token of a binding, which is told once."""

    binding_token: str
    """The token of this resident, benefit and venue. Store it with the plate or card that it is for."""
    benefit_id: BenefitId
    valid_until: Instant
    """The end of the binding. It can end before, without notice."""


class ReversalBody(ApiModel):
    """The reason for taking a redemption back."""

    reason_code: ReversalReason
    """The reason, one of a closed list."""


class VenueAnswer(ApiModel):
    """The venue that asks, as the catalogue describes it, and its civil day."""

    venue_id: VenueId
    name: Localized
    """The name of the venue."""
    provider_id: ProviderId
    provider: Localized | None = None
    """The name of the provider, where it is in force."""
    today: CivilDayText
    """The city's civil day."""
    has_sessions: bool
    """True if a benefit in force here adds places by session, or if a session has not ended."""


class StandardTermsAnswer(ApiModel):
    """Standard terms apply: one answer for every reason."""

    applies: Literal[False] = False
    """Always false."""


class CheckAnswer(ApiModel):
    """The benefit applies."""

    applies: Literal[True] = True
    """Always true."""
    benefit_id: BenefitId
    effect: EffectTerms
    """The improvement by the benefit."""
    terms: Localized
    """The terms to grant."""
    valid_until: Annotated[str, text("The end of the ticket: RFC 3339 in UTC, with `Z`.", format="date-time")]


class RedemptionAnswer(ApiModel):
    """The benefit was redeemed."""

    applies: Literal[True] = True
    """Always true."""
    redemption_id: RedemptionId
    benefit_id: BenefitId
    effect: EffectTerms
    """The improvement by the benefit."""
    terms: Localized
    """The terms to grant."""
    runs_until: CivilDayText
    """The last civil day of what was granted, also after a withdrawal."""


class ReversalAnswer(ApiModel):
    """The redemption was taken back."""

    redemption_id: RedemptionId
    state: Literal["reversed"] = "reversed"
    """Always `reversed`."""


class DeliveryAnswer(ApiModel):
    """The confirmation that what was redeemed has been delivered."""

    redemption_id: RedemptionId
    delivered_on: CivilDayText
    """The day of the first confirmation."""


class VenueBenefit(ApiModel):
    """A benefit that the venue honours."""

    benefit_id: BenefitId
    version: int
    """The version of the benefit's document."""
    title: Localized
    """The benefit's title."""
    effect: EffectTerms
    """The improvement by the benefit."""
    terms: Localized
    """The terms to grant."""
    baseline: Baseline
    """The terms that everybody gets without points."""


class VenueBenefits(ApiModel):
    """A page of the benefits that the venue honours."""

    data: list[VenueBenefit]
    """Benefits by id."""
    next_cursor: NextCursor


class RedemptionRow(ApiModel):
    """One of the venue's own redemptions, without a person."""

    redemption_id: RedemptionId
    benefit_id: BenefitId
    day: CivilDayText
    """The civil day of the redemption."""
    hour: int
    """The hour of the redemption, 0 to 23."""
    state: RedemptionState
    runs_until: CivilDayText | None
    """The last civil day of what was granted; null for a redemption that was taken back."""
    delivered_on: CivilDayText | None = None
    """The day on which the venue confirmed the delivery."""


class RedemptionList(ApiModel):
    """A page of the venue's own day."""

    data: list[RedemptionRow]
    """Redemptions of the day."""
    next_cursor: NextCursor
