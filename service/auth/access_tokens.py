"""Verification of RFC 9068 access tokens: a token becomes one of six principals, or an `IdentityError`.

A token is valid for the one audience whose issuer and `aud` it names; keys come from that issuer's JWKS alone. No
verification waits for the network: keys are refreshed in the background. A verified token is cached until it expires.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import jwt
from pydantic import ValidationError

from consent.kernel.civil_day import parse_civil_day
from service.auth.claims import TokenClaims, TokenHeader
from service.auth.jwks import Algorithm, KeySet, KeySource, json_object
from service.auth.refusal_reasons import RefusalReason

TOKEN_BYTES = 8192
"""Longest accepted token: ten times what identity providers issue; larger ones are refused before parsing."""
TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
"""RFC 9068, section 4; compared without case. PyJWT 2.15 never checks `typ`, so an ID token would pass without this."""
LEEWAY_SECONDS = 30
"""Largest accepted difference between the identity provider's clock and ours."""
STAFF_LIFETIME_SECONDS = 300
"""A staff token lives at most five minutes, so that a stolen one is soon worth nothing."""
ADULT_YEARS = 18
CACHED_TOKENS_MAX = 50_000
"""Verified tokens in the cache of a process (about 30 MB); beyond it the oldest entry is dropped."""
CITY_ZONE = ZoneInfo("Asia/Shanghai")


class Audience(StrEnum):
    """The six audiences with guarded calls; a token is valid for exactly one of them."""

    RESIDENT = "resident"
    VENUE = "venue"
    SOURCE = "source"
    ADMINISTRATOR = "administrator"
    PRIVACY = "privacy"
    CITY_APP = "app"


STAFF_AUDIENCES = frozenset({Audience.ADMINISTRATOR, Audience.PRIVACY})
CLIENT_AUDIENCES = frozenset({Audience.VENUE, Audience.SOURCE, Audience.CITY_APP})
OPTIONAL_AUDIENCES = frozenset({Audience.CITY_APP})
"""Audiences that a city may do without: it may have no app of its own."""


@dataclass(frozen=True, slots=True)
class Resident:
    """An adult resident. Subject and birthdate are left out of `repr`, so that no log line names a person."""

    subject: str = field(repr=False)
    birthdate: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class Venue:
    """A venue, by the `client_id` of its document: its machine's token, or a desk signed in through the pages."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Source:
    """A data source's OAuth client."""

    client_id: str


@dataclass(frozen=True, slots=True)
class CityApp:
    """The back end of the city's app, by its OAuth client."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Administrator:
    """A member of staff who edits the catalogue. `staff_id` is the same for every account and role of one person.

    Four eyes are two different `staff_id`s.
    """

    subject: str
    staff_id: str
    divisions: tuple[str, ...] = ()
    """Codes of the divisions in which the member of staff may write; none without the claim (R15)."""


@dataclass(frozen=True, slots=True)
class PrivacyOfficer:
    """A member of staff who reads under a case and decides reviews and objections."""

    subject: str
    staff_id: str
    divisions: tuple[str, ...] = ()
    """Codes of the divisions in which the member of staff may decide; none without the claim (R15)."""


Principal = Resident | Venue | Source | CityApp | Administrator | PrivacyOfficer


class IdentityError(Exception):
    """A token was refused, for one of a closed list of reasons, which never quote the token."""

    code: ClassVar[str]

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(f"{self.code}: {reason}")
        self.reason = reason


class TokenMissing(IdentityError):
    """No token was sent."""

    code = "token_missing"


class TokenInvalid(IdentityError):
    """The token is valid for no audience."""

    code = "token_invalid"


class WrongRole(IdentityError):
    """The token is valid for another audience.

    `who` names the caller for the rate limit; `actor` is the client or staff id to log, empty for residents.
    """

    code = "wrong_role"

    def __init__(self, audience: Audience, claims: TokenClaims) -> None:
        super().__init__(RefusalReason.WRONG_ROLE)
        self.who = f"{audience}:{claims.sub}"
        self.actor = "" if audience is Audience.RESIDENT else claims.staff_id or claims.client_id or ""


class BirthdateRequired(IdentityError):
    """A resident's token lacks a full date of birth."""

    code = "birthdate_required"


class AdultsOnly(IdentityError):
    """A resident's token belongs to somebody under eighteen."""

    code = "adults_only"


class KeysUnavailable(IdentityError):
    """No key of the issuer is available, so the token can be neither accepted nor refused; answered with 503."""

    code = "keys_unavailable"


@dataclass(frozen=True, slots=True)
class TrustedTokenIssuer:
    """The issuer and `aud` of one audience's tokens, and the algorithms it may sign with.

    `jwks_url` is None where the keys are given directly (the demonstration, tests).

    Raises:
        ValueError: an algorithm other than ES256 and RS256, or a JWKS over plain http from another machine.
    """

    issuer: str
    audience: str
    jwks_url: str | None = None
    algorithms: frozenset[Algorithm] = frozenset({"ES256"})
    desk_clients: frozenset[str] = frozenset()
    """For venues: clients through which desks of many venues sign in, such as that of the pages."""

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("a trusted issuer needs an issuer and an audience")
        if not self.algorithms or self.algorithms - {"ES256", "RS256"}:
            raise ValueError("algorithms are ES256, RS256 or both")
        if self.jwks_url is not None and not is_tamper_proof(self.jwks_url):
            raise ValueError("a JWKS is fetched by https, or by http from this machine")


