"""The benchmark's own identity provider: one ES256 key, its JWKS over HTTP on this machine, and access tokens."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://id.benchmark.example"
KEY_ID = "benchmark-1"
AUDIENCES = ("resident", "venue", "source", "administrator", "privacy")
LIFETIME_SECONDS = 24 * 3600
STAFF_SECONDS = 240
"""Staff tokens of more than five minutes are refused."""


class Issuer:
    """A signing key and the tokens made with it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self.jwks = {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "ES256"}]}

    def token(self, audience: str, subject: str, **claims: Any) -> str:
        """Return an RFC 9068 token for an audience; residents are adults."""
        now = int(time.time())
        staff = audience in ("administrator", "privacy")
        payload = {
            "iss": ISSUER,
            "aud": f"credit-easy:{audience}",
            "sub": subject,
            "client_id": subject if audience in ("venue", "source") else "benchmark",
            "iat": now,
            "exp": now + (STAFF_SECONDS if staff else LIFETIME_SECONDS),
            "jti": secrets.token_hex(16),
            **({"birthdate": "1990-01-01"} if audience == "resident" else {}),
            **({"staff_id": subject, "divisions": ["21"]} if staff else {}),
            **claims,
        }
        return jwt.encode(payload, self._key, algorithm="ES256", headers={"typ": "at+jwt", "kid": KEY_ID})


@contextlib.contextmanager
def jwks_server(issuer: Issuer) -> Iterator[str]:
    """Serve the issuer's public keys; yield their address."""
    document = json.dumps(issuer.jwks).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/jwks"
    finally:
        server.shutdown()
        server.server_close()


def trusted(jwks_url: str) -> str:
    """Return the value of `CREDIT_EASY_ISSUERS`: this issuer for every audience."""
    entry = {"issuer": ISSUER, "jwks_url": jwks_url, "algorithms": ["ES256"]}
    return json.dumps({audience: {**entry, "audience": f"credit-easy:{audience}"} for audience in AUDIENCES})
