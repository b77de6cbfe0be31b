"""The city that all services serve: one filled database, copied for each, and the tickets of a turn."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import asyncpg

from loadtests.benchmarks import routes
from loadtests.benchmarks.peers import services
from loadtests.benchmarks.peers.common.crypto import Keyring
from loadtests.benchmarks.peers.identity import Issuer, trusted
from loadtests.benchmarks.peers.services import Running
from tests.support.servers import Postgres

PROVIDER, BENEFIT = "city-library", "library-deposit"
CHECKED_BENEFIT = "benchmark-check"
"""A benefit with both kinds of quota, for the check before the measurement."""
CHECKED_TOTAL = 2
VENUES = 24
"""Clients at full load: a venue may send 6,000 requests a minute, and more are sent."""
TICKET_COLUMNS = (
    "handle_index", "ticket_id", "person_id", "benefit_id", "benefit_version", "venue_id", "issued_at", "expires_at",
)  # fmt: skip
POOR = """
UPDATE snapshot SET total = 10, dimensions = '[]'
 WHERE person_id IN (SELECT person_id FROM snapshot ORDER BY person_id LIMIT $1)
"""
LIVE_TICKET_MICROS = 3_600_000_000


@dataclass(frozen=True, slots=True)
class City:
    """A filled database and its folder of keys. `rich` residents have the points the benefit takes, `poor` do not."""

    folder: Path
    database_url: str
    keyring: Keyring
    residents: Sequence[str]
    rich: Sequence[str]
    poor: Sequence[str]
    venues: Sequence[str]


def environment(city_folder: Path, published: Path, database_url: str, jwks_url: str) -> dict[str, str]:
    """Return the `CREDIT_EASY_*` variables of a service; keys are those of the filled city."""
    values = {
        "DATABASE_URL": database_url,
        "ISSUERS": trusted(jwks_url),
        "KEYRING": str(city_folder / "keyring.json"),
        "SIGNING_KEY": str(city_folder / "signing-key.pem"),
        "LOG_KEY": str(city_folder / "log-key.pem"),
        "LOG_HOST": "demo.credit-easy.invalid",
        "LOG_FOLDER": str(published),
        "ALLOWED_HOSTS": "localhost",
        "OPS_ADDRESS": "",  # the others have none
    }
    return {f"CREDIT_EASY_{name}": value for name, value in values.items()}


def fill(folder: Path, server: Postgres, issuer: Issuer, jwks_url: str, residents: int) -> City:
    """Fill a database: catalogue, residents with points and consents, venues and the checked benefit over HTTP.

    Half of the residents are made poor. The database is at rest afterwards, so that it can be copied.
    """
    url = server.create()
    filled = asyncio.run(routes.prepare_city(folder, url, residents))
    variables = environment(folder, folder / "published", url, jwks_url)
    venues = [f"benchmark-venue-{number}" for number in range(VENUES)]
    with services.running(services.SERVICES[0], 8470, variables, folder / "fill.log") as serving:
        publishing = Publishing(serving, issuer)
        for venue_id in venues:
            publishing.publish("venues", venue_id, _venue(publishing, venue_id))
        publishing.publish("benefits", CHECKED_BENEFIT, _benefit(publishing))
    poor = asyncio.run(_make_poor(url, residents // 2))
    ours = set(filled.persons)
    return City(
        folder,
        url,
        _keyring(folder),
        [f"bench-{number}" for number in range(residents)],
        [person for person in filled.persons if person not in poor],
        [person for person in poor if person in ours],
        venues,
    )


def copy(city: City, server: Postgres, name: str) -> tuple[str, Path]:
    """Copy the filled database and its folder of published checkpoints; return the address and the folder."""
    published = city.folder / f"published-{name}"
    shutil.copytree(city.folder / "published", published)
    return server.create(template=city.database_url.split("@/")[1].split("?")[0]), published


class Publishing:
    """Documents published over HTTP by two administrators."""

    def __init__(self, serving: Running, issuer: Issuer) -> None:
        self.serving, self.issuer = serving, issuer

    def send(self, method: str, path: str, staff_id: str, body: Any = None) -> dict[str, Any]:
        """Send a request of a member of staff; return the answer's body. Raises RuntimeError from status 400 on."""
        connection = HTTPConnection("localhost", self.serving.port, timeout=30)
        audience = "privacy" if staff_id.startswith("officer") else "administrator"
        headers = {
            "Authorization": f"Bearer {self.issuer.token(audience, staff_id)}",
            "Content-Type": "application/json",
            "Idempotency-Key": secrets.token_hex(8),
        }
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        document: dict[str, Any] = json.loads(text)
        return document

    def read(self, kind: str, document_id: str) -> dict[str, Any]:
        """Return the newest body of a document."""
        body: dict[str, Any] = self.send("GET", f"/v1/admin/{kind}/{document_id}", "admin-1")["document"]
        return body

    def publish(self, kind: str, document_id: str, body: dict[str, Any]) -> None:
        """Publish a new document: submitted by one administrator, read by an officer, approved by another one."""
        drafted = self.send("POST", f"/v1/admin/{kind}", "admin-1", body)
        version = f"/v1/admin/{kind}/{document_id}/versions/{drafted['version']}"
        if self.send("POST", f"{version}/submit", "admin-1")["state"] == "in_review":
            review = f"/v1/privacy/reviews/{kind}.{document_id}.{drafted['version']}/decision"
            self.send("POST", review, "officer-1", {"decision": "approve", "reason": "Read it."})
        self.send("POST", f"{version}/approve", "admin-2", {"sha256": drafted["sha256"]})