def is_tamper_proof(address: str) -> bool:
    """Return True for https, and for http from this machine: nobody in between can read or change the answer."""
    url = urlsplit(address)
    here = url.scheme == "http" and url.hostname in {"127.0.0.1", "::1", "localhost"}
    return here or (url.scheme == "https" and bool(url.hostname))


def remote_sources(trusted: Mapping[Audience, TrustedTokenIssuer]) -> dict[Audience, KeySource]:
    """Make a key source for each audience; audiences with the same JWKS URL share one. ValueError without a URL."""
    by_url: dict[str, KeySource] = {}
    for audience, issuer in trusted.items():
        if issuer.jwks_url is None:
            raise ValueError(f"the issuer of the audience {audience} needs a JWKS URL")
        by_url.setdefault(issuer.jwks_url, KeySource(issuer.jwks_url))
    return {audience: by_url[issuer.jwks_url] for audience, issuer in trusted.items() if issuer.jwks_url is not None}


@dataclass(frozen=True, slots=True)
class _CachedToken:
    """A verified token, valid from second `since` to before `until` while its issuer's key set is still `keys`."""

    principal: Principal
    since: int
    until: int
    keys: KeySet


class TokenVerifier:
    """Verifies tokens of all audiences. One per process, used from its event loop alone."""

    def __init__(
        self,
        trusted: Mapping[Audience, TrustedTokenIssuer],
        sources: Mapping[Audience, KeySource],
        *,
        zone: ZoneInfo = CITY_ZONE,
        cached_tokens_max: int = CACHED_TOKENS_MAX,
    ) -> None:
        """Raise ValueError when an audience lacks keys, or two audiences would accept the same tokens."""
        self._trusted = dict(trusted)
        self._sources = dict(sources)
        self._audiences = {(issuer.issuer, issuer.audience): audience for audience, issuer in trusted.items()}
        if self._trusted.keys() != self._sources.keys():
            raise ValueError("every audience needs its issuer and its keys")
        if len(self._audiences) != len(self._trusted):
            raise ValueError("two audiences trust the same issuer and `aud`: a token must be valid for one only")
        self._zone = zone
        self._cached_tokens: OrderedDict[bytes, _CachedToken] = OrderedDict()
        self._cached_tokens_max = cached_tokens_max
        self._jws = jwt.PyJWS()

    async def start(self) -> None:
        """Fetch every JWKS once and start its background refresh."""
        await asyncio.gather(*(source.start() for source in set(self._sources.values())))

    async def stop(self) -> None:
        """Stop the background refreshes."""
        await asyncio.gather(*(source.stop() for source in set(self._sources.values())))

    def ready(self) -> bool:
        """Return True when every audience has keys to verify with."""
        return all(source.current() for source in self._sources.values())

    def key_ages(self) -> dict[Audience, float]:
        """Return the seconds since each audience's keys were fetched; without audiences whose keys never were."""
        ages = {audience: source.age_seconds() for audience, source in self._sources.items()}
        return {audience: age for audience, age in ages.items() if age is not None}

    def verify(self, audience: Audience, token: str | None, now: datetime) -> Principal:
        """Return the principal of a token sent to an audience at `now` (aware), or raise an `IdentityError`."""
        if not token:
            raise TokenMissing(RefusalReason.MISSING)
        if len(token) > TOKEN_BYTES or not token.isascii():
            raise TokenInvalid(RefusalReason.SIZE)
        if now.tzinfo is None:
            raise ValueError("now is an aware datetime")
        second = int(now.timestamp())
        digest = hashlib.sha256(f"{audience}\n{token}".encode("ascii")).digest()
        cached = self._cached_tokens.get(digest)
        if cached is not None:
            if cached.since <= second < cached.until and cached.keys is self._sources[audience].current():
                return cached.principal
            del self._cached_tokens[digest]
        own_audience, claims, keys = self._authentic(token, second)
        if own_audience is not audience:
            raise WrongRole(own_audience, claims)
        principal = _principal(self._trusted[audience], audience, claims, now.astimezone(self._zone).date())
        until = min(claims.exp, second + STAFF_LIFETIME_SECONDS) if audience in STAFF_AUDIENCES else claims.exp
        if until > second:
            self._remember(digest, _CachedToken(principal, second, until, keys))
        return principal

    def _remember(self, digest: bytes, cached: _CachedToken) -> None:
        self._cached_tokens[digest] = cached
        if len(self._cached_tokens) > self._cached_tokens_max:
            self._cached_tokens.popitem(last=False)

    def _authentic(self, token: str, second: int) -> tuple[Audience, TokenClaims, KeySet]:
        """Verify the signature and times of a token; return its audience, its claims and the key set that proved it."""
        header, claims = _read(token)
        own_audience = self._audiences.get((claims.iss, claims.aud))
        if own_audience is None:
            known = any(issuer == claims.iss for issuer, _ in self._audiences)
            raise TokenInvalid(RefusalReason.AUDIENCE if known else RefusalReason.ISSUER)
        source = self._sources[own_audience]
        keys = source.current()
        if keys is None:
            raise KeysUnavailable(RefusalReason.KEYS_UNAVAILABLE)
        key = keys.keys.get(header.kid)
        if key is None:
            source.miss()
            raise TokenInvalid(RefusalReason.UNKNOWN_KID)
        if header.alg != key.algorithm or key.algorithm not in self._trusted[own_audience].algorithms:
            raise TokenInvalid(RefusalReason.ALGORITHM)
        try:
            self._jws.decode_complete(token, key.public, algorithms=[key.algorithm])
        except jwt.PyJWTError:
            raise TokenInvalid(RefusalReason.SIGNATURE) from None
        _check_times(claims, second)
        return own_audience, claims, keys


