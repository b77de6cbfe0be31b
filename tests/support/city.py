"""A city under test: the real application on a real database, and actors that call it over HTTP."""

from __future__ import annotations

import secrets
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
from starlette.requests import Request
from starlette.responses import Response
from tortoise import Tortoise

from consent.database import queries
from service.app import create_app
from service.auth.access_tokens import Audience
from service.auth.demo_token_issuer import DemoTokenIssuer
from service.demo import seed
from service.http import problems
from service.http.context import AppContext
from service.http.rate_limits import make_limiter
from service.settings import Settings

UNLIMITED = dict.fromkeys(
    ("resident", "venue", "source", "administrator", "privacy", "app", "code", "refused", "address"), 1_000_000
)


@dataclass
class MovedClock:
    """A clock that a test can move or stop: the database's clock plus `by`, or `stopped` where that is set."""

    by: timedelta = timedelta(0)
    stopped: datetime | None = None

    async def __call__(self) -> datetime:
        return self.moved(await queries.now())

    def moved(self, moment: datetime) -> datetime:
        return self.stopped or moment + self.by


class City:
    """A running city: a client of the application, its context, an issuer of tokens, and `shift`, its clock."""

    def __init__(
        self, client: httpx2.AsyncClient, app_context: AppContext, issuer: DemoTokenIssuer, shift: MovedClock
    ) -> None:
        self.client, self.app_context, self.issuer, self.shift = client, app_context, issuer, shift

    def actor(self, audience: Audience, subject: str, **claims: Any) -> Actor:
        """Return an actor with a token of this audience; `claims` replace the token's defaults."""
        return Actor(self, self.issuer.mint(audience, subject, now=datetime.now(UTC), **claims))

    def resident(self, subject: str) -> Resident:
        """Return an adult resident with a token; the service need not know the subject yet."""
        return Resident(self, self.issuer.mint(Audience.RESIDENT, subject, now=datetime.now(UTC)))

    def source(self, subject: str = "green-travel") -> Actor:
        """Return a data source; the bike-share by default."""
        return self.actor(Audience.SOURCE, subject)

    def venue(self, subject: str = "city-library-main") -> Actor:
        """Return a venue; the main library by default."""
        return self.actor(Audience.VENUE, subject)

    def city_app(self, subject: str = "city-app") -> Actor:
        """Return the back end of the city app."""
        return self.actor(Audience.CITY_APP, subject)

    async def today(self) -> date:
        """Return the city's civil day."""
        return self.app_context.day_of(await self.app_context.clock())

    async def last_year(self) -> int:
        """Return the last finished civil year."""
        return (await self.today()).year - 1


class Actor:
    """A client with a token; every POST has a new Idempotency-Key unless `key` is given."""

    def __init__(self, town: City, token: str) -> None:
        self.town, self.token = town, token

    def headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", **(more or {})}

    async def get(self, path: str, headers: dict[str, str] | None = None) -> httpx2.Response:
        return await self.town.client.get(path, headers=self.headers(headers))

    async def post(self, path: str, body: Any = None, key: str | None = None) -> httpx2.Response:
        headers = self.headers({"Idempotency-Key": key or secrets.token_hex(8)})
        if body is None:
            return await self.town.client.post(path, headers=headers)
        return await self.town.client.post(path, json=body, headers=headers)

    async def replace(self, path: str, body: Any) -> httpx2.Response:
        return await self.town.client.put(path, json=body, headers=self.headers())

    async def delete(self, path: str) -> httpx2.Response:
        return await self.town.client.delete(path, headers=self.headers())

    async def deliver(self, *records: dict[str, Any]) -> dict[str, Any]:
        """Deliver records as a source; return the answer's body. The answer must be 200."""
        answer = await self.post("/v1/source/records", {"records": list(records)})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


