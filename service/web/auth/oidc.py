"""Sign-in through the city's identity provider: OpenID Connect's code flow with PKCE (RFC 7636, S256).

The pages have no passwords and no table of users. The provider returns an access token for one audience, which is
verified like any API client's; the token alone says who signed in.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from consent.kernel.ascii_text import is_printable_ascii
from service.auth.access_tokens import Audience, IdentityError
from service.auth.trust_store import trust_store
from service.http.context import AppContext
from service.http.endpoints import principal_key
from service.http.problems import Problem
from service.observability.log_events import LogEvent
from service.observability.logging import log_event, request_fields
from service.settings import SignIn
from service.web.auth import sign_in_sessions
from service.web.auth.sign_in_sessions import CookieTooLong, SignInSession

COOKIE, COOKIE_PATH = "credit-easy-sign-in", "/sign-in"
PATH_MAX = 1_000
"""Characters of a return path; a longer one would not fit into the sign-in cookie."""
SIGN_IN_MINUTES = 10
"""Time for signing in at the identity provider; afterwards the sign-in cookie is refused."""
TIMEOUT_SECONDS = 5.0
"""Time for one request to the identity provider, during which a person waits."""
ANSWER_BYTES_MAX = 64 * 1024
"""A token response is a few kilobytes; a larger one is refused unread."""
TOKEN_SECONDS_DEFAULT = 300
"""Life of an access token whose response has no `expires_in`."""


@dataclass(frozen=True, slots=True)
class IdentityProviders:
    """The identity provider of each audience, and the exchanges of tokens under way."""

    app_context: AppContext
    clients: dict[Audience, SignIn]
    transport: httpx2.AsyncBaseTransport | None = None
    """Replaces the network for the demonstration's provider, which runs in this process."""
    renewals: dict[bytes, asyncio.Task[SignInSession | None]] = field(default_factory=dict)
    """By SHA-256 of a refresh token: the exchange under way, or finished within the last EARLY_SECONDS."""
    ended: set[str] = field(default_factory=set)
    """Access tokens of sessions ended within the last EARLY_SECONDS: a request on its way must not renew them."""

    def start(self, request: Request, audience: Audience, return_path: str) -> Response:
        """Redirect the browser to the identity provider, which sends it back to `/sign-in/return`.

        State, code verifier and return path are in an encrypted cookie; the server stores nothing.
        """
        client = self._client(audience)
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": self._redirect_uri(request),
            "scope": client.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if return_path.startswith(sign_in_sessions.KIOSK_PATH):
            # The provider may remember the person before, whose session there ours cannot end.
            query["prompt"] = "login"
        attempt = {
            "door": audience,
            "state": state,
            "verifier": verifier,
            "then": return_path,
            "until": time.time() + SIGN_IN_MINUTES * 60,
        }
        separator = "&" if "?" in client.authorize_url else "?"
        response = RedirectResponse(f"{client.authorize_url}{separator}{urlencode(query)}", 303)
        value = sign_in_sessions.seal(self.app_context.keyring, "sign-in", orjson.dumps(attempt))
        name = sign_in_sessions.host_cookie(request, COOKIE)
        sign_in_sessions.set_cookie(response, request, name, value, COOKIE_PATH, SIGN_IN_MINUTES * 60)
        return response

    async def finish(self, request: Request) -> Response:
        """Exchange the code that the browser brought for tokens, set the session and redirect to the return path.

        Raises:
            Problem: `sign_in_broken` if state, issuer or code do not fit or the provider refuses the code;
                `keys_unavailable` if the provider cannot be reached.
            IdentityError: the access token is not valid for the audience.
        """
        attempt = self._read_attempt(request)
        audience = Audience(attempt["door"])
        query = request.query_params
        issuer = self.app_context.settings.token_issuers[audience].issuer
        if (
            not hmac.compare_digest(query.get("state", "").encode(), attempt["state"].encode())
            or query.get("iss", issuer) != issuer
            or "code" not in query
        ):
            raise Problem("sign_in_broken")
        session = await self._exchange(
            audience,
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": self._redirect_uri(request),
                "code_verifier": attempt["verifier"],
            },
        )
        # A token that is about to expire would send the browser straight back to the sign-in, in a loop.
        if session is None or session.needs_renewal(datetime.now(UTC)):
            raise Problem("sign_in_broken")
        response = RedirectResponse(attempt["then"], 303)
        try:
            sign_in_sessions.write(response, request, self.app_context.keyring, session)
        except CookieTooLong:
            log_event(LogEvent.SIGN_IN_TOO_LONG, **request_fields(request.scope))
            raise Problem("sign_in_broken") from None
        sign_in_sessions.delete_cookie(response, request, sign_in_sessions.host_cookie(request, COOKIE), COOKIE_PATH)
        return response

    async def renew(self, session: SignInSession) -> SignInSession | None:
        """Return the session with a new access token, or None if the person must sign in again.

        A browser may send several requests at once, and a refresh token works once: they share one exchange.
        """
        if session.refresh_token is None or session.access_token in self.ended:
            return None
        if not session.may_be_renewed(datetime.now(UTC)):
            return None
        key = hashlib.sha256(session.refresh_token.encode()).digest()
        task = self.renewals.get(key)
        if task is None:
            task = self.renewals[key] = asyncio.create_task(self._renew(session, session.refresh_token))
            task.add_done_callback(lambda done: self._schedule_removal(key, done))
        renewed = await asyncio.shield(task)
        if renewed is None or renewed.subject != session.subject or session.access_token in self.ended:
            return None
        return renewed

    async def _renew(self, session: SignInSession, refresh_token: str) -> SignInSession | None:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            renewed = await self._exchange(session.audience, form, refresh_token)
        except IdentityError:
            return None
        return None if renewed is None else replace(renewed, signed_in_at=session.signed_in_at)

    async def end_session(self, session: SignInSession) -> None:
        """Refuse further renewals of a session and ask the identity provider to revoke its refresh token.

        A copy of the cookie works until its access token expires, five minutes at most for staff.
        """
        self.ended.add(session.access_token)
        asyncio.get_running_loop().call_later(sign_in_sessions.EARLY_SECONDS, self.ended.discard, session.access_token)
        client = self._client(session.audience)
        if session.refresh_token is None or client.revocation_url is None:
            return
        form = {"token": session.refresh_token, "token_type_hint": "refresh_token"}
        # Signing out here succeeds even when the provider cannot be reached.
        with contextlib.suppress(httpx2.HTTPError):
            await self._post(client, client.revocation_url, form)

    def _schedule_removal(self, key: bytes, done: asyncio.Task[SignInSession | None]) -> None:
        """Remove a failed exchange at once, so that it is retried; a successful one after EARLY_SECONDS.

        Requests that were sent with the old cookie meanwhile are given the same result.
        """
        if done.cancelled() or done.exception() is not None or done.result() is None:
            del self.renewals[key]
        else:
            asyncio.get_running_loop().call_later(sign_in_sessions.EARLY_SECONDS, self.renewals.pop, key, None)

    async def _exchange(
        self, audience: Audience, form: dict[str, str], refresh_token: str | None = None
    ) -> SignInSession | None:
        """Post a grant to the token endpoint; return the session, or None if the grant is refused.

        Args:
            audience: the audience whose client asks, and for which the access token must be valid.
            form: the grant.
            refresh_token: stays in the session if the response has no new one.

        Raises:
            Problem: `keys_unavailable` if the provider cannot be reached or fails.
            IdentityError: the access token is not valid for the audience.
        """
        client = self._client(audience)
        try:
            answer = await self._post(client, client.token_url, form)
        except httpx2.HTTPError:
            raise Problem("keys_unavailable") from None
        if answer.status_code >= 500:
            raise Problem("keys_unavailable")
        tokens = _json_object(answer) if answer.status_code == 200 else {}
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str):
            return None
        subject = principal_key(self.app_context.verifier.verify(audience, access_token, datetime.now(UTC)))
        next_refresh_token = tokens.get("refresh_token", refresh_token)
        life = tokens.get("expires_in", TOKEN_SECONDS_DEFAULT)
        now, life_seconds = time.time(), life if isinstance(life, int) else TOKEN_SECONDS_DEFAULT
        return SignInSession(
            audience,
            access_token,
            sign_in_sessions.renewal_time(now, life_seconds),
            int(now),
            subject,
            next_refresh_token if isinstance(next_refresh_token, str) else None,
        )

    async def _post(self, client: SignIn, url: str, form: dict[str, str]) -> httpx2.Response:
        """Post a form with the client's credentials. Raises httpx2.HTTPError."""
        fields = {**form, "client_id": client.client_id}
        if client.client_secret is not None:
            fields["client_secret"] = client.client_secret
        async with httpx2.AsyncClient(transport=self.transport, timeout=TIMEOUT_SECONDS, verify=trust_store()) as http:
            return await http.post(url, data=fields, headers={"accept": "application/json"})

    def _client(self, audience: Audience) -> SignIn:
        client = self.clients.get(audience)
        if client is None:
            raise Problem("not_found")
        return client

    def _read_attempt(self, request: Request) -> dict[str, Any]:
        """Return the sign-in that the cookie says was started; raise Problem `sign_in_broken` if none is open."""
        plain = sign_in_sessions.unseal(
            self.app_context.keyring, "sign-in", request.cookies.get(sign_in_sessions.host_cookie(request, COOKIE), "")
        )
        attempt: dict[str, Any] = {} if plain is None else orjson.loads(plain)
        if attempt.get("until", 0) < time.time():
            raise Problem("sign_in_broken")
        return attempt

    def _redirect_uri(self, request: Request) -> str:
        """Return the address registered with the provider; in the demonstration, the browser's own."""
        public = self.app_context.settings.public_url
        base = str(request.base_url).rstrip("/") if public is None else public
        return f"{base}/sign-in/return"


def safe_return_path(text: str, audience: Audience) -> str:
    """Return `text` if it is a path of this audience's pages, else their first page.

    Prevents an open redirect: no link can send somebody to another site after signing in.
    """
    first_page = sign_in_sessions.PATHS[audience]
    parts = urlsplit(text)
    of_audience = parts.path == first_page or parts.path.startswith(first_page + "/")
    plain = len(text) <= PATH_MAX and is_printable_ascii(text) and "\\" not in text and "//" not in parts.path
    return text if of_audience and plain and not parts.scheme and not parts.netloc else first_page


def _json_object(answer: httpx2.Response) -> dict[str, Any]:
    if len(answer.content) > ANSWER_BYTES_MAX:
        return {}
    try:
        value = orjson.loads(answer.content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
