"""Who is asking: an access token of the city's identity provider becomes one of five principals, or an error.

A token opens the one door whose issuer and audience it names; keys come from that issuer's JWKS and from nowhere else.
Nothing here waits for a network: keys are refreshed in the background, and verified tokens are kept until they expire.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from consent.kernel.civil_day import parse_civil_day
from service.auth.jwks import Algorithm, KeySet, KeySource, json_object

TOKEN_BYTES = 8192
"""Longest token: ten times what an identity provider issues, and little enough to parse for anybody."""
TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
"""RFC 9068, section 4; compared without case. An ID token or a pass signed by the same key is no access token."""
LEEWAY_SECONDS = 30
"""How far the identity provider's clock may be from ours."""
STAFF_LIFETIME_SECONDS = 300
"""A staff token lives at most five minutes, so that a stolen one is soon worth nothing."""
ADULT_YEARS = 18
NAME_CHARACTERS = 255
"""OpenID Connect, section 2: no longer `sub` exists."""
CACHED_TOKENS_MAX = 50_000
"""Verified tokens a process remembers (about 30 MB); beyond it the oldest is verified again."""
CITY_ZONE = ZoneInfo("Asia/Shanghai")


class Audience(StrEnum):
    """The five guarded doors; a token belongs to exactly one."""

    RESIDENT = "resident"
    VENUE = "venue"
    SOURCE = "source"
    ADMINISTRATOR = "administrator"
    PRIVACY = "privacy"


STAFF_AUDIENCES = frozenset({Audience.ADMINISTRATOR, Audience.PRIVACY})
CLIENT_AUDIENCES = frozenset({Audience.VENUE, Audience.SOURCE})


@dataclass(frozen=True, slots=True)
class Resident:
    """An adult with a token; what identifies the person stays out of every printed form."""

    subject: str = field(repr=False)
    birthdate: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class Venue:
    client_id: str


@dataclass(frozen=True, slots=True)
class Source:
    client_id: str


@dataclass(frozen=True, slots=True)
class Administrator:
    """`staff_id` is one for a person, whatever account or role: two pairs of eyes are two of these."""

    subject: str
    staff_id: str


@dataclass(frozen=True, slots=True)
class PrivacyOfficer:
    subject: str
    staff_id: str


Principal = Resident | Venue | Source | Administrator | PrivacyOfficer


class IdentityError(Exception):
    """Why nobody came in. `reason` is from a closed vocabulary, for operators; it never quotes the token."""

    code: ClassVar[str]

    def __init__(self, reason: str = "") -> None:
        super().__init__(f"{self.code}: {reason}" if reason else self.code)
        self.reason = reason


class TokenMissing(IdentityError):
    """No token was sent."""

    code = "token_missing"


class TokenInvalid(IdentityError):
    """The token is valid at no door."""

    code = "token_invalid"


class WrongRole(IdentityError):
    """The token is valid, at another door. `who` is its subject there, `actor` what of it may be written down."""

    code = "wrong_role"

    def __init__(self, owner: Audience, claims: _Claims) -> None:
        super().__init__("another door")
        self.who = f"{owner}:{claims.sub}"
        self.actor = "" if owner is Audience.RESIDENT else claims.staff_id or claims.client_id or ""


class BirthdateRequired(IdentityError):
    """A resident's token without a full date of birth."""

    code = "birthdate_required"


class AdultsOnly(IdentityError):
    """A resident's token of somebody under eighteen."""

    code = "adults_only"


class KeysUnavailable(IdentityError):
    """The issuer's keys could not be had: the token may be good, nobody can tell."""

    code = "keys_unavailable"


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """Whose tokens open a door. `jwks_url` is None when the keys are handed over (the demonstration, tests).

    Raises ValueError for an algorithm that is not accepted, and for a JWKS fetched in the clear from another machine.
    """

    issuer: str
    audience: str
    jwks_url: str | None = None
    algorithms: frozenset[Algorithm] = frozenset({"ES256"})

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("a trusted issuer needs an issuer and an audience")
        if not self.algorithms or self.algorithms - {"ES256", "RS256"}:
            raise ValueError("algorithms are ES256, RS256 or both")
        if self.jwks_url is not None and not is_tamper_proof(self.jwks_url):
            raise ValueError("a JWKS is fetched by https, or by http from this machine")