def _read(token: str) -> tuple[TokenHeader, TokenClaims]:
    """Parse the header and claims of a token. Nothing in them is proven yet."""
    segments = token.split(".")
    if len(segments) != 3:
        raise TokenInvalid(RefusalReason.MALFORMED)
    try:
        head, body, _signature = (_decoded(segment) for segment in segments)
        head_object = json_object(head)
        header = TokenHeader.model_validate(head_object)
        claims = TokenClaims.model_validate(json_object(body))
    except (ValidationError, ValueError, RecursionError):
        raise TokenInvalid(RefusalReason.MALFORMED) from None  # the cause would quote the token
    if "crit" in head_object:
        raise TokenInvalid(RefusalReason.CRITICAL_EXTENSION)
    if header.typ.lower() not in TOKEN_TYPES:
        raise TokenInvalid(RefusalReason.TYP)
    return header, claims


def _decoded(segment: str) -> bytes:
    """Decode base64url in its one canonical spelling without padding (RFC 7515), so that no token has two spellings."""
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment.encode("ascii"):
        raise ValueError("not canonical base64url")
    return data


def _check_times(claims: TokenClaims, second: int) -> None:
    if second >= claims.exp + LEEWAY_SECONDS or claims.exp <= claims.iat:
        raise TokenInvalid(RefusalReason.EXPIRED)
    if max(claims.nbf, claims.iat) > second + LEEWAY_SECONDS:
        raise TokenInvalid(RefusalReason.NOT_YET_VALID)


def _principal(issuer: TrustedTokenIssuer, audience: Audience, claims: TokenClaims, today: date) -> Principal:
    """Make the principal of an authentic token for its own audience; `today` is the city's civil day."""
    if audience is Audience.VENUE:
        return Venue(_venue_client(issuer, claims))
    if audience in (Audience.SOURCE, Audience.CITY_APP):
        if claims.client_id not in (None, claims.sub):  # a person's token, issued through the client's application
            raise TokenInvalid(RefusalReason.CLIENT)
        return Source(claims.sub) if audience is Audience.SOURCE else CityApp(claims.sub)
    if audience in STAFF_AUDIENCES:
        if claims.staff_id is None:
            raise TokenInvalid(RefusalReason.NO_STAFF_ID)
        if claims.exp - claims.iat > STAFF_LIFETIME_SECONDS:
            raise TokenInvalid(RefusalReason.LIFETIME)
        staff = Administrator if audience is Audience.ADMINISTRATOR else PrivacyOfficer
        return staff(claims.sub, claims.staff_id, tuple(claims.divisions))
    birthdate = _birthdate(claims.birthdate)
    if not is_adult(birthdate, today):
        raise AdultsOnly(RefusalReason.ADULTS_ONLY)
    return Resident(claims.sub, birthdate)


def _venue_client(issuer: TrustedTokenIssuer, claims: TokenClaims) -> str:
    """Return the `client_id` of the venue that a token stands for.

    A venue's own machine has a token by client credentials: its client and its subject are the venue. A desk signs in
    through an application of many venues. Then the issuer names the venue in the claim `venue_client_id`; or, at a
    client that the city registered for desks alone, by the account's subject.
    """
    named = claims.venue_client_id
    if named is None and claims.client_id in (None, claims.sub, *issuer.desk_clients):
        return claims.sub
    if named is None or (claims.client_id == claims.sub != named):
        raise TokenInvalid(RefusalReason.CLIENT)
    return named


def _birthdate(text: str | None) -> date:
    """Parse a full date. OpenID Connect also allows a year alone, or year 0000: both raise BirthdateRequired."""
    day = None if text is None else parse_civil_day(text)
    if day is None:
        raise BirthdateRequired(RefusalReason.BIRTHDATE)
    return day


def is_adult(birthdate: date, today: date) -> bool:
    """Return True from the eighteenth birthday on; for 29 February from 1 March in other years, as points do."""
    reached = (today.year - ADULT_YEARS, today.month, today.day)
    return reached >= (birthdate.year, birthdate.month, birthdate.day)
