"""Request and answer schemas of a resident's bindings and paper slips."""

from __future__ import annotations

from typing import Annotated

from benefits.redemption.lasting_tickets import LastingState
from consent.crypto.blind_index import CODE_ALPHABET, SLIP_CODE_LENGTH
from service.api.common_schemas import BenefitId, DocumentId, Instant, ShortCodeText, VenueId
from service.api.resident.ticket_schemas import AcceptedTerms
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set, one_of, text

BindingId = Annotated[str, text("The id of the binding.")]
SlipId = Annotated[str, text("The id of the slip.")]
SlipCode = Annotated[
    str,
    text("The code of the slip, for reading out and typing.", pattern=f"^[{CODE_ALPHABET}]{{{SLIP_CODE_LENGTH}}}$"),
]
StateName = Annotated[str, closed_set(LastingState)]


class LastingRequest(ApiModel):
    """A benefit and the venue for which a binding or slip is asked for."""

    benefit_id: DocumentId
    """The benefit."""
    venue_id: DocumentId
    """The venue."""
    accepted_terms_sha256: AcceptedTerms | None = None
    """`terms_sha256` of the terms that were read and accepted; required where the benefit has a commitment."""


class RequestedBindingAnswer(ApiModel):
    """A binding that waits for its code to be typed in the venue's own app."""

    binding_id: BindingId
    code: ShortCodeText
    code_expires_at: Instant
    """The end of the code."""
    valid_until: Instant
    """The end of the binding: with the consent, after 90 days at the latest."""


class LastingUse(ApiModel):
    """A redemption by a binding or slip."""

    at: Instant
    """The hour of the redemption."""


class BindingAnswer(ApiModel):
    """A binding of the resident and each of its newest uses."""

    binding_id: BindingId
    state: StateName
    benefit_id: BenefitId
    venue_id: VenueId
    created_at: Instant
    """The time at which the resident asked for it."""
    valid_until: Instant
    """The end of the binding."""
    code: ShortCodeText | None = None
    """The code, while it can be typed."""
    code_expires_at: Instant | None = None
    """The end of the code."""
    uses: list[LastingUse]
    """Redemptions by this binding, newest first, as far as they are among the newest 200 of the resident."""


class BindingList(ApiModel):
    """The bindings of the resident."""

    data: list[BindingAnswer]
    """Bindings, newest first."""


class StoppedBinding(ApiModel):
    """The end of a binding."""

    binding_id: BindingId
    stopped_at: Instant
    """The time from which it gives standard terms."""


class SlipAnswer(ApiModel):
    """A paper slip of the resident; its code only while it can be used."""

    slip_id: SlipId
    state: Annotated[str, one_of("SlipState", "The state of a slip.", "open", "used", "ended")]
    """`ended` with its consent, its benefit or its time; a used one is forgotten after a day."""
    benefit_id: BenefitId
    venue_id: VenueId
    created_at: Instant
    """The time at which it was made."""
    valid_until: Instant
    """The end of the slip: with the consent, after 30 days at the latest."""
    short_code: SlipCode | None = None
    """The code in letters."""
    qr_svg: str | None = None
    """The code as a QR code."""


class SlipList(ApiModel):
    """The paper slips of the resident."""

    data: list[SlipAnswer]
    """Slips, newest first."""


class StoppedSlip(ApiModel):
    """The end of a slip."""

    slip_id: SlipId
    stopped_at: Instant
    """The time from which it gives standard terms."""
