"""Calls over HTTP, sent again with the same Idempotency-Key until they are answered: the service may be gone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from service.auth.access_tokens import STAFF_AUDIENCES, Audience
from tests.campaign.journal import Journal
from tests.support import tokens
from tests.support.deadlines import WAIT_SECONDS

PAUSE_SECONDS = 0.03
"""Before a call is sent again."""
CALL_SECONDS = 6
"""For one sending; a server that is stopped or paused must have answered 503 by then."""
TOKEN_SECONDS = 3 * 3600
"""Before and after now for which a resident's token is valid: the service's clock is moved by up to an hour."""
UNSETTLED = frozenset({429, 500, 502, 503, 504})
"""Answers after which a client sends the call again."""


class Unanswered(Exception):
    """A call was not settled within WAIT_SECONDS: the service has not recovered."""


@dataclass
class Endpoint:
    """The addresses of all processes, of which a client prefers its own."""

    bases: list[str]
    preferred: int = 0

    def base(self, attempt: int) -> str:
        """Return the address for an attempt; another one after a failure."""
        return self.bases[(self.preferred + attempt) % len(self.bases)]


class Caller:
    """A client of the service that notes intents and acknowledgements in the journal."""

    def __init__(self, endpoint: Endpoint, journal: Journal) -> None:
        self.endpoint, self.journal = endpoint, journal
        self.http = httpx2.AsyncClient(timeout=CALL_SECONDS)
        self.tokens: dict[tuple[Audience, str], str] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    def token(self, audience: Audience, subject: str) -> str:
        """Return a token of an actor, signed once."""
        if (audience, subject) not in self.tokens:
            now, staff = int(time.time()), audience in STAFF_AUDIENCES
            begin, end = (now, now + 300) if staff else (now - TOKEN_SECONDS, now + TOKEN_SECONDS)
            more = {"staff_id": subject} if staff else {}
            self.tokens[audience, subject] = tokens.token(
                tokens.claims(audience, aud=f"credit-easy:{audience}", sub=subject, iat=begin, exp=end, **more)
            )
        return self.tokens[audience, subject]

    async def write(
        self, actor: tuple[Audience, str], path: str, body: Any, key: str = "", method: str = "POST"
    ) -> httpx2.Response:
        """Send a write until it is settled; note it before and after."""
        number = self.journal.intend(actor=actor, method=method, path=path, body=body, key=key)
        answer = await self._settled(actor, method, path, body, key)
        settled = answer.json() if "json" in answer.headers["content-type"] else None
        self.journal.acknowledge(number, answer.status_code, settled)
        return answer

    async def repeat(self, actor: tuple[Audience, str], path: str, body: Any, key: str) -> httpx2.Response:
        """Send a settled write again; its stored answer is expected, so that nothing is noted."""
        return await self._settled(actor, "POST", path, body, key)

    async def read(self, actor: tuple[Audience, str] | None, path: str) -> httpx2.Response:
        """Send a read until it is settled."""
        return await self._settled(actor, "GET", path, None, "")

    async def pages(self, actor: tuple[Audience, str], path: str) -> list[dict[str, Any]]:
        """Return every row of a list."""
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = await self.read(actor, f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
            assert answer.status_code == 200, answer.text
            page = answer.json()
            rows += page["data"]
            if page["next_cursor"] is None:
                return rows
            cursor = f"&cursor={page['next_cursor']}"

    async def _settled(
        self, actor: tuple[Audience, str] | None, method: str, path: str, body: Any, key: str
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token(*actor)}"} if actor else {}
        if key:
            headers["Idempotency-Key"] = key
        deadline, attempt = time.monotonic() + WAIT_SECONDS, 0
        while True:
            try:
                url = self.endpoint.base(attempt) + path
                if body is None:
                    answer = await self.http.request(method, url, headers=headers)
                else:
                    answer = await self.http.request(method, url, headers=headers, json=body)
                self.journal.statuses[answer.status_code] += 1
                if answer.status_code >= 400:
                    self.journal.bodies.add(answer.text)
                if answer.status_code not in UNSETTLED:
                    return answer
            except httpx2.HTTPError:
                self.journal.statuses[0] += 1
            if time.monotonic() > deadline:
                raise Unanswered(f"{method} {path.partition('?')[0]}")
            attempt += 1
            await asyncio.sleep(PAUSE_SECONDS)
