"""The demonstration's own identity provider: one ES256 key in the data folder, tokens for all five doors.

It exists so that the demo needs no city behind it; its issuer is in the `.invalid` domain and `serve` refuses it.
Whoever reads the key file is anybody: the file is readable by its owner alone, and refused when it is not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from service.identity import (
    CLIENT_DOORS,
    STAFF_DOORS,
    STAFF_LIFETIME_SECONDS,
    Door,
    TrustedIssuer,
    Verifier,
    clean_name,
)
from service.jwks import KeySource

DEMO_ISSUER = "https://demo.credit-easy.invalid"
"""Trusted by the demo alone: anybody may know how its tokens are made."""
KEY_FILE = "demo-issuer.pem"
LIFETIME = timedelta(hours=1)
STAFF_LIFETIME = timedelta(seconds=STAFF_LIFETIME_SECONDS)
DEMO_BIRTHDATE = date(1990, 1, 1)
"""An adult, unless said otherwise."""
THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
"""RFC 7638, section 3.2: what identifies a key, in the order in which it is hashed."""


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
            _create(path)
        key = serialization.load_pem_private_key(_read_own(path), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError(f"{KEY_FILE} holds no P-256 private key: delete it and a new one is made")
        return cls(key, thumbprint(_jwk(key)))

    def mint(
        self,
        door: Door,
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
        staff = door in STAFF_DOORS
        span = lifetime if lifetime is not None else STAFF_LIFETIME if staff else LIFETIME
        if now.tzinfo is None:
            raise ValueError("now is an aware datetime")
        if staff and span > STAFF_LIFETIME:
            raise ValueError("a staff token lives at most five minutes")
        if birthdate is not None and door is not Door.RESIDENT:
            raise ValueError("only a resident's token carries a birthdate")
        if staff_id is not None and not staff:
            raise ValueError("only a staff token carries a staff_id")
        issued = int(now.timestamp())
        claims: dict[str, str | int] = {
            "iss": DEMO_ISSUER,
            "aud": _audience(door),
            "sub": clean_name(subject),
            "client_id": subject if door in CLIENT_DOORS else "credit-easy-demo",
            "iat": issued,
            "exp": issued + span // timedelta(seconds=1),
            "jti": secrets.token_hex(16),
        }
        if door is Door.RESIDENT:
            claims["birthdate"] = (birthdate or DEMO_BIRTHDATE).isoformat()
        if staff:
            claims["staff_id"] = clean_name(staff_id or subject)
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"typ": "at+jwt", "kid": self.kid})

    def jwks(self) -> dict[str, object]:
        """The public half, as a JWKS document."""
        return {"keys": [{**_jwk(self.key), "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def verifier(self) -> Verifier:
        """A verifier of this issuer's tokens alone; it fetches nothing."""
        source = KeySource.fixed(self.jwks())
        return Verifier(trusted_issuers(), dict.fromkeys(Door, source))


def trusted_issuers() -> dict[Door, TrustedIssuer]:
    """The demonstration issuer at each door, with the audience `credit-easy:<door>`."""
    return {door: TrustedIssuer(DEMO_ISSUER, _audience(door)) for door in Door}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638 thumbprint (SHA-256, base64url) of an EC or RSA key."""
    members = {name: jwk[name] for name in THUMBPRINT_MEMBERS[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _audience(door: Door) -> str:
    return f"credit-easy:{door}"


def _jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    members = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: str(members[name]) for name in THUMBPRINT_MEMBERS["EC"]}


def _create(path: Path) -> None:
    """Write a new key beside `path` and link it into place: nobody ever reads half a key, and the first one stays."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # another process was first; its key is the key
    finally:
        draft.unlink()


def _read_own(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise PermissionError(f"{KEY_FILE} can be read by others: set its mode to 0600")
        return file.read()
