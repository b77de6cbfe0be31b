"""Access tokens (RFC 9068, ES256): verified by PyJWT, then remembered by their hash until they expire."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, date, datetime

import jwt

from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.settings import Issuer

TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
TOKENS_MAX = 50_000
"""Tokens remembered; beyond it the oldest is verified again."""
TOKEN_BYTES_MAX = 8192
LEEWAY_SECONDS = 30
ADULT_YEARS = 18
REQUIRED = ["iss", "aud", "sub", "exp", "iat"]


class TokenVerifier:
    """Verifier of bearer tokens; keys come from each issuer's JWKS, fetched again after five minutes."""

    def __init__(self, issuers: Mapping[str, Issuer]) -> None:
        self._issuers = issuers
        self._keys = {entry.jwks_url: jwt.PyJWKClient(entry.jwks_url, lifespan=300) for entry in issuers.values()}
        self._verified: OrderedDict[bytes, tuple[str, int]] = OrderedDict()

    def start(self) -> None:
        """Fetch every JWKS, so that no request waits for the first one."""
        for client in self._keys.values():
            client.get_jwk_set()

    def subject(self, audience: str, authorization: str) -> str:
        """Return the `sub` of an Authorization header's token.

        Raises Problem: token_missing and token_invalid (401), birthdate_required and adults_only (403).
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(401, "token_missing")
        digest = hashlib.sha256(f"{audience}\n{token}".encode()).digest()
        verified = self._verified.get(digest)
        if verified is not None:
            if time.time() < verified[1]:
                return verified[0]
            self._verified.pop(digest, None)
        subject, expires = self._verify(audience, token)
        self._verified[digest] = subject, expires
        if len(self._verified) > TOKENS_MAX:
            self._verified.popitem(last=False)
        return subject

    def _verify(self, audience: str, token: str) -> tuple[str, int]:
        issuer = self._issuers[audience]
        if len(token) > TOKEN_BYTES_MAX:
            raise Problem(401, "token_invalid")
        try:
            key = self._keys[issuer.jwks_url].get_signing_key_from_jwt(token)
            decoded = jwt.decode_complete(
                token,
                key,
                algorithms=["ES256"],
                audience=issuer.audience,
                issuer=issuer.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError:
            raise Problem(401, "token_invalid") from None
        claims = decoded["payload"]
        if str(decoded["header"].get("typ", "")).lower() not in TOKEN_TYPES or not isinstance(claims["sub"], str):
            raise Problem(401, "token_invalid")
        if audience == "resident":
            _check_adult(claims.get("birthdate"))
        elif claims.get("client_id") not in (None, claims["sub"]):
            raise Problem(401, "token_invalid")
        return claims["sub"], int(claims["exp"])


def _check_adult(birthdate: object) -> None:
    try:
        born = date.fromisoformat(str(birthdate))
    except ValueError:
        raise Problem(403, "birthdate_required") from None
    today = datetime.now(UTC).date()
    if (today.year - ADULT_YEARS, today.month, today.day) < (born.year, born.month, born.day):
        raise Problem(403, "adults_only")
