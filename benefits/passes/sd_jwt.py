"""A pass as an SD-JWT VC without disclosures (RFC 9901), and its key-binding JWT.

A pass is `<issuer's JWS>~`; shown, it is `<issuer's JWS>~<key-binding JWT>`, signed by the device for one nonce of one
venue. The form has no place for a disclosure, so that nothing can be left out or added.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from benefits.passes import claims, jose
from benefits.passes.claims import PassClaims
from benefits.passes.jose import PrivateKey, Unverified
from benefits.passes.refusals import PassFault, PassRefused

TYPE = "dc+sd-jwt"
KEY_BINDING_TYPE = "kb+jwt"
KEY_BINDING_MEMBERS = frozenset({"iat", "aud", "nonce", "sd_hash"})
PASS_LENGTH_MAX = 2_048
KEY_BINDING_LENGTH_MAX = 1_024
NONCE = re.compile(r"[A-Za-z0-9_-]{16,86}", re.ASCII)
"""Nonces of a venue: 96 to 512 bits in base64url."""


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """The claims of a key-binding JWT: made at (seconds), for an audience and its nonce, over the hash of a pass."""

    issued_at: int
    audience: str
    nonce: str
    pass_hash: str


def sign_pass(key: PrivateKey, pass_claims: PassClaims) -> str:
    """Return the pass of claims, signed by its issuer: `<JWS>~`."""
    header = {"typ": TYPE, "kid": jose.encode(jose.thumbprint(key.public_key()))}
    return jose.sign(key, header, pass_claims.members()) + "~"


def sign_key_binding(device_key: PrivateKey, signed_pass: str, venue: str, nonce: str, at: int) -> str:
    """Return the key-binding JWT by which a device shows its pass; a device's own software does this."""
    key_binding = {"iat": at, "aud": venue, "nonce": nonce, "sd_hash": hash_of(signed_pass)}
    return jose.sign(device_key, {"typ": KEY_BINDING_TYPE}, key_binding)


def hash_of(signed_pass: str) -> str:
    """Return the `sd_hash` of a pass in its form `<JWS>~`."""
    return jose.encode(hashlib.sha256(signed_pass.encode()).digest())


def split(shown: str) -> tuple[str, str]:
    """Return the pass `<JWS>~` and the key-binding JWT of a shown pass.

    Raises:
        PassRefused: the key binding is missing, or there is a disclosure.
    """
    if len(shown) > PASS_LENGTH_MAX + KEY_BINDING_LENGTH_MAX:
        raise PassRefused(PassFault.MALFORMED, "too long")
    parts = shown.split("~")
    if len(parts) != 2:
        raise PassRefused(PassFault.MALFORMED, "a pass has no disclosures")
    if not parts[1]:
        raise PassRefused(PassFault.NO_KEY_BINDING)
    return parts[0] + "~", parts[1]


def take_apart(signed_pass: str) -> tuple[Unverified, PassClaims]:
    """Return the JWS of a pass `<JWS>~`, whose signature is not checked yet, and its claims; PassRefused otherwise."""
    if not signed_pass.isascii() or not signed_pass.endswith("~"):
        raise PassRefused(PassFault.MALFORMED, "not a pass")
    unverified = Unverified(signed_pass[:-1], TYPE, longest=PASS_LENGTH_MAX)
    return unverified, claims.read(unverified.claims)


def read_key_binding(text: str, device_key: jose.PublicKey) -> KeyBinding:
    """Return the claims of a key-binding JWT that the device key has signed; PassRefused otherwise."""
    if not text.isascii():
        raise PassRefused(PassFault.MALFORMED, "not a key binding")
    unverified = Unverified(text, KEY_BINDING_TYPE, longest=KEY_BINDING_LENGTH_MAX, with_key_id=False)
    try:
        unverified.check_signature(device_key)
    except PassRefused:
        raise PassRefused(PassFault.WRONG_KEY_BINDING, "signed by another key") from None
    members = unverified.claims
    jose.require_members(members, KEY_BINDING_MEMBERS)
    nonce = jose.text_of(members["nonce"], 86)
    if NONCE.fullmatch(nonce) is None:
        raise PassRefused(PassFault.MALFORMED, "a nonce has 16 to 86 characters of base64url")
    return KeyBinding(
        jose.natural_of(members["iat"]),
        jose.text_of(members["aud"], claims.URL_LENGTH_MAX),
        nonce,
        jose.text_of(members["sd_hash"], 43),
    )
