"""Real keys, real tokens and a real JWKS server for tests of audiences; every factory has valid defaults."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from service.auth import access_tokens
from service.auth.access_tokens import STAFF_AUDIENCES, Audience, TokenVerifier, TrustedTokenIssuer
from service.auth.jwks import Algorithm, KeySource

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
SECOND = int(NOW.timestamp())
ISSUER = "https://id.city.example"
Claims = dict[str, Any]


@functools.cache
def ec_key(name: str = "first") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **more}


def documents() -> dict[str, Any]:
    return {"keys": [ec_jwk(ec_key(), "ec-1"), rsa_jwk(rsa_key(), "rsa-1")]}


def trusted(**more: Any) -> dict[Audience, TrustedTokenIssuer]:
    accepted: frozenset[Algorithm] = frozenset({"ES256", "RS256"})
    return {
        audience: TrustedTokenIssuer(ISSUER, f"city:{audience}", algorithms=accepted, **more) for audience in Audience
    }


def make_verifier(source: KeySource | None = None, **more: Any) -> TokenVerifier:
    return TokenVerifier(trusted(), dict.fromkeys(Audience, source or KeySource.fixed(documents())), **more)


def claims(audience: Audience = Audience.RESIDENT, **more: Any) -> Claims:
    """Return the claims of a valid token for `audience` (default: a resident); a claim given as `...` is left out."""
    good: Claims = {"iss": ISSUER, "aud": f"city:{audience}", "sub": "subject-1", "iat": SECOND, "exp": SECOND + 300}
    if audience is Audience.RESIDENT:
        good["birthdate"] = "1990-01-01"
    if audience in STAFF_AUDIENCES:
        good["staff_id"] = "staff-1"
    return {name: value for name, value in {**good, **more}.items() if value is not ...}


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(head: bytes, body: bytes, key: ec.EllipticCurvePrivateKey | None = None) -> str:
    """Return a token with a valid ES256 signature over exactly these bytes; the issuer's key by default."""
    text = f"{segment(head)}.{segment(body)}"
    return f"{text}.{segment(jwt.get_algorithm_by_name('ES256').sign(text.encode(), key or ec_key()))}"


def token(payload: Claims | None = None, key: ec.EllipticCurvePrivateKey | None = None, **header: Any) -> str:
    """Return a signed token, a resident's by default; a header parameter given as `...` is left out."""
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "ec-1", **header}
    head = {name: value for name, value in head.items() if value is not ...}
    body = json.dumps(claims() if payload is None else payload).encode()
    return signed(json.dumps(head).encode(), body, key)


def resident_says(text: str, now: datetime = NOW) -> access_tokens.Principal:
    return make_verifier().verify(Audience.RESIDENT, text, now)


def refused(text: str, now: datetime = NOW) -> str:
    """Return the message of the error with which a resident's token is refused."""
    with pytest.raises(access_tokens.TokenInvalid) as caught:
        resident_says(text, now)
    return caught.value.reason


@contextmanager
def listener(document: dict[str, Any], **behaviour: Any) -> Iterator[tuple[str, list[str]]]:
    """Serve `document` over HTTP (it may be changed meanwhile); yield the URL and the list of requested paths."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            time.sleep(behaviour.get("delay_ms", 0) / 1000)
            body = behaviour.get("body") or json.dumps(document).encode()
            self.send_response(behaviour.get("status", 200))
            for name, value in behaviour.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have heard enough
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