class Resident(Actor):
    """A resident; each method is one act of the API and asserts that it succeeds."""

    async def request_notice(self, **body: Any) -> dict[str, Any]:
        """Request a notice (Chinese by default); return the body with its ticket."""
        answer = await self.post("/v1/me/consent-requests", {"language": "zh-CN", **body})
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def consent_to_source(self, source_id: str, account: str) -> dict[str, Any]:
        """Consent to a source; return the consent with the link's code."""
        shown = await self.request_notice(purpose="points.compute", source_id=source_id, account=account)
        answer = await self.post("/v1/me/consents", {"ticket": shown["ticket"]})
        assert answer.status_code == 201, answer.text
        consent: dict[str, Any] = answer.json()
        return consent

    async def link(self, source_id: str, account: str) -> dict[str, Any]:
        """Consent to a source and confirm the account by its code; return the consent."""
        consent = await self.consent_to_source(source_id, account)
        answer = await self.town.source(source_id).post(
            "/v1/source/links/confirm", {"code": consent["link"]["code"], "account": account}
        )
        assert answer.status_code == 200, answer.text
        return consent

    async def consent_to_provider(self, provider_id: str) -> dict[str, Any]:
        """Consent to a provider's benefit checks; return the consent."""
        shown = await self.request_notice(purpose="benefit.check", provider_id=provider_id)
        answer = await self.post("/v1/me/consents", {"ticket": shown["ticket"]})
        assert answer.status_code == 201, answer.text
        consent: dict[str, Any] = answer.json()
        return consent

    async def total(self) -> int:
        """Return the resident's points."""
        answer = await self.get("/v1/me/points")
        assert answer.status_code == 200, answer.text
        total: int = answer.json()["total"]
        return total

    async def volunteer(self, minutes: int, account: str, occurred_on: date | None = None) -> None:
        """Link a volunteer account and deliver minutes for it, on 5 March of the last year by default."""
        await self.link("volunteer-service", account)
        day = (occurred_on or date(await self.town.last_year(), 3, 5)).isoformat()
        done = await self.town.source("volunteer-service").deliver(
            record(f"{account}.minutes", account, "volunteer_minutes", minutes, day)
        )
        assert done["accepted"] == 1, done

    async def messages(self, language: str = "zh-CN") -> list[dict[str, Any]]:
        """Return the newest messages without those that say that an account was linked, which `link` causes."""
        answer = await self.get("/v1/me/messages", {"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return [message for message in answer.json()["data"] if message["kind"] != "link_confirmed"]

    async def ticket(self, benefit_id: str = "library-deposit", venue_id: str = "city-library-main") -> dict[str, Any]:
        """Return a new ticket; for a loan without deposit at the main library by default."""
        answer = await self.post("/v1/me/tickets", {"benefit_id": benefit_id, "venue_id": venue_id})
        assert answer.status_code == 201, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket


def record(
    record_id: str, account: str, kind: str = "bike_trip", quantity: int = 1, occurred_on: str = "2025-06-01"
) -> dict[str, Any]:
    """Return a record as a source sends it: one bike trip on 1 June 2025 by default."""
    return {
        "record_id": record_id,
        "account": account,
        "kind": kind,
        "quantity": quantity,
        "occurred_on": occurred_on,
    }


@contextmanager
def unforeseen_errors_printed() -> Iterator[None]:
    """Print the traceback of an error that is answered 500, so that a failing test shows the error and its place.

    The service itself logs the type and the place alone, because a message or a traceback may contain personal data.
    """
    answer = problems.unforeseen

    def printed(request: Request, error: Exception) -> Response:
        print(f"{request.method} {request.url.path} was answered 500:", file=sys.stderr)
        traceback.print_exception(error, file=sys.stderr)
        return answer(request, error)

    with patch.object(problems, "unforeseen", printed):
        yield


@asynccontextmanager
async def running_city(
    settings: Settings, folder: Path, rates: dict[str, int] | None = None, shift: MovedClock | None = None
) -> AsyncIterator[City]:
    """Run the application on these settings and yield a client with actors; an empty database stays empty.

    `shift` is the application's clock from its first moment on, in the place of the database's own.
    """
    shift, issuer = shift or MovedClock(), seed.issuer_of(folder)
    limiter = make_limiter(settings.redis_url, rates or UNLIMITED)
    app = create_app(settings, issuer.verifier(), clock=shift, limiter=limiter, issuer=issuer)
    with unforeseen_errors_printed():
        async with app.router.lifespan_context(app):
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx2.AsyncClient(transport=transport, base_url="http://city.test") as client:
                yield City(client, app.state.app_context, issuer, shift)


async def row_counts() -> dict[str, int]:
    """Return the number of rows of every table; a refused request must not change them."""
    counts = {}
    for app in Tortoise.apps.values():
        for model in app.values():
            table = model._meta.db_table
            row = await queries.fetch_one(f"SELECT count(*) AS counted FROM {table}")
            assert row is not None
            counts[table] = row["counted"]
    return counts
