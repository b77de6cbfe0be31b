"""A seeded city on either engine, served over HTTP from a thread, with objects of every kind and their ids."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
import uvicorn

from consent.domain.document_kinds import DocumentKind
from service import app as application
from service.auth.access_tokens import Audience
from service.auth.demo_token_issuer import DemoTokenIssuer
from service.demo import seed
from service.http.rate_limits import make_limiter
from service.runtime.server import OPTIONS
from tests.support.city import UNLIMITED, record, unforeseen_errors_printed
from tests.support.seeding import seed_database

CALLERS: Final = {
    Audience.RESIDENT: ("fuzz-1", "fuzz-2"),
    Audience.VENUE: ("city-library-main", "riverside-hotel-desk", "second-hospital-desk"),
    Audience.SOURCE: ("green-travel", "volunteer-service"),
    Audience.ADMINISTRATOR: ("admin-1", "admin-2", "admin-3"),
    Audience.PRIVACY: ("officer-1", "officer-2"),
    Audience.CITY_APP: ("city-app",),
}
"""Callers of each audience, drawn for every request: a document needs two administrators, and ids belong to others."""
DRAFT: Final = "fuzz-draft"
"""A benefit that is a draft when the run begins."""
START_SECONDS: Final = 30
"""Longest start of the server on a slow machine."""


@dataclass(frozen=True)
class ServedCity:
    """The URL of a running city, and the issuer that its audiences trust."""

    url: str
    issuer: DemoTokenIssuer

    def token(self, audience: Audience, subject: str) -> str:
        """Return a new token; those of staff live five minutes only."""
        return self.issuer.mint(audience, subject, now=datetime.now(UTC))


@contextmanager
def serve_city(folder: Path, database_url: str | None = None) -> Iterator[ServedCity]:
    """Seed a city in an empty database (by default SQLite in `folder`) and serve it from a thread until the end."""
    settings = seed.settings_of(folder)
    settings = replace(settings, database_url=database_url or settings.database_url)
    asyncio.run(seed_database(settings))
    issuer = seed.issuer_of(folder)
    app = application.create_app(settings, issuer.verifier(), limiter=make_limiter(None, UNLIMITED), issuer=issuer)
    with socket.socket() as listening, unforeseen_errors_printed():
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, **OPTIONS))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise TimeoutError("the server did not start")
            time.sleep(0.01)
        try:
            yield ServedCity(f"http://127.0.0.1:{listening.getsockname()[1]}", issuer)
        finally:
            server.should_exit = True
            thread.join(timeout=START_SECONDS)


def make_objects(city: ServedCity, client: httpx2.Client) -> dict[str, list[str]]:
    """Make objects of each kind and return their ids by the name of the parameter or member that takes them."""
    ids: dict[str, list[str]] = {
        "kind": [str(kind) for kind in DocumentKind],
        "id": ["library-deposit", "city-library-main", DRAFT],
        "version": ["1"],
        "source_id": ["green-travel", "volunteer-service"],
        "provider_id": ["city-library", "city-bikes"],
        "benefit_id": ["library-deposit", "bike-deposit"],
        "venue_id": ["city-library-main"],
        "level": ["0", "1"],
        "epoch": ["1"],
        "index": ["000", "000.p/1"],
        "size": ["1", "2", "10"],
        "occurred_on": ["2025-06-01"],
    }

    def call(audience: Audience, subject: str, path: str, body: Any = None) -> Any:
        headers = {
            "Authorization": f"Bearer {city.token(audience, subject)}",
            "Idempotency-Key": secrets.token_hex(8),
        }
        answer = client.get(path, headers=headers) if body is None else client.post(path, headers=headers, json=body)
        answer.raise_for_status()
        return answer.json()

    for subject in CALLERS[Audience.RESIDENT]:
        _objects_of_resident(call, subject, ids)
    for subject in CALLERS[Audience.PRIVACY]:
        body = {"reason_code": "yearly_audit", "text": "The audit."}
        case = call(Audience.PRIVACY, subject, "/v1/privacy/cases", body)
        ids.setdefault("case", []).append(case["case_id"])
    links = call(Audience.SOURCE, "green-travel", "/v1/source/links")["data"]
    ids["link_id"] = [link["link_id"] for link in links]
    for kind in ("benefits", "venues"):
        for row in call(Audience.ADMINISTRATOR, "admin-1", f"/v1/admin/{kind}")["data"]:
            ids.setdefault("sha256", []).append(row["sha256"])
    body = call(Audience.ADMINISTRATOR, "admin-1", "/v1/admin/benefits/library-deposit")["document"]
    call(Audience.ADMINISTRATOR, "admin-1", "/v1/admin/benefits", {**body, "benefit_id": DRAFT})
    reviews = call(Audience.PRIVACY, "officer-1", "/v1/privacy/reviews")["data"]
    ids["review_id"] = [row["review_id"] for row in reviews] or [f"benefits.{DRAFT}.1"]
    ids["case_id"] = ids["case"]
    return ids


def _objects_of_resident(call: Any, subject: str, ids: dict[str, list[str]]) -> None:
    """Give a resident two linked sources, records, a consent to a provider, a ticket, an objection and a redemption."""

    def consent(**body: str) -> Any:
        shown = call(Audience.RESIDENT, subject, "/v1/me/consent-requests", {"language": "en", **body})
        ids.setdefault("request_id", []).append(shown["request_id"])
        given = call(Audience.RESIDENT, subject, "/v1/me/consents", {"ticket": shown["ticket"]})
        ids.setdefault("consent_id", []).append(given["consent_id"])
        return given

    for source, kind, quantity in (("green-travel", "bike_trip", 9), ("volunteer-service", "volunteer_minutes", 7_200)):
        account = f"{source}-{subject}"
        given = consent(purpose="points.compute", source_id=source, account=account)
        confirmed = {"code": given["link"]["code"], "account": account}
        call(Audience.SOURCE, source, "/v1/source/links/confirm", confirmed)
        day = f"{datetime.now(UTC).year - 1}-03-05"
        rows = [record(f"{subject}-{number}", account, kind, quantity, day) for number in range(3)]
        call(Audience.SOURCE, source, "/v1/source/records", {"records": rows})
        ids.setdefault("account", []).append(account)
        ids.setdefault("record_id", []).extend(row["record_id"] for row in rows)
    consent(purpose="benefit.check", provider_id="city-library")
    stored = call(Audience.RESIDENT, subject, "/v1/me/records")["data"]
    ids["record_id"] += [row["record_id"] for row in stored]
    about = f"/v1/me/records/{stored[0]['record_id']}/objections"
    opened = call(Audience.RESIDENT, subject, about, {"reason_code": "not_mine", "statement": "Not mine."})
    ids.setdefault("objection_id", []).append(opened["objection_id"])
    for _ in range(3):
        body = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
        ids.setdefault("handle", []).append(call(Audience.RESIDENT, subject, "/v1/me/tickets", body)["handle"])
    done = call(Audience.VENUE, "city-library-main", "/v1/venue/redemptions", {"handle": ids["handle"][-1]})
    ids.setdefault("redemption_id", []).append(done["redemption_id"])