def is_tamper_proof(address: str) -> bool:
    """Whether nobody on the way can read or change what is fetched: https, or http from this machine."""
    url = urlsplit(address)
    here = url.scheme == "http" and url.hostname in {"127.0.0.1", "::1", "localhost"}
    return here or (url.scheme == "https" and bool(url.hostname))


def remote_sources(trusted: Mapping[Audience, TrustedIssuer]) -> dict[Audience, KeySource]:
    """A source for each door, one and the same for doors with the same JWKS. Raises ValueError without a URL."""
    by_url: dict[str, KeySource] = {}
    for audience, issuer in trusted.items():
        if issuer.jwks_url is None:
            raise ValueError(f"the issuer of the {audience} door needs a JWKS URL")
        by_url.setdefault(issuer.jwks_url, KeySource(issuer.jwks_url))
    return {audience: by_url[issuer.jwks_url] for audience, issuer in trusted.items() if issuer.jwks_url is not None}


def require_clean_name(text: str) -> str:
    """`text` itself: 1 to 255 characters that a database stores, a log shows as they are, and NFKC leaves alone.

    People and accounts are found by the NFKC form, so two subjects must never share one. Raises ValueError.
    """
    if not 1 <= len(text) <= NAME_CHARACTERS or not text.isprintable() or not unicodedata.is_normalized("NFKC", text):
        raise ValueError(f"a name is 1 to {NAME_CHARACTERS} printable characters in NFKC form")
    return text


Name = Annotated[str, AfterValidator(require_clean_name)]
NumericDate = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Whole seconds of the epoch, up to the last of year 9999."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class _Header(_Strict):
    """What is read of a header; `jku`, `x5u`, `jwk` and `x5c` are not, so they can choose nothing."""

    typ: str
    alg: str
    kid: str


class _Claims(_Strict):
    iss: str
    aud: str
    sub: Name
    exp: NumericDate
    iat: NumericDate
    nbf: NumericDate = 0
    client_id: Name | None = None
    staff_id: Name | None = None
    birthdate: str | None = None


@dataclass(frozen=True, slots=True)
class _CachedToken:
    """A verified token: good from `since` until before `until`, as long as its issuer's keys are `keys`."""

    principal: Principal
    since: int
    until: int
    keys: KeySet


class Verifier:
    """Turns tokens into principals; one for the process, used from its event loop alone."""

    def __init__(
        self,
        trusted: Mapping[Audience, TrustedIssuer],
        sources: Mapping[Audience, KeySource],
        *,
        zone: ZoneInfo = CITY_ZONE,
        cached_tokens_max: int = CACHED_TOKENS_MAX,
    ) -> None:
        """Raises ValueError when a door lacks keys, or two doors would accept the same tokens."""
        self._trusted = dict(trusted)
        self._sources = dict(sources)
        self._owners = {(issuer.issuer, issuer.audience): audience for audience, issuer in trusted.items()}
        if self._trusted.keys() != self._sources.keys():
            raise ValueError("every door needs its issuer and its keys")
        if len(self._owners) != len(self._trusted):
            raise ValueError("two doors trust the same issuer and audience: a token must open one door only")
        self._zone = zone
        self._cached_tokens: OrderedDict[bytes, _CachedToken] = OrderedDict()
        self._cached_tokens_max = cached_tokens_max
        self._jws = jwt.PyJWS()

    async def start(self) -> None:
        """Have the first look at every JWKS and keep looking."""
        await asyncio.gather(*(source.start() for source in set(self._sources.values())))

    async def stop(self) -> None:
        """End what `start` began."""
        await asyncio.gather(*(source.stop() for source in set(self._sources.values())))

    def ready(self) -> bool:
        """Whether every door has keys to verify with."""
        return all(source.current() for source in self._sources.values())

    def verify(self, audience: Audience, token: str | None, now: datetime) -> Principal:
        """Who sent `token` to `door` at `now` (an aware datetime).

        Raises TokenMissing, TokenInvalid, WrongRole, BirthdateRequired, AdultsOnly or KeysUnavailable.
        """
        if not token:
            raise TokenMissing
        if len(token) > TOKEN_BYTES or not token.isascii():
            raise TokenInvalid("size or character set")
        if now.tzinfo is None:
            raise ValueError("now is an aware datetime")
        second = int(now.timestamp())
        digest = hashlib.sha256(f"{audience}\n{token}".encode("ascii")).digest()
        kept = self._cached_tokens.get(digest)
        if kept is not None:
            if kept.since <= second < kept.until and kept.keys is self._sources[audience].current():
                return kept.principal
            del self._cached_tokens[digest]
        owner, claims, keys = self._authentic(token, second)
        if owner is not audience:
            raise WrongRole(owner, claims)
        principal = _principal(audience, claims, now.astimezone(self._zone).date())
        until = min(claims.exp, second + STAFF_LIFETIME_SECONDS) if audience in STAFF_AUDIENCES else claims.exp
        if until > second:
            self._remember(digest, _CachedToken(principal, second, until, keys))
        return principal

    def _remember(self, digest: bytes, kept: _CachedToken) -> None:
        self._cached_tokens[digest] = kept
        if len(self._cached_tokens) > self._cached_tokens_max:
            self._cached_tokens.popitem(last=False)

    def _authentic(self, token: str, second: int) -> tuple[Audience, _Claims, KeySet]:
        """The door a token is valid at, what it says, and the keys that proved it."""
        header, claims = _read(token)
        owner = self._owners.get((claims.iss, claims.aud))
        if owner is None:
            raise TokenInvalid("issuer or audience")
        source = self._sources[owner]
        keys = source.current()
        if keys is None:
            raise KeysUnavailable
        key = keys.keys.get(header.kid)
        if key is None:
            source.miss()
            raise TokenInvalid("unknown key")
        if header.alg != key.algorithm or key.algorithm not in self._trusted[owner].algorithms:
            raise TokenInvalid("algorithm")
        try:
            self._jws.decode_complete(token, key.public, algorithms=[key.algorithm])
        except jwt.PyJWTError:
            raise TokenInvalid("signature") from None
        _check_times(claims, second)
        return owner, claims, keys


