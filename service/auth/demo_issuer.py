"""The demonstration's own identity provider: one ES256 key in the data folder, tokens for all five doors.

It exists so that the demo needs no city behind it; its issuer is in the `.invalid` domain and `serve` refuses it.
Whoever reads the key file is anybody: the file is readable by its owner alone, and refused when it is not.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from service.auth import key_files
from service.auth.access_tokens import (
    CLIENT_AUDIENCES,
    STAFF_AUDIENCES,
    STAFF_LIFETIME_SECONDS,
    Audience,
    TrustedIssuer,
    Verifier,
    require_clean_name,
)
from service.auth.jwks import KeySource

DEMO_ISSUER = "https://demo.credit-easy.invalid"
"""Trusted by the demo alone: anybody may know how its tokens are made."""
KEY_FILE = "demo-issuer.pem"
LIFETIME = timedelta(hours=1)
STAFF_LIFETIME = timedelta(seconds=STAFF_LIFETIME_SECONDS)
DEMO_BIRTHDATE = date(1990, 1, 1)
"""An adult, unless said otherwise."""


@dataclass(frozen=True, slots=True)
class DemoIssuer:
    """The demonstration key, its kid (RFC 7638 thumbprint) and what can be done with them."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    kid: str

    @classmethod
    def load(cls, folder: Path) -> DemoIssuer:
        """Read the key in `folder`, made on first use; of two processes that make it at once, both get the same.

        Raises PermissionError when others may read the file, ValueError when it holds no P-256 private key.
        """
        path = folder / KEY_FILE
        if not path.exists():
            key_files.create_signing_key(path)
        held = key_files.load_signing_key(path)
        return cls(held.key, held.kid)

    def mint(
        self,
        audience: Audience,
        subject: str,
        *,
        now: datetime,
        birthdate: date | None = None,
        staff_id: str | None = None,
        lifetime: timedelta | None = None,
    ) -> str:
        """An RFC 9068 access token for `door`, from `now` (aware): five minutes for staff, an hour for others.

        A resident is born on DEMO_BIRTHDATE and a staff member's `staff_id` is the subject unless said otherwise.
        Raises ValueError for what that door would never accept.
        """
        staff = audience in STAFF_AUDIENCES
        span = lifetime if lifetime is not None else STAFF_LIFETIME if staff else LIFETIME
        if now.tzinfo is None:
            raise ValueError("now is an aware datetime")
        if staff and span > STAFF_LIFETIME:
            raise ValueError("a staff token lives at most five minutes")
        if birthdate is not None and audience is not Audience.RESIDENT:
            raise ValueError("only a resident's token carries a birthdate")
        if staff_id is not None and not staff:
            raise ValueError("only a staff token carries a staff_id")
        issued = int(now.timestamp())
        claims: dict[str, str | int] = {
            "iss": DEMO_ISSUER,
            "aud": _audience(audience),
            "sub": require_clean_name(subject),
            "client_id": subject if audience in CLIENT_AUDIENCES else "credit-easy-demo",
            "iat": issued,
            "exp": issued + span // timedelta(seconds=1),
            "jti": secrets.token_hex(16),
        }
        if audience is Audience.RESIDENT:
            claims["birthdate"] = (birthdate or DEMO_BIRTHDATE).isoformat()
        if staff:
            claims["staff_id"] = require_clean_name(staff_id or subject)
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "at+jwt", "kid": self.kid})

    def jwks(self) -> dict[str, object]:
        """The public half, as a JWKS document."""
        return {"keys": [{**key_files.public_jwk(self.key), "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def verifier(self) -> Verifier:
        """A verifier of this issuer's tokens alone; it fetches nothing."""
        source = KeySource.fixed(self.jwks())
        return Verifier(trusted_issuers(), dict.fromkeys(Audience, source))


def trusted_issuers() -> dict[Audience, TrustedIssuer]:
    """The demonstration issuer at each door, with the audience `credit-easy:<door>`."""
    return {audience: TrustedIssuer(DEMO_ISSUER, _audience(audience)) for audience in Audience}


def _audience(audience: Audience) -> str:
    return f"credit-easy:{audience}"
