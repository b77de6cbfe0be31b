"""The demonstration's identity provider as people meet it: pick who you are, and be sent back with a code.

It speaks the code flow with PKCE like a city's own, so that the pages know no other way in. Only the demonstration
has it: whoever asks may be anybody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
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

from service.auth.access_tokens import Audience, require_clean_name
from service.auth.demo_issuer import DEMO_ISSUER, DemoIssuer
from service.http import json_io
from service.http.context import AppContext
from service.http.problems import Problem
from service.settings import SignIn
from service.web.auth import sessions

AUTHORIZE, TOKEN, REVOKE = "/demo-sign-in", "/demo-sign-in/token", "/demo-sign-in/revoke"
TOKEN_URL, REVOKE_URL = f"http://demo.invalid{TOKEN}", f"http://demo.invalid{REVOKE}"
"""Asked within the process: the demonstration does not know by which address it is reached."""
CODE_SECONDS = 60
REFRESH_SECONDS = 12 * 3600
USED_MAX = 10_000
"""Codes that were used and refresh tokens that were revoked, remembered until they would have ended."""
CLIENTS = {
    door: SignIn(
        client_id=f"credit-easy-pages-{door}",
        authorize_url=AUTHORIZE,
        token_url=TOKEN_URL,
        revocation_url=REVOKE_URL,
    )
    for door in sessions.PATHS
}
DOOR_OF_CLIENT = {client.client_id: door for door, client in CLIENTS.items()}


def people() -> dict[Audience, list[str]]:
    """Who can be picked at each door."""
    city = resources.files("service.demo") / "city"
    venues = yaml.safe_load((city / "venues.yaml").read_text(encoding="utf-8"))
    residents = yaml.safe_load((city / "residents.yaml").read_text(encoding="utf-8"))
    return {
        Audience.RESIDENT: [one["subject"] for one in residents],
        Audience.VENUE: [one["client_id"] for one in venues],
        Audience.ADMINISTRATOR: ["admin-1", "admin-2"],
        Audience.PRIVACY: ["officer-1"],
    }


@dataclass(frozen=True, slots=True)
class DemoProvider:
    """Codes and refresh tokens are sealed and kept by whoever was given them; what is over is remembered."""

    city: AppContext
    issuer: DemoIssuer
    used: dict[str, float] = field(default_factory=dict)

    def app(self) -> Starlette:
        """The token endpoint alone, for whoever exchanges a code within this process."""
        return Starlette(
            routes=[Route(TOKEN, self.token, methods=["POST"]), Route(REVOKE, self.revoke, methods=["POST"])]
        )

    def asked(self, request: Request) -> tuple[Audience, dict[str, str]]:
        """What an authorization request asks for; Problem bad_query for one that is not from our own pages."""
        query = dict(request.query_params)
        door = DOOR_OF_CLIENT.get(query.get("client_id", ""))
        returns = str(request.base_url).rstrip("/") + "/sign-in/return"
        fits = (
            query.get("response_type") == "code"
            and query.get("redirect_uri") == returns
            and query.get("code_challenge_method") == "S256"
            and len(query.get("code_challenge", "")) == 43
        )
        if door is None or not fits:
            raise Problem("bad_query")
        return door, query

    def picked(self, request: Request, subject: str) -> Response:
        """Send the browser back with a code for whoever was picked."""
        door, query = self.asked(request)
        try:
            require_clean_name(subject)
        except ValueError:
            raise Problem("bad_query") from None
        code = self._sealed(
            "code", door, subject, CODE_SECONDS, challenge=query["code_challenge"], returns=query["redirect_uri"]
        )
        answer = urlencode({"code": code, "state": query.get("state", ""), "iss": DEMO_ISSUER})
        return RedirectResponse(f"{query['redirect_uri']}?{answer}", 303)

    async def token(self, request: Request) -> Response:
        """A code or a refresh token against tokens (RFC 6749, 4.1.3 and 6; RFC 7636, 4.6)."""
        form = dict(parse_qsl((await json_io.read_body(request)).decode("utf-8", "replace"), max_num_fields=20))
        found = self._granted(form)
        if found is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        door, subject = Audience(found["door"]), found["subject"]
        return JSONResponse(
            {
                "access_token": self.issuer.mint(door, subject, now=datetime.now(UTC)),
                "token_type": "Bearer",
                "expires_in": 300,
                "refresh_token": self._sealed("refresh", door, subject, REFRESH_SECONDS),
            },
            headers={"cache-control": "no-store"},
        )

    async def revoke(self, request: Request) -> Response:
        """Forget a refresh token, of whatever kind it is (RFC 7009)."""
        form = dict(parse_qsl((await json_io.read_body(request)).decode("utf-8", "replace"), max_num_fields=20))
        found = self._opened("refresh", form.get("token", ""))
        if found is not None and found["door"] == DOOR_OF_CLIENT.get(form.get("client_id", "")):
            self._first_use(found["id"], found["until"])
        return Response(status_code=200)

    def _granted(self, form: dict[str, str]) -> dict[str, Any] | None:
        client = DOOR_OF_CLIENT.get(form.get("client_id", ""))
        if form.get("grant_type") == "refresh_token":
            found = self._opened("refresh", form.get("refresh_token", ""))
            return found if found and found["door"] == client and found["id"] not in self.used else None
        found = self._opened("code", form.get("code", "")) if form.get("grant_type") == "authorization_code" else None
        if found is None or found["door"] != client or form.get("redirect_uri") != found["returns"]:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not hmac.compare_digest(challenge, found["challenge"]) or not self._first_use(found["id"], found["until"]):
            return None
        return found

    def _first_use(self, code_id: str, until: float) -> bool:
        now = time.time()
        for old in [one for one, until in self.used.items() if until < now]:
            del self.used[old]
        if code_id in self.used or len(self.used) >= USED_MAX:
            return False
        self.used[code_id] = until
        return True

    def _sealed(self, use: str, door: Audience, subject: str, seconds: int, **more: str) -> str:
        held = {"door": door, "subject": subject, "until": time.time() + seconds, "id": secrets.token_hex(8), **more}
        return sessions.sealed(self.city.keyring, f"demo-{use}", orjson.dumps(held))

    def _opened(self, use: str, text: str) -> dict[str, Any] | None:
        plain = sessions.unsealed(self.city.keyring, f"demo-{use}", text)
        found: dict[str, Any] | None = None if plain is None else orjson.loads(plain)
        return found if found is not None and found["until"] > time.time() else None
