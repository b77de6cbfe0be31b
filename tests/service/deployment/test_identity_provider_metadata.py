"""The identity provider's metadata: endpoints are read from it, and what contradicts the issuer is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from service.deployment.identity_provider_metadata import (
    METADATA_BYTES_MAX,
    MetadataUnavailable,
    guess_identity_provider,
    read_identity_provider,
)
from service.deployment.plan import PlanInvalid


@contextmanager
def provider(status: int = 200, body: bytes | None = None, **changes: object) -> Iterator[str]:
    """Serve metadata on this machine; yield the issuer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    issuer = f"http://127.0.0.1:{server.server_port}"
    names = ("jwks_uri", "authorization_endpoint", "token_endpoint", "revocation_endpoint")
    metadata = {"issuer": issuer, **{name: f"{issuer}/{name}" for name in names}, **changes}
    content = json.dumps(metadata).encode() if body is None else body
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_endpoints_are_read_from_the_metadata() -> None:
    with provider() as issuer:
        read = read_identity_provider(issuer)
    assert (read.confirmed, read.issuer, read.jwks_url) == (True, issuer, f"{issuer}/jwks_uri")
    assert (read.revocation_url, read.sign_out_url) == (f"{issuer}/revocation_endpoint", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 404},
        {"body": b"<html>"},
        {"body": b"[]"},
        {"body": b"{}"},
        {"issuer": "https://login.another.example"},
        {"token_endpoint": "http://login.city.example/token"},
        {"jwks_uri": 7},
    ],
)
def test_metadata_that_cannot_be_right_is_refused(changes: dict[str, object]) -> None:
    with provider(**changes) as issuer, pytest.raises(MetadataUnavailable):  # type: ignore[arg-type]
        read_identity_provider(issuer)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": 503}, "answered 503"),
        ({"padding": "a" * METADATA_BYTES_MAX}, "answered more than 256 KiB"),
        ({"jwks_uri": "https://login.city.example/a'b"}, "with a '"),
        ({"jwks_uri": "http://login.city.example/a'b"}, "neither https nor on this machine"),
    ],
)
def test_the_reason_names_what_is_wrong_with_the_metadata(changes: dict[str, object], reason: str) -> None:
    with provider(**changes) as issuer, pytest.raises(MetadataUnavailable, match=reason):  # type: ignore[arg-type]
        read_identity_provider(issuer)


def test_a_provider_that_is_away_is_reported() -> None:
    with provider() as issuer:
        pass
    with pytest.raises(MetadataUnavailable, match="ConnectError"):
        read_identity_provider(issuer)


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ("login.city.example", "--issuer: an https address"),
        ("http://login.city.example", "--issuer: an https address"),
        ("https://a'b.example", "--issuer: an address without '"),
    ],
)
def test_an_issuer_that_nobody_may_trust_is_refused(issuer: str, reason: str) -> None:
    with pytest.raises(PlanInvalid, match=reason):
        guess_identity_provider(issuer)
    with pytest.raises(PlanInvalid, match=reason):
        read_identity_provider(issuer)
