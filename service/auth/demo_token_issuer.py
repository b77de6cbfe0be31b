"""The demonstration's identity provider: one ES256 key in the data folder, tokens for all six audiences.

Its issuer is in the `.invalid` domain and `serve` refuses it. The key can sign a token for any subject, so a key file
that others can read is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypedDict, Unpack

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from service.auth import key_files
from service.auth.access_tokens import (
    CLIENT_AUDIENCES,
    STAFF_AUDIENCES,
    STAFF_LIFETIME_SECONDS,
    Audience,
    TokenVerifier,
    TrustedTokenIssuer,
)
from service.auth.claims import require_clean_name
from service.auth.jwks import KeySource

DEMO_ISSUER = "https://demo.credit-easy.invalid"
"""Trusted by the demonstration alone."""
KEY_FILE = "demo-issuer.pem"
LIFETIME = timedelta(hours=1)
STAFF_LIFETIME = timedelta(seconds=STAFF_LIFETIME_SECONDS)
PAGES_CLIENT = "credit-easy-pages-{}"
"""The client of an audience's pages; tokens of people and desks name it."""
DEMO_DIVISIONS = ("21",)
"""The province of the demonstration city, for members of staff."""
DEMO_BIRTHDATE = date(1990, 1, 1)
"""Birthdate of a resident whose token is minted without one: an adult."""


class ChosenClaims(TypedDict, total=False):
    """Claims of a token that differ from the defaults; None is the default."""

    birthdate: date | None
    """For residents: DEMO_BIRTHDATE."""
    staff_id: str | None
    """For staff: the subject."""
    divisions: Sequence[str] | None
    """For staff: DEMO_DIVISIONS."""
    venue_client_id: str | None
    """For a desk: its venue. The subject is then the desk's account, and the client is that of the pages."""


@dataclass(frozen=True, slots=True)
class DemoTokenIssuer:
    """The demonstration's signing key and its kid (RFC 7638 thumbprint)."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    kid: str

    @classmethod
    def load(cls, folder: Path) -> DemoTokenIssuer:
        """Read the key file of a folder, created on first use; two processes that create it at once get the same key.

        Raises:
            PermissionError: others may read the file.
            ValueError: the file holds no P-256 private key.
        """
        path = folder / KEY_FILE
        if not path.exists():
            key_files.create_signing_key(path)
        signing_key = key_files.load_signing_key(path)
        return cls(signing_key.key, signing_key.kid)

    def mint(
        self,
        audience: Audience,
        subject: str,
        *,
        now: datetime,
        lifetime: timedelta | None = None,
        **chosen: Unpack[ChosenClaims],
    ) -> str:
        """Sign an RFC 9068 access token, valid from `now` (aware) for five minutes (staff) or an hour (others).

        Raises ValueError for claims that the audience would never accept.
        """
        staff = audience in STAFF_AUDIENCES
        birthdate, staff_id = chosen.get("birthdate"), chosen.get("staff_id")
        span = lifetime if lifetime is not None else STAFF_LIFETIME if staff else LIFETIME
        if now.tzinfo is None:
            raise ValueError("now is an aware datetime")
        if staff and span > STAFF_LIFETIME:
            raise ValueError("a staff token lives at most five minutes")
        if birthdate is not None and audience is not Audience.RESIDENT:
            raise ValueError("only a resident's token carries a birthdate")
        if (staff_id is not None or chosen.get("divisions") is not None) and not staff:
            raise ValueError("only a staff token carries a staff_id and divisions")
        venue_client_id = chosen.get("venue_client_id")
        if venue_client_id is not None and audience is not Audience.VENUE:
            raise ValueError("only a desk's token names a venue")
        machine = audience in CLIENT_AUDIENCES and venue_client_id is None
        issued = int(now.timestamp())
        claims: dict[str, str | int | list[str]] = {
            "iss": DEMO_ISSUER,
            "aud": _audience(audience),
            "sub": require_clean_name(subject),
            "client_id": subject if machine else PAGES_CLIENT.format(audience),
            "iat": issued,
            "exp": issued + span // timedelta(seconds=1),
            "jti": secrets.token_hex(16),
        }
        if venue_client_id is not None:
            claims["venue_client_id"] = require_clean_name(venue_client_id)
        if audience is Audience.RESIDENT:
            claims["birthdate"] = (birthdate or DEMO_BIRTHDATE).isoformat()
        if staff:
            divisions = chosen.get("divisions")
            claims["staff_id"] = require_clean_name(staff_id or subject)
            claims["divisions"] = list(DEMO_DIVISIONS if divisions is None else divisions)
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "at+jwt", "kid": self.kid})

    def jwks(self) -> dict[str, object]:
        """Return the public key as a JWKS document."""
        return {"keys": [{**key_files.public_jwk(self.key), "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def verifier(self) -> TokenVerifier:
        """Make a verifier that trusts this issuer alone and fetches nothing."""
        source = KeySource.fixed(self.jwks())
        return TokenVerifier(trusted_token_issuers(), dict.fromkeys(Audience, source))


def trusted_token_issuers() -> dict[Audience, TrustedTokenIssuer]:
    """Return the demonstration issuer for each audience, with `aud` `credit-easy:<audience>`."""
    return {audience: TrustedTokenIssuer(DEMO_ISSUER, _audience(audience)) for audience in Audience}


def _audience(audience: Audience) -> str:
    return f"credit-easy:{audience}"
