"""Who is signed in, kept by the browser: one sealed cookie for each door, readable by this service alone.

Nothing about a session is stored here. The cookie holds the access token and, where the identity provider gave one,
the refresh token, sealed by a key of the service's own; its path is the door's, so that no other page is sent it. What
is too long for one cookie goes on in the next.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response

from consent.crypto import vault
from consent.crypto.vault import Keyring, Place, SealBroken
from service.auth.access_tokens import Audience

PATHS = {
    Audience.RESIDENT: "/me",
    Audience.VENUE: "/desk",
    Audience.ADMINISTRATOR: "/admin",
    Audience.PRIVACY: "/officer",
}
"""Where each door's pages are; a data source has none, it is a machine."""
COOKIE_BYTES_MAX = 3_900
"""Browsers drop cookies from 4,096 bytes on."""
COOKIES_MAX = 3
"""Of one session: together with everything else a browser sends, more would be too much for many a proxy."""
EARLY_SECONDS = 30
"""How long before its end a token is exchanged, so that it does not end on the way; of short ones a quarter."""
AGE_SECONDS_MAX = 12 * 3_600
"""How long after signing in a session is renewed at all: a copy of a cookie ends with the day."""
FORM_COOKIE = "credit-easy-form"


class TooLong(Exception):
    """The identity provider's tokens do not fit into a browser's cookies."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in at a door, since and until when in seconds of the epoch.

    From `until` on the access token is exchanged before it is used; `who` is the token's subject.
    """

    door: Audience
    token: str = field(repr=False)
    until: int
    since: int
    who: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)

    def ends_soon(self, now: datetime) -> bool:
        """Whether the access token should be exchanged before it is used."""
        return now.timestamp() >= self.until

    def can_go_on(self, now: datetime) -> bool:
        """Whether it may be renewed."""
        return self.refresh is not None and now.timestamp() < self.since + AGE_SECONDS_MAX


def exchange_at(now: float, life_seconds: int) -> int:
    """When a token that lives so long from `now` on is to be exchanged."""
    return int(now + life_seconds - min(EARLY_SECONDS, life_seconds / 4))


def read(request: Request, keyring: Keyring, door: Audience) -> Session | None:
    """The session of this door's cookies, or None without one that opens."""
    value = "".join(request.cookies.get(name_of(door, request, part), "") for part in range(COOKIES_MAX))
    plain = unsealed(keyring, "session", value)
    if plain is None:
        return None
    found = orjson.loads(plain)
    return Session(**{**found, "door": door}) if found["door"] == door else None


def write(response: Response, request: Request, keyring: Keyring, session: Session) -> None:
    """Keep a session in the browser, without its refresh token where that is too much; or TooLong."""
    value = sealed(keyring, "session", orjson.dumps(asdict(session)))
    if len(value) > COOKIE_BYTES_MAX * COOKIES_MAX:
        value = sealed(keyring, "session", orjson.dumps({**asdict(session), "refresh": None}))
    if len(value) > COOKIE_BYTES_MAX * COOKIES_MAX:
        raise TooLong
    for part in range(COOKIES_MAX):
        piece = value[part * COOKIE_BYTES_MAX : (part + 1) * COOKIE_BYTES_MAX]
        if piece:
            _set(response, request, name_of(session.door, request, part), piece, PATHS[session.door])
        else:
            _end(response, request, session.door, part)


def end(response: Response, request: Request, door: Audience) -> None:
    """Forget the session of a door."""
    for part in range(COOKIES_MAX):
        _end(response, request, door, part)


def _end(response: Response, request: Request, door: Audience, part: int) -> None:
    name = name_of(door, request, part)
    if part == 0 or name in request.cookies:
        response.delete_cookie(name, path=PATHS[door], secure=is_secure(request), httponly=True, samesite="lax")


def name_of(door: Audience, request: Request, part: int = 0) -> str:
    """The name of a session's cookie; over TLS one that browsers take over TLS alone."""
    return f"{'__Secure-' if is_secure(request) else ''}credit-easy-{door}{f'-{part}' if part else ''}"


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, to this process or to what stands before it."""
    public: str | None = request.app.state.app_context.settings.public_url
    return request.url.scheme == "https" if public is None else public.startswith("https:")


def form_token(request: Request, keyring: Keyring) -> tuple[str, str | None]:
    """What every form carries, and the new cookie it goes with where the browser has none yet."""
    seed = request.cookies.get(form_cookie(request), "")
    fresh = None
    if not 20 <= len(seed) <= 64:
        seed = fresh = secrets.token_urlsafe(24)
    return _form_token(keyring, seed), fresh


def form_fits(request: Request, keyring: Keyring, token: str) -> bool:
    """Whether a form was made for this browser by this service, and sent by a page of ours."""
    if not is_from_here(request, unsaid=True):
        return False
    seed = request.cookies.get(form_cookie(request), "")
    return bool(seed) and hmac.compare_digest(_form_token(keyring, seed).encode(), token.encode())


def is_from_here(request: Request, *, unsaid: bool) -> bool:
    """Whether a page of ours sent this request, as the browser says; `unsaid` where it says nothing.

    Origin is no answer: pages that send no referrer, like ours, have browsers say "null".
    """
    said = request.headers.get("sec-fetch-site")
    return unsaid if said is None else said in ("same-origin", "none")


def form_cookie(request: Request) -> str:
    """The name of what forms' tokens are made of; over TLS no other host can set it."""
    return f"{'__Host-' if is_secure(request) else ''}{FORM_COOKIE}"


def keep_form_cookie(response: Response, request: Request, seed: str) -> None:
    """Give the browser what its forms' tokens are made of."""
    _set(response, request, form_cookie(request), seed, "/")


def sealed(keyring: Keyring, use: str, plain: bytes) -> str:
    """Bytes that only this service opens again, as text for a cookie."""
    cipher = vault.service_cipher(keyring, "pages")
    return base64.urlsafe_b64encode(vault.seal(cipher, Place("page", use, "", ""), plain)).rstrip(b"=").decode()


def unsealed(keyring: Keyring, use: str, text: str) -> bytes | None:
    """What was sealed for this use, or None for anything else."""
    if not text or not text.isascii() or len(text) > COOKIE_BYTES_MAX * COOKIES_MAX:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return vault.open_sealed(vault.service_cipher(keyring, "pages"), Place("page", use, "", ""), raw)
    except (binascii.Error, ValueError, SealBroken):
        return None


def _form_token(keyring: Keyring, seed: str) -> str:
    key = vault.service_key(keyring, "page-forms")
    return hmac.digest(key, seed.encode("utf-8", "replace"), "sha256").hex()


def _set(response: Response, request: Request, name: str, value: str, path: str) -> None:
    response.set_cookie(name, value, path=path, secure=is_secure(request), httponly=True, samesite="lax")
