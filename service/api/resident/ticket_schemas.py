"""Request and answer schemas of tickets: the terms that are accepted, the ticket, its state."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benefits.redemption.tickets import TicketState
from benefits.rules.vocabulary import CommitmentKind
from service.api.common_schemas import (
    BenefitId,
    CivilDayText,
    DocumentId,
    Instant,
    Localized,
    ShortCodeText,
    VenueId,
)
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set

TicketStateName = Annotated[str, closed_set(TicketState)]
AcceptedTerms = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""The hash of the terms that a resident has read."""


class CommitmentTerms(ApiModel):
    """The promise that is accepted with a ticket; whether it was done is recorded nowhere."""

    kind: Annotated[str, closed_set(CommitmentKind)]
    within_days: int
    """The days within which it is promised."""


class TicketRequest(ApiModel):
    """A request for a one-time ticket for a benefit at a venue."""

    benefit_id: DocumentId
    """The benefit to redeem."""
    venue_id: DocumentId
    """The venue at which it is redeemed; the ticket is valid nowhere else."""
    accepted_terms_sha256: AcceptedTerms | None = None
    """`terms_sha256` of the terms that were read and accepted; required where the benefit has a commitment."""


class TicketAnswer(ApiModel):
    """A one-time ticket: the handle that a venue scans, also as a QR code in SVG, and its expiry."""

    ticket_id: str
    """The id of the ticket."""
    handle: str
    """The handle, a random text that names nobody."""
    short_code: ShortCodeText
    qr_svg: str
    """The handle as a QR code, an `svg` element."""
    expires_at: Instant
    """The end of the ticket, about 90 seconds after its issue."""
    terms: Localized
    """The terms at the venue."""
    commitment: CommitmentTerms | None = None
    """The commitment that was accepted; absent without one."""


class TicketStateAnswer(ApiModel):
    """A ticket as it stands now; handle, short code and QR code while it is open, `runs_until` once it was used."""

    ticket_id: str
    """The id of the ticket."""
    state: TicketStateName
    benefit_id: BenefitId
    venue_id: VenueId
    expires_at: Instant
    """The end of the ticket."""
    handle: str | None = None
    """The handle, while the ticket is open."""
    short_code: ShortCodeText | None = None
    qr_svg: str | None = None
    """The handle as a QR code, an `svg` element, while the ticket is open."""
    runs_until: CivilDayText | None = None
    """The last civil day of the benefit that was redeemed."""
    delivered_on: CivilDayText | None = None
    """The day on which the venue confirmed the delivery."""
    reversed: bool | None = None
    """True when the venue has taken the redemption back."""
