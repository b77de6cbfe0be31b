"""ASGI middleware of the two FastAPI services: host, address rate, security headers, request id, metrics."""

from __future__ import annotations

import os
import time

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loadtests.benchmarks.peers.common.limits import RateCounter
from loadtests.benchmarks.peers.common.problems import MEDIA_TYPE, Problem

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "cache-control": "no-store",
}
HEADERS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
WITHOUT_CACHE_CONTROL = HEADERS[:-1]
SECONDS = Histogram("peer_request_seconds", "Time to answer", ("method", "path", "status"))
PATHS = frozenset({"/v1/me/points", "/v1/venue/redemptions"})


def observe(method: str, path: str, status: int, seconds: float) -> None:
    """Count an answered request; unknown paths share a label, so that nobody can grow the table."""
    SECONDS.labels(method, path if path in PATHS else "other", str(status)).observe(seconds)


class CommonMiddleware:
    """Pure ASGI middleware, outermost."""

    def __init__(self, app: ASGIApp, rates: RateCounter, allowed_hosts: frozenset[str]) -> None:
        self.app, self.rates, self.allowed_hosts = app, rates, allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the host, count by address, pass the request on and complete the answer's headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, request_id = time.perf_counter(), 0, os.urandom(8).hex().encode()

        async def send_complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                own = any(name == b"cache-control" for name, _ in headers)
                headers += WITHOUT_CACHE_CONTROL if own else HEADERS
                headers.append((b"x-request-id", request_id))
            await send(message)

        try:
            self._check(scope)
        except Problem as problem:
            await _refuse(problem, send_complete)
        else:
            await self.app(scope, receive, send_complete)
        observe(scope["method"], scope["path"], status, time.perf_counter() - began)

    def _check(self, scope: Scope) -> None:
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if host.partition(":")[0] not in self.allowed_hosts:
            raise Problem(400, "bad_header")
        client = scope.get("client")
        wait = self.rates.count("address", client[0] if client else "unknown")
        if wait is not None:
            raise Problem(429, "rate_limited", wait)


async def _refuse(problem: Problem, send: Send) -> None:
    body = problem.body()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in problem.headers().items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
