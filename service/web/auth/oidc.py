"""Signing in through the city's identity provider: OpenID Connect's code flow with PKCE (RFC 7636, S256).

The pages hold no password and know no user. What comes back is an access token of the door, verified like every
other; whom it names is said by the token alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
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

from service.auth.access_tokens import Audience, IdentityError
from service.http.context import AppContext
from service.http.endpoints import principal_key
from service.http.problems import Problem
from service.settings import SignIn
from service.web.auth import sessions
from service.web.auth.sessions import Session, TooLong

logger = logging.getLogger("credit_easy.signin")

COOKIE = "credit-easy-sign-in"
PATH_MAX = 1_000
"""A longer way back would not fit into a cookie."""
MINUTES = 10
"""How long somebody may take at the identity provider."""
ANSWER_SECONDS = 5.0
ANSWER_BYTES_MAX = 64 * 1024
LIFE_SECONDS = 300
"""How long a token is taken to live when the identity provider does not say."""


@dataclass(frozen=True, slots=True)
class Providers:
    """Where people sign in, by door; `transport` is another way to the token endpoint than the network."""

    app_context: AppContext
    clients: dict[Audience, SignIn]
    transport: httpx2.AsyncBaseTransport | None = None
    renewing: dict[bytes, asyncio.Task[Session | None]] = field(default_factory=dict)
    """By the hash of a refresh token: the exchange under way, or the session that came of it a moment ago."""
    ended: set[str] = field(default_factory=set)
    """Access tokens of sessions that were ended a moment ago: what was on its way brings none of them back."""

    def begin(self, request: Request, door: Audience, then: str) -> Response:
        """Send the browser to the identity provider; it comes back to `/sign-in/return`."""
        client = self._client(door)
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": self._return_to(request),
            "scope": client.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        kept = {"door": door, "state": state, "verifier": verifier, "then": then, "until": time.time() + MINUTES * 60}
        glue = "&" if "?" in client.authorize_url else "?"
        response = RedirectResponse(f"{client.authorize_url}{glue}{urlencode(query)}", 303)
        response.set_cookie(
            COOKIE,
            sessions.sealed(self.app_context.keyring, "sign-in", orjson.dumps(kept)),
            max_age=MINUTES * 60,
            path="/sign-in",
            secure=sessions.is_secure(request),
            httponly=True,
            samesite="lax",
        )
        return response

    async def finish(self, request: Request) -> Response:
        """Take the code that the browser brought, exchange it, and let the person in where they wanted to go."""
        kept = self._kept(request)
        door = Audience(kept["door"])
        query = request.query_params
        issuer = self.app_context.settings.issuers[door].issuer
        if (
            not hmac.compare_digest(query.get("state", "").encode(), kept["state"].encode())
            or query.get("iss", issuer) != issuer
            or "code" not in query
        ):
            raise Problem("sign_in_broken")
        session = await self._exchange(
            door,
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": self._return_to(request),
                "code_verifier": kept["verifier"],
            },
        )
        # Whoever signed in a moment ago must not be sent here again at once, round and round.
        if session is None or session.ends_soon(datetime.now(UTC)):
            raise Problem("sign_in_broken")
        response = RedirectResponse(kept["then"], 303)
        try:
            sessions.write(response, request, self.app_context.keyring, session)
        except TooLong:
            logger.error("the identity provider's tokens are too long for cookies")
            raise Problem("sign_in_broken") from None
        response.delete_cookie(COOKIE, path="/sign-in", secure=sessions.is_secure(request), httponly=True)
        return response

    async def renewed(self, session: Session) -> Session | None:
        """The session with a new access token, or None when the person must sign in again."""
        if session.refresh is None or session.token in self.ended or not session.can_go_on(datetime.now(UTC)):
            return None
        # A browser may send several requests at once, and a refresh token works once: they share one exchange.
        key = hashlib.sha256(session.refresh.encode()).digest()
        task = self.renewing.get(key)
        if task is None:
            task = self.renewing[key] = asyncio.create_task(self._renew(session, session.refresh))
            task.add_done_callback(lambda done: self._forget(key, done))
        found = await asyncio.shield(task)
        mine = found is not None and found.who == session.who and session.token not in self.ended
        return found if mine else None

    async def _renew(self, session: Session, refresh: str) -> Session | None:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        try:
            found = await self._exchange(session.door, form, refresh)
        except IdentityError:
            return None
        return None if found is None else replace(found, since=session.since)

    async def end(self, session: Session) -> None:
        """End a session: nothing on its way renews it, and the identity provider is asked to forget its refresh token.

        A copy of the cookie is good until its access token ends, five minutes at most for staff.
        """
        self.ended.add(session.token)
        asyncio.get_running_loop().call_later(sessions.EARLY_SECONDS, self.ended.discard, session.token)
        client = self._client(session.door)
        if session.refresh is None or client.revocation_url is None:
            return
        form = {"token": session.refresh, "token_type_hint": "refresh_token"}
        with contextlib.suppress(httpx2.HTTPError):  # who leaves has left, whether or not that can be said elsewhere
            await self._post(client, client.revocation_url, form)

    def _forget(self, key: bytes, done: asyncio.Task[Session | None]) -> None:
        """What failed is tried anew at once; what went well is kept for requests that were on their way."""
        if done.cancelled() or done.exception() is not None or done.result() is None:
            del self.renewing[key]
        else:
            asyncio.get_running_loop().call_later(sessions.EARLY_SECONDS, self.renewing.pop, key, None)

    async def _exchange(self, door: Audience, form: dict[str, str], refresh: str | None = None) -> Session | None:
        """Ask the token endpoint; None when it refuses. Raises IdentityError for a token that is none of this door."""
        client = self._client(door)
        try:
            answer = await self._post(client, client.token_url, form)
        except httpx2.HTTPError:
            raise Problem("keys_unavailable") from None
        if answer.status_code >= 500:
            raise Problem("keys_unavailable")
        found = _object(answer) if answer.status_code == 200 else {}
        token = found.get("access_token")
        if not isinstance(token, str):
            return None
        who = principal_key(self.app_context.verifier.verify(door, token, datetime.now(UTC)))
        life, again = found.get("expires_in", LIFE_SECONDS), found.get("refresh_token", refresh)
        now, seconds = time.time(), life if isinstance(life, int) else LIFE_SECONDS
        until = sessions.exchange_at(now, seconds)
        return Session(door, token, until, int(now), who, again if isinstance(again, str) else None)

    async def _post(self, client: SignIn, url: str, form: dict[str, str]) -> httpx2.Response:
        """Send a form to the identity provider as its client. Raises httpx2.HTTPError."""
        sent = {**form, "client_id": client.client_id}
        if client.client_secret is not None:
            sent["client_secret"] = client.client_secret
        async with httpx2.AsyncClient(transport=self.transport, timeout=ANSWER_SECONDS) as http:
            return await http.post(url, data=sent, headers={"accept": "application/json"})

    def _client(self, door: Audience) -> SignIn:
        found = self.clients.get(door)
        if found is None:
            raise Problem("not_found")
        return found

    def _kept(self, request: Request) -> dict[str, Any]:
        plain = sessions.unsealed(self.app_context.keyring, "sign-in", request.cookies.get(COOKIE, ""))
        kept: dict[str, Any] = {} if plain is None else orjson.loads(plain)
        if kept.get("until", 0) < time.time():
            raise Problem("sign_in_broken")
        return kept

    def _return_to(self, request: Request) -> str:
        """The address that the identity provider knows; in the demonstration the one that the browser uses."""
        public = self.app_context.settings.public_url
        base = str(request.base_url).rstrip("/") if public is None else public
        return f"{base}/sign-in/return"


def own_path(text: str, door: Audience) -> str:
    """A path of this door's pages, or their first page for anything else: nobody is sent elsewhere after signing in."""
    first = sessions.PATHS[door]
    parts = urlsplit(text)
    inside = parts.path == first or parts.path.startswith(first + "/")
    plain = (
        len(text) <= PATH_MAX and text.isascii() and text.isprintable() and "\\" not in text and "//" not in parts.path
    )
    return text if inside and plain and not parts.scheme and not parts.netloc else first


def _object(answer: httpx2.Response) -> dict[str, Any]:
    if len(answer.content) > ANSWER_BYTES_MAX:
        return {}
    try:
        found = orjson.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
