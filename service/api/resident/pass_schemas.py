"""Bodies and answers of offline passes: a device key for each pass in, signed passes out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from benefits.redemption.offline_passes.issuance import PASSES_MAX
from service.api.common_schemas import BenefitId, DocumentId, Instant, VenueId
from service.api.resident.ticket_schemas import AcceptedTerms
from service.http.json_io import ApiModel

Coordinate = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class DeviceKey(ApiModel):
    """A public P-256 key as a JWK, made by the device for one pass and never used again."""

    kty: Literal["EC"]
    """Always `EC`."""
    crv: Literal["P-256"]
    """Always `P-256`."""
    x: Coordinate
    """The x coordinate: 32 bytes in base64url."""
    y: Coordinate
    """The y coordinate: 32 bytes in base64url."""


class PassesRequest(ApiModel):
    """A request for offline passes for a benefit at one venue."""

    benefit_id: DocumentId
    """The benefit that the passes prove."""
    venue_id: DocumentId
    """The venue at which they are shown; they are worth nothing elsewhere."""
    issuer_id: DocumentId | None = None
    """The other city that has the venue, from `GET /v1/public/issuers`; absent for a venue of this city."""
    accepted_terms_sha256: AcceptedTerms | None = None
    """`terms_sha256` of the terms that were read and accepted; required where the benefit has a commitment."""
    keys: Annotated[list[DeviceKey], Field(min_length=1, max_length=PASSES_MAX)]
    """A new key for each pass."""


class PassAnswer(ApiModel):
    """An offline pass and its end."""

    signed: Annotated[str, Field(alias="pass")]
    """The pass: an SD-JWT VC without disclosures, `<JWS>~`."""
    compact: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    """The same pass as a CWT in base64url, for a QR code that the device signs; absent where it would not fit."""
    expires_at: Instant
    """The end of the pass, at most 24 hours after its issue."""


class PassesAnswer(ApiModel):
    """Offline passes in the order of the keys: as many as uses are left, at least one."""

    passes: list[PassAnswer]
    """The passes."""


class UsablePassesRow(ApiModel):
    """Passes for one benefit at one venue that can be used, on whichever device they are."""

    benefit_id: BenefitId
    venue_id: VenueId
    issuer_id: str | None = None
    """The other city that has the venue; absent for a venue of this city."""
    number: int
    """The passes that are neither used, ended nor revoked, as far as the city knows."""
    expires_at: Instant
    """The end of the last of them."""


class UsablePassesList(ApiModel):
    """The passes that can be used."""

    data: list[UsablePassesRow]
    """The passes by benefit and venue."""


class StoppedPasses(ApiModel):
    """The number of passes that were stopped."""

    stopped: int
    """Passes that could be used until now; they count as taken until they end."""