async def issue(url: str, city: City, persons: Sequence[str], venue_ids: Sequence[str], benefit: str) -> list[str]:
    """Replace all tickets, redemptions, counters and stored answers by new tickets; return their handles.

    There is a ticket for each of `persons`, at the venue of the same place in `venue_ids`.
    """
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    now = int(datetime.now(UTC).timestamp() * 1e6)
    ids = [secrets.token_hex(16) for _ in persons]
    handles = [city.keyring.blind_index("handle", "handle", ticket_id) for ticket_id in ids]
    rows = [
        (city.keyring.blind_index("handle", "index", handle), ticket_id, person_id, benefit, 1, venue_id, now,
         now + LIVE_TICKET_MICROS)
        for handle, ticket_id, person_id, venue_id in zip(handles, ids, persons, venue_ids, strict=True)
    ]  # fmt: skip
    await connection.execute("TRUNCATE ticket, redemption, quota_use, stored_answer")
    await connection.copy_records_to_table("ticket", records=rows, columns=TICKET_COLUMNS)
    await connection.execute("CHECKPOINT")  # or the server writes these pages while requests are measured
    await connection.close()
    return handles


async def fetch_all(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def _make_poor(url: str, count: int) -> list[str]:
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    await connection.execute(POOR, count)
    rows = await connection.fetch("SELECT person_id FROM snapshot WHERE total = 10")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return [row["person_id"] for row in rows]


def _venue(publishing: Publishing, venue_id: str) -> dict[str, Any]:
    return {**publishing.read("venues", routes.VENUE), "venue_id": venue_id, "client_id": venue_id}


def _benefit(publishing: Publishing) -> dict[str, Any]:
    quota = {"per_resident": {"count": 1, "period": "day"}, "total": {"count": CHECKED_TOTAL, "period": "week"}}
    return {**publishing.read("benefits", BENEFIT), "benefit_id": CHECKED_BENEFIT, "quota": quota}


def _keyring(folder: Path) -> Keyring:
    document = json.loads((folder / "keyring.json").read_text(encoding="utf-8"))
    keys = {int(version): bytes.fromhex(key) for version, key in document["encryption_keys"].items()}
    return Keyring(keys, bytes.fromhex(document["index_key"]))
