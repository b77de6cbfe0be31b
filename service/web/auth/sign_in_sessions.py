"""Sessions that the browser keeps: one encrypted cookie for each audience, which only this service can read.

The server stores nothing about a session. The cookie has the access token and, where the identity provider issues one,
the refresh token, encrypted under a key of the service. A value that is too long for one cookie is split over up to
three.

Over TLS the names begin with `__Host-`: browsers accept such a cookie only from this host itself, so that no other host
of the domain can put a stranger's session into the browser. They also demand the path `/`, so every page is sent the
cookies of every audience that is signed in. Each name has its audience, and `read` refuses a value of another one.

The module also makes the form token, which proves that a form was rendered by this service for this browser.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import Response

from consent.crypto import vault
from consent.crypto.vault import CellAddress, Keyring, SealBroken
from service.auth.access_tokens import Audience

KIOSK_PATH = "/me/kiosk"
"""Beginning of the paths of the kiosk, whose browser somebody else uses next."""
PATHS = {
    Audience.RESIDENT: "/me",
    Audience.VENUE: "/desk",
    Audience.ADMINISTRATOR: "/admin",
    Audience.PRIVACY: "/officer",
}
"""First page of each audience, and without TLS the path of its session cookie. Data sources have no pages."""
COOKIE_BYTES_MAX = 3_900
"""Browsers drop cookies of 4,096 bytes and more, name and attributes included."""
COOKIES_MAX = 3
"""Cookies of one session: many proxies refuse a request with more header bytes."""
EARLY_SECONDS = 30
"""A token is exchanged this long before it expires, or at three quarters of a life under two minutes."""
AGE_SECONDS_MAX = 12 * 3_600
"""A session is renewed for 12 hours after the sign-in: a stolen copy of the cookie ends with the day."""
FORM_COOKIE = "credit-easy-form"
FORM_SEED_MIN, FORM_SEED_MAX = 20, 64
"""Characters of a seed that is accepted; the service's own have 32."""


class CookieTooLong(Exception):
    """The identity provider's tokens do not fit into the session's cookies."""


@dataclass(frozen=True, slots=True)
class SignInSession:
    """A signed-in person. Times are in seconds of the Unix epoch."""

    audience: Audience
    access_token: str = field(repr=False)
    renew_at: int
    """From here on the access token is exchanged before it is used."""
    signed_in_at: int
    subject: str = field(repr=False)
    """The token's subject; a renewed token must name the same."""
    refresh_token: str | None = field(default=None, repr=False)

    def needs_renewal(self, now: datetime) -> bool:
        """Report whether the access token must be exchanged before it is used."""
        return now.timestamp() >= self.renew_at

    def may_be_renewed(self, now: datetime) -> bool:
        """Report whether there is a refresh token and the session is younger than AGE_SECONDS_MAX."""
        return self.refresh_token is not None and now.timestamp() < self.signed_in_at + AGE_SECONDS_MAX


def renewal_time(now: float, life_seconds: int) -> int:
    """Return when to exchange a token that expires `life_seconds` after `now`, in seconds of the epoch."""
    return int(now + life_seconds - min(EARLY_SECONDS, life_seconds / 4))


def serialize(session: SignInSession) -> bytes:
    """Return the session as JSON. The member names are fixed: browsers have cookies of earlier versions."""
    return orjson.dumps(
        {
            "door": session.audience,
            "token": session.access_token,
            "until": session.renew_at,
            "since": session.signed_in_at,
            "who": session.subject,
            "refresh": session.refresh_token,
        }
    )


def read(request: Request, keyring: Keyring, audience: Audience) -> SignInSession | None:
    """Return the session in the request's cookies, or None without one that this service encrypted."""
    value = "".join(request.cookies.get(cookie_name(audience, request, part), "") for part in range(COOKIES_MAX))
    plain = unseal(keyring, "session", value)
    if plain is None:
        return None
    members = orjson.loads(plain)
    if members["door"] != audience:
        return None
    return SignInSession(
        audience, members["token"], members["until"], members["since"], members["who"], members["refresh"]
    )


def write(response: Response, request: Request, keyring: Keyring, session: SignInSession) -> None:
    """Set the session's cookies, without the refresh token if they would be too long with it.

    Raises:
        CookieTooLong: the access token alone does not fit.
    """
    value = seal(keyring, "session", serialize(session))
    if len(value) > COOKIE_BYTES_MAX * COOKIES_MAX:
        value = seal(keyring, "session", serialize(replace(session, refresh_token=None)))
    if len(value) > COOKIE_BYTES_MAX * COOKIES_MAX:
        raise CookieTooLong
    for part in range(COOKIES_MAX):
        piece = value[part * COOKIE_BYTES_MAX : (part + 1) * COOKIE_BYTES_MAX]
        if piece:
            name = cookie_name(session.audience, request, part)
            set_cookie(response, request, name, piece, PATHS[session.audience])
        else:
            _delete_part(response, request, session.audience, part)


