"""Who is signed in, kept by the browser: one sealed cookie for each door, readable by this service alone.

Nothing about a session is stored here. The cookie holds the access token and, where the identity provider gave one,
the refresh token, sealed by a key of the service's own; its path is the door's, so that no other page is sent it.
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

from consent import vault
from consent.vault import Keyring, Place, SealBroken
from service.identity import Door

PATHS = {
    Door.RESIDENT: "/me",
    Door.VENUE: "/desk",
    Door.ADMINISTRATOR: "/admin",
    Door.PRIVACY: "/officer",
}
"""Where each door's pages are; a data source has none, it is a machine."""
COOKIE_BYTES_MAX = 3_900
"""Browsers drop cookies from 4,096 bytes on; a refresh token that does not fit is left out."""
EARLY_SECONDS = 30
"""How long before its end a token is exchanged, so that it does not end on the way."""
FORM_COOKIE = "credit-easy-form"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in at a door; `until` is when the access token ends, in seconds of the epoch."""

    door: Door
    token: str = field(repr=False)
    until: int
    refresh: str | None = field(default=None, repr=False)

    def ends_soon(self, now: datetime) -> bool:
        """Whether the access token should be exchanged before it is used."""
        return now.timestamp() >= self.until - EARLY_SECONDS


def read(request: Request, keyring: Keyring, door: Door) -> Session | None:
    """The session of this door's cookie, or None without one that opens."""
    plain = unsealed(keyring, "session", request.cookies.get(name_of(door, request), ""))
    if plain is None:
        return None
    found = orjson.loads(plain)
    return Session(door, found["token"], found["until"], found["refresh"]) if found["door"] == door else None


def write(response: Response, request: Request, keyring: Keyring, session: Session) -> None:
    """Keep a session in the browser."""
    value = sealed(keyring, "session", orjson.dumps(asdict(session)))
    if len(value) > COOKIE_BYTES_MAX:
        value = sealed(keyring, "session", orjson.dumps({**asdict(session), "refresh": None}))
    _set(response, request, name_of(session.door, request), value, PATHS[session.door])


def end(response: Response, request: Request, door: Door) -> None:
    """Forget the session of a door."""
    response.delete_cookie(
        name_of(door, request), path=PATHS[door], secure=is_secure(request), httponly=True, samesite="lax"
    )


def name_of(door: Door, request: Request) -> str:
    """The cookie's name; over TLS one that browsers take over TLS alone."""
    return f"{'__Secure-' if is_secure(request) else ''}credit-easy-{door}"


def is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS, to this process or to what stands before it."""
    public: str | None = request.app.state.city.settings.public_url
    return request.url.scheme == "https" if public is None else public.startswith("https:")


def form_token(request: Request, keyring: Keyring) -> tuple[str, str | None]:
    """What every form carries, and the new cookie it goes with where the browser has none yet."""
    seed = request.cookies.get(FORM_COOKIE, "")
    fresh = None
    if not 20 <= len(seed) <= 64:
        seed = fresh = secrets.token_urlsafe(24)
    return _form_token(keyring, seed), fresh


def form_fits(request: Request, keyring: Keyring, token: str) -> bool:
    """Whether a form was made for this browser by this service, and sent by a page of ours."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    seed = request.cookies.get(FORM_COOKIE, "")
    return bool(seed) and hmac.compare_digest(_form_token(keyring, seed).encode(), token.encode())


def keep_form_cookie(response: Response, request: Request, seed: str) -> None:
    """Give the browser what its forms' tokens are made of."""
    _set(response, request, FORM_COOKIE, seed, "/")


def sealed(keyring: Keyring, use: str, plain: bytes) -> str:
    """Bytes that only this service opens again, as text for a cookie."""
    key = vault.service_key(keyring, "pages")
    return base64.urlsafe_b64encode(vault.seal(key, Place("page", use, "", ""), plain)).rstrip(b"=").decode()


def unsealed(keyring: Keyring, use: str, text: str) -> bytes | None:
    """What was sealed for this use, or None for anything else."""
    if not text or not text.isascii() or len(text) > COOKIE_BYTES_MAX:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return vault.open_sealed(vault.service_key(keyring, "pages"), Place("page", use, "", ""), raw)
    except (binascii.Error, ValueError, SealBroken):
        return None


def _form_token(keyring: Keyring, seed: str) -> str:
    key = vault.service_key(keyring, "page-forms")
    return hmac.digest(key, seed.encode("utf-8", "replace"), "sha256").hex()


def _set(response: Response, request: Request, name: str, value: str, path: str) -> None:
    response.set_cookie(name, value, path=path, secure=is_secure(request), httponly=True, samesite="lax")
