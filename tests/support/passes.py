"""A city that signs passes, a device that shows them and a venue that verifies them; nothing of the service."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from benefits.passes import claims, jose, sd_jwt, status_list
from benefits.passes.claims import PassClaims, StatusReference
from benefits.passes.issuers import PassIssuer
from benefits.passes.jose import PrivateKey
from benefits.passes.status_list import ListTimes, StatusList
from benefits.passes.verifier import Trust

NOW = 1_800_000_000 - 1_800_000_000 % 3600 + 1_234
"""Seconds since 1970 at which the passes of these tests are shown."""
HOUR = 3600
NONCE = "a-nonce-of-the-venue-1"


def new_key() -> PrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Issuer:
    """A city as an issuer: its address and its key."""

    url: str = "https://city.example"
    key: PrivateKey = field(default_factory=new_key)

    @property
    def key_id(self) -> str:
        return jose.encode(jose.thumbprint(self.key.public_key()))

    @property
    def list_url(self) -> str:
        return f"{self.url}/v1/public/status-lists/7"

    def trusted(self) -> PassIssuer:
        return PassIssuer(self.url, {self.key_id: self.key.public_key()})

    def claims(self, device: PrivateKey, **changed: Any) -> PassClaims:
        """The claims of a pass for the library's deposit, with some changed."""
        issued_at = NOW - NOW % HOUR
        pass_claims = PassClaims(
            issuer=self.url,
            benefit_type=claims.benefit_type(self.url, "library-deposit", 1),
            venue=claims.venue_url(self.url, "city-library-main"),
            issued_at=issued_at,
            expires_at=issued_at + 24 * HOUR,
            device_key=device.public_key(),
            status=StatusReference(self.list_url, 12_345),
        )
        return replace(pass_claims, **changed)

    def list_token(self, *revoked: int, **changed: int) -> str:
        """The signed status list of this city."""
        period = ListTimes(**{"issued_at": NOW - 60, "expires_at": NOW + HOUR, "fresh_seconds": 300, **changed})
        return status_list.sign(self.key, self.list_url, revoked, period)

    def status_list(self, *revoked: int) -> StatusList:
        return status_list.read(self.list_token(*revoked), self.trusted(), NOW)


@dataclass(frozen=True)
class Shown:
    """A pass with its device key, as one test shows it."""

    issuer: Issuer
    device: PrivateKey
    claims: PassClaims
    signed: str

    def text(self, *, nonce: str = NONCE, venue: str | None = None, at: int = NOW) -> str:
        """The pass with a key binding."""
        return self.signed + sd_jwt.sign_key_binding(self.device, self.signed, venue or self.claims.venue, nonce, at)

    def trust(self, **changed: Any) -> Trust:
        """The venue that the pass is for, with some of its knowledge changed."""
        trust = Trust(
            venue=claims.venue_url(self.issuer.url, "city-library-main"),
            benefit_types=(claims.benefit_type(self.issuer.url, "library-deposit", 1),),
            issuers={self.issuer.url: self.issuer.trusted()},
            status_lists={self.issuer.list_url: self.issuer.status_list()},
        )
        return replace(trust, **changed)


def new_pass(issuer: Issuer | None = None, **changed: Any) -> Shown:
    """A pass of a city, with some claims changed."""
    issuer, device = issuer or Issuer(), new_key()
    pass_claims = issuer.claims(device, **changed)
    return Shown(issuer, device, pass_claims, sd_jwt.sign_pass(issuer.key, pass_claims))
