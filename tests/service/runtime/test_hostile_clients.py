"""Clients that hold connections, heads or bodies back, against the service as a process: everybody else is answered."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import psutil
import pytest

from service.auth.access_tokens import Audience
from service.demo import seed
from service.settings import Settings
from tests.support.deadlines import WAIT_SECONDS
from tests.support.processes import Process

pytestmark = [pytest.mark.processes]
ENOUGH_TO_BLOCK = 12
"""More than the connections of one process to the database."""


@dataclass
class Service:
    """A running process, and what one needs to speak to it."""

    process: Process
    folder: Path
    log: Path

    def token(self, audience: Audience, subject: str) -> str:
        return seed.issuer_of(self.folder).mint(audience, subject, now=datetime.now(UTC))

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """Open a connection from an address of this machine."""
        return socket.create_connection(("127.0.0.1", self.process.port), WAIT_SECONDS, source_address=(source, 0))

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """Return the head of a request, complete unless a line is added."""
        return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()

    def everybody_is_served(self) -> None:
        """Read and write as others do."""
        with httpx2.Client(base_url=self.process.base, timeout=WAIT_SECONDS) as http:
            assert http.get("/readyz").status_code == 200
            source = {"Authorization": f"Bearer {self.token(Audience.SOURCE, 'green-travel')}"}
            delivery = {"records": [{"record_id": "r", "account": "nobody", "kind": "bike_trip", "quantity": 1,
                                     "occurred_on": "2025-06-01"}]}  # fmt: skip
            assert http.post("/v1/source/records", json=delivery, headers=source).status_code == 200
            wang = {"Authorization": f"Bearer {self.token(Audience.RESIDENT, 'wang')}"}
            assert http.get("/v1/me/points", headers=wang).status_code == 200


@pytest.fixture(scope="module")
def service(
    shared_city_settings: Settings, demo_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    settings, log = shared_city_settings, tmp_path_factory.mktemp("log") / "service.log"
    process = Process(demo_folder, settings.database_url, settings.publisher.folder, log)
    try:
        yield Service(process, demo_folder, log)
    finally:
        process.kill()


@pytest.mark.both_engines
def test_d1_bodies_that_never_end_hold_up_nobody(service: Service) -> None:
    bearer = f"Authorization: Bearer {service.token(Audience.ADMINISTRATOR, 'admin-1')}"
    source = f"Authorization: Bearer {service.token(Audience.SOURCE, 'green-travel')}"
    heads = [
        service.head("POST", "/v1/admin/catalogue/import", bearer, "Content-Type: application/json",
                     "Content-Length: 1000"),
        service.head("POST", "/v1/admin/catalogue/import", bearer, "Content-Type: application/yaml",
                     "Transfer-Encoding: chunked"),
        service.head("POST", "/v1/source/records", source, "Content-Type: application/x-ndjson",
                     "Content-Length: 1000"),
        service.head("POST", "/v1/source/records", source, "Content-Type: application/json", "Content-Length: 1000"),
        service.head("POST", "/admin/benefits/new", "Content-Type: application/x-www-form-urlencoded",
                     "Content-Length: 99"),
    ]  # fmt: skip
    with ExitStack() as open_sockets:
        for head in heads * ENOUGH_TO_BLOCK:
            waiting = open_sockets.enter_context(service.connect())
            waiting.sendall(head + (b"1\r\n{\r\n" if b"chunked" in head else b"{"))
        service.everybody_is_served()


ATTACKER = "127.0.0.2"
"""An address of this machine that is no trusted proxy."""
HALF_OPEN = 300


@pytest.mark.both_engines
def test_d2_three_hundred_half_open_connections_hold_up_nobody(service: Service) -> None:
    with ExitStack() as open_sockets:
        for number in range(HALF_OPEN):
            waiting = open_sockets.enter_context(service.connect(ATTACKER))
            waiting.sendall(b"GET /v1/public/benefits HTTP/1.1\r\nHost: 127.0.0.1\r\n"[: number % 50])
        service.everybody_is_served()
        # The address itself is served as well: its oldest unused connections were closed.
        neighbour = open_sockets.enter_context(service.connect(ATTACKER))
        neighbour.sendall(service.head("GET", "/healthz"))
        assert neighbour.recv(12) == b"HTTP/1.1 200"


def test_d2_a_head_of_100_mb_is_refused_and_costs_no_memory(service: Service) -> None:
    process = psutil.Process(service.process.running.pid)
    before = process.memory_info().rss
    with service.connect(ATTACKER) as attacker:
        attacker.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        sent = 0
        try:
            while sent < 100_000_000:
                sent += attacker.send(b"a" * 1_000_000)
        except ConnectionError:
            pass
    assert sent < 100_000_000
    assert process.memory_info().rss - before < 20_000_000
    with service.connect(ATTACKER) as attacker:
        attacker.sendall(b"GET /" + b"a" * 70_000)
        assert attacker.recv(12) == b"HTTP/1.1 431"
    service.everybody_is_served()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/admin/benefits/new", "application/x-www-form-urlencoded"),
        ("/v1/source/records", "application/json"),
        ("/v1/source/records", "application/x-ndjson"),
        ("/v1/admin/catalogue/import", "application/yaml"),
    ],
)
def test_a_body_that_is_abandoned_is_no_error(service: Service, path: str, media_type: str) -> None:
    audience, subject = (Audience.SOURCE, "green-travel") if "source" in path else (Audience.ADMINISTRATOR, "admin-1")
    head = service.head(
        "POST", path, f"Authorization: Bearer {service.token(audience, subject)}", f"Content-Type: {media_type}",
        "Content-Length: 99",
    )  # fmt: skip
    for _ in range(5):
        with service.connect() as client:
            client.sendall(head + b"a=1")
    service.everybody_is_served()
    events = [json.loads(line)["event"] for line in service.log.read_text().splitlines() if line.startswith("{")]
    assert "request_refused" in events  # as long as nobody is left to read the answer, it is 400
    assert not {"unforeseen", "request_failed"} & set(events), service.log.read_text()
    assert "Traceback" not in service.log.read_text()
