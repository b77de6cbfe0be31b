"""The verifier of a venue: does a shown pass prove a benefit here and now?

Pure: keys, status lists, nonce and time are passed in, so that it works without a network. A venue fetches issuer
metadata and status lists while it has one, and remembers `VerifiedPass.pass_id` of each pass that it has honoured
until the pass expires: two showings of one pass are one use.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from benefits.passes import claims, sd_jwt
from benefits.passes.claims import PassClaims
from benefits.passes.issuers import PassIssuer
from benefits.passes.jose import PublicKey
from benefits.passes.refusals import PassFault, PassRefused
from benefits.passes.sd_jwt import KeyBinding
from benefits.passes.status_list import StatusList

KEY_BINDING_AGE_MAX_SECONDS = 120
"""Time from the device's signature to the verification: to answer a nonce takes seconds."""


@dataclass(frozen=True, slots=True)
class Trust:
    """The things that a venue relies on: issuers by address, status lists by address, its own name, its benefits.

    `venue` is the `aud` of passes for it, `benefit_types` the `vct` that it honours.
    """

    venue: str
    benefit_types: Collection[str]
    issuers: Mapping[str, PassIssuer]
    status_lists: Mapping[str, StatusList]


@dataclass(frozen=True, slots=True)
class VerifiedPass:
    """A pass that proves its benefit: its claims, and the id under which a venue remembers that it was used."""

    claims: PassClaims

    @property
    def pass_id(self) -> str:
        """The pass's position in its status list; equal for both encodings, and for a signature in another form."""
        return f"{self.claims.status.uri}#{self.claims.status.index}"


def verify(shown: str, nonce: str, trust: Trust, at: int) -> VerifiedPass:
    """Verify a shown pass `<JWS>~<key-binding JWT>` that answers a venue's nonce, at `at` (seconds since 1970).

    Raises:
        PassRefused: any check failed.
    """
    signed_pass, key_binding_text = sd_jwt.split(shown)
    pass_claims = verify_signed(signed_pass, trust, at)
    key_binding = verify_key_binding(key_binding_text, signed_pass, pass_claims, at)
    if not hmac.compare_digest(key_binding.nonce, nonce):
        raise PassRefused(PassFault.WRONG_KEY_BINDING, "another nonce")
    return VerifiedPass(pass_claims)


def verify_signed(signed_pass: str, trust: Trust, at: int) -> PassClaims:
    """Return the claims of a pass `<JWS>~` that holds for this venue at `at`; who shows it is not checked."""
    unverified, pass_claims = sd_jwt.take_apart(signed_pass)
    unverified.check_signature(key_of(trust, pass_claims.issuer, unverified.key_id))
    require_for(pass_claims, trust, at)
    return pass_claims


def key_of(trust: Trust, issuer: str, key_id: str) -> PublicKey:
    """Return the key of a trusted issuer; PassRefused for another issuer or key."""
    trusted = trust.issuers.get(issuer)
    if trusted is None:
        raise PassRefused(PassFault.UNKNOWN_ISSUER)
    return trusted.key(key_id)


def require_for(pass_claims: PassClaims, trust: Trust, at: int) -> None:
    """Raise PassRefused unless the claims hold for this venue, one of its benefits and `at`, and are not revoked."""
    claims.require_valid(pass_claims, at)
    if pass_claims.venue != trust.venue:
        raise PassRefused(PassFault.OTHER_VENUE)
    if pass_claims.benefit_type not in trust.benefit_types:
        raise PassRefused(PassFault.OTHER_BENEFIT)
    status = trust.status_lists.get(pass_claims.status.uri)
    if status is None or status.issuer != pass_claims.issuer or status.uri != pass_claims.status.uri:
        raise PassRefused(PassFault.NO_STATUS_LIST)
    status.require_valid(pass_claims.status, at)


def verify_key_binding(
    text: str, signed_pass: str, pass_claims: PassClaims, at: int, audience: str | None = None
) -> KeyBinding:
    """Return the key binding of a pass, made for its venue at most KEY_BINDING_AGE_MAX_SECONDS before `at`.

    `audience` is the name by which the venue asked, where that is not the venue's address (OpenID4VP). The caller
    compares the nonce. PassRefused for the key binding of another pass, venue, key or time.
    """
    key_binding = sd_jwt.read_key_binding(text, pass_claims.device_key)
    if key_binding.pass_hash != sd_jwt.hash_of(signed_pass):
        raise PassRefused(PassFault.WRONG_KEY_BINDING, "of another pass")
    if key_binding.audience != (pass_claims.venue if audience is None else audience):
        raise PassRefused(PassFault.WRONG_KEY_BINDING, "for another venue")
    require_fresh(key_binding.issued_at, at)
    return key_binding


def require_fresh(issued_at: int, at: int) -> None:
    """Raise PassRefused unless the device has signed shortly before `at`."""
    if not at - KEY_BINDING_AGE_MAX_SECONDS <= issued_at <= at + claims.LEEWAY_SECONDS:
        raise PassRefused(PassFault.STALE_KEY_BINDING)
