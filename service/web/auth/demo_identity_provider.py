"""The demonstration's identity provider: pick a person from a list and be sent back with a code.

It speaks the same code flow with PKCE as a city's provider, so that the pages have one way to sign in. It checks no
password; only the demonstration has its routes.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from service.auth.access_tokens import Audience
from service.auth.claims import require_clean_name
from service.auth.demo_token_issuer import DEMO_ISSUER, PAGES_CLIENT, DemoTokenIssuer
from service.http import bodies
from service.http.context import AppContext
from service.http.problems import Problem
from service.settings import SignIn
from service.web.auth import sign_in_sessions

AUTHORIZE, TOKEN, REVOKE = "/demo-sign-in", "/demo-sign-in/token", "/demo-sign-in/revoke"
TOKEN_URL, REVOKE_URL = f"http://demo.invalid{TOKEN}", f"http://demo.invalid{REVOKE}"
"""Called within the process: the demonstration does not know its own public address."""
CODE_SECONDS = 60
"""Life of an authorization code: it only has to survive one redirect."""
REFRESH_SECONDS = 12 * 3600
"""Life of a refresh token: a working day."""
TOKEN_SECONDS = 300
"""Life of an access token."""
USED_MAX = 10_000
"""Ids of used codes and revoked refresh tokens in memory; beyond it new codes are refused until old ones expire."""
CHALLENGE_LENGTH = 43
"""Characters of a SHA-256 in base64url without padding."""
CLIENTS = {
    audience: SignIn(
        client_id=PAGES_CLIENT.format(audience),
        authorize_url=AUTHORIZE,
        token_url=TOKEN_URL,
        revocation_url=REVOKE_URL,
    )
    for audience in sign_in_sessions.PATHS
}
DESK_ACCOUNT = "desk-1"
"""The subject of every desk's token; the claim `venue_client_id` says which venue's desk it is."""
AUDIENCE_OF_CLIENT = {client.client_id: audience for audience, client in CLIENTS.items()}


@dataclass(frozen=True, slots=True)
class DemoSubject:
    """A token subject of the demonstration city, with the names that say who it is, each by language tag."""

    subject: str
    names: tuple[Mapping[str, str], ...] = ()
    """The venue's name; of a resident, the sources that deliver records."""