def delete(response: Response, request: Request, audience: Audience) -> None:
    """Delete an audience's session cookies."""
    for part in range(COOKIES_MAX):
        _delete_part(response, request, audience, part)


def _delete_part(response: Response, request: Request, audience: Audience, part: int) -> None:
    name = cookie_name(audience, request, part)
    if part == 0 or name in request.cookies:
        delete_cookie(response, request, name, PATHS[audience])


def cookie_name(audience: Audience, request: Request, part: int = 0) -> str:
    """Return the name of a session cookie, or of a further part of it."""
    return host_cookie(request, f"credit-easy-{audience}{f'-{part}' if part else ''}")


def host_cookie(request: Request, name: str) -> str:
    """Return a cookie's name; over TLS with the prefix that keeps other hosts of the domain from setting it."""
    return f"__Host-{name}" if is_secure(request) else name


def is_secure(request: Request) -> bool:
    """Report whether the browser uses TLS, to this process or, by the setting `public_url`, to a proxy before it."""
    public: str | None = request.app.state.app_context.settings.public_url
    return request.url.scheme == "https" if public is None else public.startswith("https:")


def form_token(request: Request, keyring: Keyring) -> tuple[str, str | None]:
    """Return the form token for this browser, and the seed of a new form cookie if the browser has none."""
    seed = request.cookies.get(form_cookie_name(request), "")
    new_seed = None
    if not FORM_SEED_MIN <= len(seed) <= FORM_SEED_MAX:
        seed = new_seed = secrets.token_urlsafe(24)
    return _form_token(keyring, seed), new_seed


def is_valid_form(request: Request, keyring: Keyring, token: str) -> bool:
    """Report whether `token` fits this browser's form cookie and the browser does not say that another site sent it."""
    if not is_from_own_page(request, if_unknown=True):
        return False
    seed = request.cookies.get(form_cookie_name(request), "")
    expected = [_form_token(each, seed).encode() for each in keyring.each()]
    return bool(seed) and any(hmac.compare_digest(valid, token.encode()) for valid in expected)


def is_from_own_page(request: Request, *, if_unknown: bool) -> bool:
    """Tell by Sec-Fetch-Site if a page of ours sent this request; `if_unknown` is returned without that header.

    The Origin header is no help: our pages send no referrer, and then browsers send `Origin: null`.
    """
    site = request.headers.get("sec-fetch-site")
    return if_unknown if site is None else site in ("same-origin", "none")


def form_cookie_name(request: Request) -> str:
    """Return the form cookie's name."""
    return host_cookie(request, FORM_COOKIE)


def set_form_cookie(response: Response, request: Request, seed: str) -> None:
    """Set the cookie from whose value the form tokens are derived."""
    set_cookie(response, request, form_cookie_name(request), seed, "/")


def seal(keyring: Keyring, use: str, plain: bytes) -> str:
    """Encrypt bytes for a cookie or URL under the service's key; `use` must be given again to decrypt."""
    cipher = vault.service_cipher(keyring, "pages")
    return base64.urlsafe_b64encode(vault.seal(cipher, CellAddress("page", use, "", ""), plain)).rstrip(b"=").decode()


def unseal(keyring: Keyring, use: str, text: str) -> bytes | None:
    """Decrypt what `seal` returned for the same use; None for anything else."""
    if not text or not text.isascii() or len(text) > COOKIE_BYTES_MAX * COOKIES_MAX:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return vault.open_service(keyring, "pages", CellAddress("page", use, "", ""), raw)
    except (binascii.Error, ValueError, SealBroken):
        return None


def _form_token(keyring: Keyring, seed: str) -> str:
    key = vault.service_key(keyring, "page-forms")
    return hmac.digest(key, seed.encode("utf-8", "replace"), "sha256").hex()


def set_cookie(
    response: Response, request: Request, name: str, value: str, path: str, max_age: int | None = None
) -> None:
    """Set a cookie that no script reads; over TLS for every path, as `__Host-` demands, else for `path`.

    It lives `max_age` seconds, or until the browser is closed.
    """
    secure = is_secure(request)
    path = "/" if secure else path
    response.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="lax")


def delete_cookie(response: Response, request: Request, name: str, path: str) -> None:
    """Delete a cookie of `set_cookie` with the same path."""
    secure = is_secure(request)
    response.delete_cookie(name, path="/" if secure else path, secure=secure, httponly=True, samesite="lax")


def claim(session: SignInSession, name: str) -> str:
    """Return a text claim of the session's access token, "" without it. Nothing is verified: only for display."""
    try:
        payload = session.access_token.split(".")[1]
        claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims.get(name, ""))
    except (IndexError, ValueError, AttributeError):
        return ""
