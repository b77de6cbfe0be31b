"""Status lists of passes (Token Status List): a bit a pass, 1 for revoked, compressed and signed by the issuer.

A list has the same size with every content, and is the same for everybody who reads it: the issuer does not learn which
pass a venue has scanned.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from benefits.passes import jose
from benefits.passes.claims import LEEWAY_SECONDS, PASSES_OF_A_LIST, StatusReference
from benefits.passes.issuers import PassIssuer
from benefits.passes.jose import PrivateKey
from benefits.passes.refusals import PassFault, PassRefused

TYPE = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
MEMBERS = frozenset({"sub", "iat", "exp", "ttl", "status_list"})
LIST_BYTES = PASSES_OF_A_LIST // 8
INFLATED_BYTES_MAX = 2**20
"""Lists of other cities may be larger than ours; 8 million passes."""
TOKEN_LENGTH_MAX = 2**19
"""Characters of a signed list: ours has at most 175,000."""
LIFETIME_MAX_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class StatusList:
    """A verified list: its issuer and address, the seconds from and until which it counts, and its bits."""

    issuer: str
    uri: str
    issued_at: int
    expires_at: int
    bits: bytes

    def require_valid(self, status: StatusReference, at: int) -> None:
        """Raise PassRefused if the list has expired at `at`, has no such position, or says that the pass is revoked."""
        if at >= self.expires_at:
            raise PassRefused(PassFault.STATUS_LIST_EXPIRED)
        if not 0 <= status.index < 8 * len(self.bits):
            raise PassRefused(PassFault.NO_STATUS_LIST, "the pass has no position in its list")
        if self.bits[status.index >> 3] >> (status.index & 7) & 1:
            raise PassRefused(PassFault.REVOKED)


@dataclass(frozen=True, slots=True)
class ListTimes:
    """The times of a signed list in seconds: made at, counts until, and how long a copy is fresh."""

    issued_at: int
    expires_at: int
    fresh_seconds: int


def sign(key: PrivateKey, uri: str, revoked: Iterable[int], period: ListTimes) -> str:
    """Return the signed list of an address; `revoked` are the positions whose bit is 1."""
    bits = bytearray(LIST_BYTES)
    for index in revoked:
        bits[index >> 3] |= 1 << (index & 7)
    header = {"typ": TYPE, "kid": jose.encode(jose.thumbprint(key.public_key()))}
    claims = {
        "sub": uri,
        "iat": period.issued_at,
        "exp": period.expires_at,
        "ttl": period.fresh_seconds,
        "status_list": {"bits": 1, "lst": jose.encode(zlib.compress(bytes(bits), 9))},
    }
    return jose.sign(key, header, claims)


def read(token: str, issuer: PassIssuer, at: int) -> StatusList:
    """Verify a signed list of an issuer at `at` (seconds).

    Raises:
        PassRefused: another form, signed by another key, expired or from the future, or larger than allowed when it is
            decompressed, which stops there.
    """
    unverified = jose.Unverified(token, TYPE, longest=TOKEN_LENGTH_MAX)
    unverified.check_signature(issuer.key(unverified.key_id))
    claims = unverified.claims
    jose.require_members(claims, MEMBERS)
    uri, issued_at, expires_at = claims["sub"], claims["iat"], claims["exp"]
    jose.text_of(uri, 200)
    for number in (issued_at, expires_at, claims["ttl"]):
        jose.natural_of(number)
    if not uri.startswith(issuer.url + "/"):
        raise PassRefused(PassFault.NO_STATUS_LIST, "the list is of another issuer")
    lasts = expires_at - issued_at
    if at >= expires_at or at < issued_at - LEEWAY_SECONDS or not 0 < lasts <= LIFETIME_MAX_SECONDS:
        raise PassRefused(PassFault.STATUS_LIST_EXPIRED)
    packed = claims["status_list"]
    if not isinstance(packed, dict):
        raise PassRefused(PassFault.MALFORMED, "not an object")
    jose.require_members(packed, ("bits", "lst"))
    if packed["bits"] != 1 or not isinstance(packed["lst"], str):
        raise PassRefused(PassFault.MALFORMED, "a list has one bit a pass")
    return StatusList(issuer.url, uri, issued_at, expires_at, inflate(jose.decode(packed["lst"])))


def inflate(data: bytes) -> bytes:
    """Decompress a whole zlib stream of at most INFLATED_BYTES_MAX; PassRefused for a larger or another one."""
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(data, INFLATED_BYTES_MAX)
    except zlib.error:
        raise PassRefused(PassFault.MALFORMED, "not a zlib stream") from None
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise PassRefused(PassFault.MALFORMED, "a list too large, or not a whole one")
    return inflated