@functools.cache
def demo_subjects() -> Mapping[Audience, tuple[DemoSubject, ...]]:
    """Return the subjects that the demonstration city has, by audience; its files are read once a process."""
    city = resources.files("service.demo") / "city"
    venues, residents, sources = (
        yaml.safe_load((city / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("venues", "residents", "sources")
    )
    names = {source["source_id"]: source["name"] for source in sources}
    return {
        Audience.RESIDENT: tuple(
            DemoSubject(resident["subject"], tuple(names[source] for source in resident.get("accounts", ())))
            for resident in residents
        ),
        Audience.VENUE: tuple(DemoSubject(venue["client_id"], (venue["name"],)) for venue in venues),
        Audience.ADMINISTRATOR: (DemoSubject("admin-1"), DemoSubject("admin-2")),
        Audience.PRIVACY: (DemoSubject("officer-1"),),
    }


@dataclass(frozen=True, slots=True)
class DemoIdentityProvider:
    """Issues codes and refresh tokens as encrypted strings, so that only the used and revoked ones are stored."""

    app_context: AppContext
    issuer: DemoTokenIssuer
    used_ids: dict[str, float] = field(default_factory=dict)
    """Ids of used codes and revoked refresh tokens, each with its expiry in seconds of the epoch."""

    def app(self) -> Starlette:
        """Return the token and revocation endpoints as an application, for calls within this process."""
        return Starlette(
            routes=[Route(TOKEN, self.token, methods=["POST"]), Route(REVOKE, self.revoke, methods=["POST"])]
        )

    def parse_authorization_request(self, request: Request) -> tuple[Audience, dict[str, str]]:
        """Return the audience and the query of an authorization request of our own pages.

        Raises:
            Problem: `bad_query` for an unknown client, another redirect address or a missing PKCE challenge.
        """
        query = dict(request.query_params)
        audience = AUDIENCE_OF_CLIENT.get(query.get("client_id", ""))
        redirect_uri = str(request.base_url).rstrip("/") + "/sign-in/return"
        valid = (
            query.get("response_type") == "code"
            and query.get("redirect_uri") == redirect_uri
            and query.get("code_challenge_method") == "S256"
            and len(query.get("code_challenge", "")) == CHALLENGE_LENGTH
        )
        if audience is None or not valid:
            raise Problem("bad_query")
        return audience, query

    def redirect_with_code(self, request: Request, subject: str) -> Response:
        """Redirect the browser back with a code for the chosen subject; Problem `bad_query` for a malformed one."""
        audience, query = self.parse_authorization_request(request)
        try:
            require_clean_name(subject)
        except ValueError:
            raise Problem("bad_query") from None
        code = self._seal(
            "code", audience, subject, CODE_SECONDS, challenge=query["code_challenge"], returns=query["redirect_uri"]
        )
        answer = urlencode({"code": code, "state": query.get("state", ""), "iss": DEMO_ISSUER})
        return RedirectResponse(f"{query['redirect_uri']}?{answer}", 303)

    async def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token for tokens (RFC 6749, 4.1.3 and 6; RFC 7636, 4.6)."""
        form = dict(parse_qsl((await bodies.read_body(request)).decode("utf-8", "replace"), max_num_fields=20))
        grant = self._redeem_grant(form)
        if grant is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        audience, subject = Audience(grant["door"]), grant["subject"]
        return JSONResponse(
            {
                "access_token": self._access_token(audience, subject),
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "refresh_token": self._seal("refresh", audience, subject, REFRESH_SECONDS),
            },
            headers={"cache-control": "no-store"},
        )

    def _access_token(self, audience: Audience, subject: str) -> str:
        """Return an access token; a desk's has an account of its own and names the venue."""
        now = datetime.now(UTC)
        if audience is Audience.VENUE:
            return self.issuer.mint(audience, DESK_ACCOUNT, now=now, venue_client_id=subject)
        return self.issuer.mint(audience, subject, now=now)

    async def revoke(self, request: Request) -> Response:
        """Revoke a refresh token; answers 200 for any token, as RFC 7009 says."""
        form = dict(parse_qsl((await bodies.read_body(request)).decode("utf-8", "replace"), max_num_fields=20))
        grant = self._unseal("refresh", form.get("token", ""))
        if grant is not None and grant["door"] == AUDIENCE_OF_CLIENT.get(form.get("client_id", "")):
            self._mark_used(grant["id"], grant["until"])
        return Response(status_code=200)

    def _redeem_grant(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Return the members of a valid code or refresh token and mark a code as used; None if it is refused."""
        client = AUDIENCE_OF_CLIENT.get(form.get("client_id", ""))
        if form.get("grant_type") == "refresh_token":
            grant = self._unseal("refresh", form.get("refresh_token", ""))
            return grant if grant and grant["door"] == client and grant["id"] not in self.used_ids else None
        grant = self._unseal("code", form.get("code", "")) if form.get("grant_type") == "authorization_code" else None
        if grant is None or grant["door"] != client or form.get("redirect_uri") != grant["returns"]:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not hmac.compare_digest(challenge, grant["challenge"]) or not self._mark_used(grant["id"], grant["until"]):
            return None
        return grant

    def _mark_used(self, grant_id: str, until: float) -> bool:
        """Remember an id until it expires; False if it was used before or too many are remembered."""
        now = time.time()
        for expired in [used_id for used_id, used_until in self.used_ids.items() if used_until < now]:
            del self.used_ids[expired]
        if grant_id in self.used_ids or len(self.used_ids) >= USED_MAX:
            return False
        self.used_ids[grant_id] = until
        return True

    def _seal(self, use: str, audience: Audience, subject: str, seconds: int, **more: str) -> str:
        grant = {
            "door": audience,
            "subject": subject,
            "until": time.time() + seconds,
            "id": secrets.token_hex(8),
            **more,
        }
        return sign_in_sessions.seal(self.app_context.keyring, f"demo-{use}", orjson.dumps(grant))

    def _unseal(self, use: str, text: str) -> dict[str, Any] | None:
        plain = sign_in_sessions.unseal(self.app_context.keyring, f"demo-{use}", text)
        grant: dict[str, Any] | None = None if plain is None else orjson.loads(plain)
        return grant if grant is not None and grant["until"] > time.time() else None
