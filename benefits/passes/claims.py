"""The claims of a pass: a closed set, the same in both encodings (SD-JWT and CWT).

A pass says that one benefit applies at one venue until a full hour. It names no person and has no points. Values that
repeat between passes are the same for everybody: issuer, type, venue, list and full hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benefits.passes import jose
from benefits.passes.jose import PublicKey
from benefits.passes.refusals import PassFault, PassRefused

MEMBERS = frozenset({"iss", "vct", "aud", "iat", "exp", "cnf", "status"})
URL_LENGTH_MAX = 200
HOUR_SECONDS = 3600
"""Times of a pass are full hours, so that they do not tell two passes of one minute from others of that hour."""
LIFETIME_MAX_SECONDS = 24 * HOUR_SECONDS
LEEWAY_SECONDS = 30
"""Difference of clocks that is tolerated in every time of a pass, its key binding and its status list."""
PASSES_OF_A_LIST = 2**20
"""Positions in a status list: 128 KiB of bits, which compress to a few KiB."""


@dataclass(frozen=True, slots=True)
class StatusReference:
    """The position of a pass in a status list: the list's address and the index of the pass's bit."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True)
class PassClaims:
    """The claims of a pass; times in seconds since 1970, full hours.

    `benefit_type` (`vct`) names a benefit and its version, `venue` (`aud`) the one venue, `device_key` (`cnf`) the key
    with which the holder shows the pass.
    """

    issuer: str
    benefit_type: str
    venue: str
    issued_at: int
    expires_at: int
    device_key: PublicKey
    status: StatusReference

    def members(self) -> dict[str, Any]:
        """Return the payload of the SD-JWT."""
        return {
            "iss": self.issuer,
            "vct": self.benefit_type,
            "aud": self.venue,
            "iat": self.issued_at,
            "exp": self.expires_at,
            "cnf": {"jwk": jose.public_jwk(self.device_key)},
            "status": {"status_list": {"idx": self.status.index, "uri": self.status.uri}},
        }


def benefit_type(issuer: str, benefit_id: str, version: int) -> str:
    """Return the type (`vct`) of a benefit's version."""
    return f"{benefit_types_of(issuer, benefit_id)}{version}"


def benefit_types_of(issuer: str, benefit_id: str) -> str:
    """Return the beginning that the types of all versions of a benefit have."""
    return f"{issuer}/vct/{benefit_id}/"


def venue_url(issuer: str, venue_id: str) -> str:
    """Return the name by which passes mean a venue (`aud`)."""
    return f"{issuer}/venues/{venue_id}"


def read(members: Mapping[str, Any]) -> PassClaims:
    """Return the claims of a payload; PassRefused unless it has exactly MEMBERS, each of its form."""
    jose.require_members(members, MEMBERS)
    confirmation, status = members["cnf"], members["status"]
    for value, name in ((confirmation, "jwk"), (status, "status_list")):
        if not isinstance(value, dict):
            raise PassRefused(PassFault.MALFORMED, "not an object")
        jose.require_members(value, (name,))
    reference = status["status_list"]
    if not isinstance(reference, dict):
        raise PassRefused(PassFault.MALFORMED, "not an object")
    jose.require_members(reference, ("idx", "uri"))
    return checked(
        PassClaims(
            issuer=members["iss"],
            benefit_type=members["vct"],
            venue=members["aud"],
            issued_at=members["iat"],
            expires_at=members["exp"],
            device_key=jose.read_public_key(confirmation["jwk"]),
            status=StatusReference(reference["uri"], reference["idx"]),
        )
    )


def checked(claims: PassClaims) -> PassClaims:
    """Return claims whose values have the right types and lie within their limits; PassRefused otherwise."""
    for text in (claims.issuer, claims.benefit_type, claims.venue, claims.status.uri):
        jose.text_of(text, URL_LENGTH_MAX)
    for number in (claims.issued_at, claims.expires_at, claims.status.index):
        jose.natural_of(number)
    if claims.issued_at % HOUR_SECONDS or claims.expires_at % HOUR_SECONDS:
        raise PassRefused(PassFault.MALFORMED, "a time is no full hour")
    return claims


def require_valid(claims: PassClaims, at: int) -> None:
    """Raise PassRefused unless the pass is valid at `at` (seconds), by a clock that may be LEEWAY_SECONDS behind."""
    if not 0 < claims.expires_at - claims.issued_at <= LIFETIME_MAX_SECONDS:
        raise PassRefused(PassFault.NOT_VALID_NOW, "valid for longer than a day")
    if at >= claims.expires_at:
        raise PassRefused(PassFault.NOT_VALID_NOW, "expired")
    if at < claims.issued_at - LEEWAY_SECONDS:
        raise PassRefused(PassFault.NOT_VALID_NOW, "not valid yet")
