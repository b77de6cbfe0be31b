"""Uses of passes as venues report them, what they are decided by, and their results.

One form for this city's passes and for those of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from benefits.catalogue.model import InForce, LiveBenefit
from benefits.passes.issuers import PassIssuer
from benefits.passes.jose import PublicKey
from benefits.passes.status_list import StatusList
from consent.crypto.vault import Keyring
from consent.domain.document_kinds import Body


class UploadResult(StrEnum):
    """The result of an uploaded use, for the venue."""

    REDEEMED = "booked"
    ALREADY_REDEEMED = "already_booked"
    """The same use was uploaded before."""
    VENUE_BEARS = "venue_bears"
    """Honoured in good faith, and not redeemed: a quota, a withdrawal, an erasure or a second use of the pass."""
    REFUSED = "refused"
    """No valid pass of this city, or of one that it recognises, for this venue at that time; or uploaded too late."""


class Asked(NamedTuple):
    """A venue's request that a wallet answers: the name by which it asked (`aud`), its nonce, and the benefit."""

    audience: str
    nonce: str
    benefit_id: str


class ReportedUse(NamedTuple):
    """A use as a venue reports it: the pass, its key binding, and the venue's time.

    `signed_pass` is `<JWS>~`, or the text of a scanned code; then `key_binding` is None. `asked` is the request that a
    wallet answered. `is_shown` is True where the venue asks before it honours the pass, False for an upload.
    """

    signed_pass: str
    key_binding: str | None
    at: datetime
    asked: Asked | None = None
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class RecognisedIssuers:
    """Issuers in force with the reviewed key set, as it was brought, by address; their status lists, oldest first."""

    issuers: Mapping[str, PassIssuer] = field(default_factory=dict)
    lists: Sequence[StatusList] = ()


@dataclass(frozen=True, slots=True)
class VenuePassContext:
    """Everything that passes shown or uploaded at a venue are decided by, of this city and of others.

    `city_url` is this city as an issuer, `issuer_keys` its keys of passes by id, past ones too; `recognised` are other
    cities.
    """

    keyring: Keyring
    catalogue: InForce
    venue: Body
    city_url: str
    issuer_keys: Mapping[str, PublicKey]
    recognised: RecognisedIssuers


class RecordedUse(NamedTuple):
    """A result with the redemption and its last day, where there is one; and the benefit, where it is redeemed now."""

    result: UploadResult
    redemption_id: str | None = None
    runs_until: date | None = None
    benefit: LiveBenefit | None = None