def _read(token: str) -> tuple[_Header, _Claims]:
    """The header and claims of a well-formed access token; nothing in them is proven yet."""
    segments = token.split(".")
    if len(segments) != 3:
        raise TokenInvalid("not three segments")
    try:
        head, body, _signature = (_decoded(segment) for segment in segments)
        head_object = json_object(head)
        header = _Header.model_validate(head_object)
        claims = _Claims.model_validate(json_object(body))
    except (ValidationError, ValueError, RecursionError):
        raise TokenInvalid("malformed") from None  # the cause would quote the token
    if "crit" in head_object:
        raise TokenInvalid("critical extension")
    if header.typ.lower() not in TOKEN_TYPES:
        raise TokenInvalid("type")
    return header, claims


def _decoded(segment: str) -> bytes:
    """Base64url as RFC 7515 writes it: one spelling for each value, without padding."""
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment.encode("ascii"):
        raise ValueError("not canonical base64url")
    return data


def _check_times(claims: _Claims, second: int) -> None:
    if second >= claims.exp + LEEWAY_SECONDS or claims.exp <= claims.iat:
        raise TokenInvalid("expired")
    if max(claims.nbf, claims.iat) > second + LEEWAY_SECONDS:
        raise TokenInvalid("not yet valid")


def _principal(audience: Audience, claims: _Claims, today: date) -> Principal:
    """The principal of an authentic token at its own door, on the city's civil day `today`."""
    if audience in CLIENT_AUDIENCES:
        if claims.client_id not in (None, claims.sub):  # a person's token, issued through the venue's application
            raise TokenInvalid("subject is not the client")
        return Venue(claims.sub) if audience is Audience.VENUE else Source(claims.sub)
    if audience in STAFF_AUDIENCES:
        if claims.staff_id is None:
            raise TokenInvalid("no staff_id")
        if claims.exp - claims.iat > STAFF_LIFETIME_SECONDS:
            raise TokenInvalid("a staff token lives at most five minutes")
        staff = Administrator if audience is Audience.ADMINISTRATOR else PrivacyOfficer
        return staff(claims.sub, claims.staff_id)
    birthdate = _birthdate(claims.birthdate)
    if not is_adult(birthdate, today):
        raise AdultsOnly
    return Resident(claims.sub, birthdate)


def _birthdate(text: str | None) -> date:
    """OpenID Connect lets a provider say less (a year, or year 0000); less than a full date is no birthdate here."""
    day = None if text is None else parse_civil_day(text)
    if day is None:
        raise BirthdateRequired
    return day


def is_adult(birthdate: date, today: date) -> bool:
    """Eighteen from the birthday on; born on 29 February, from 1 March in a year without one (as for points)."""
    reached = (today.year - ADULT_YEARS, today.month, today.day)
    return reached >= (birthdate.year, birthdate.month, birthdate.day)
