"""Middleware around every request: access log and metrics, request id, security headers, limits by host and address."""

from __future__ import annotations

import logging
import os
import time
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http import json_io
from service.http.context import AppContext
from service.http.problems import Problem, problem_response, unforeseen
from service.observability import metrics

logger = logging.getLogger("credit_easy.access")

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}
LOGGED_FROM_STATUS = 400
"""Answers from this status on have a log line; the others are counted only, since a line costs a tenth of a read."""
_DEFAULTS = [
    (name.encode(), value.encode()) for name, value in {**SECURITY_HEADERS, "cache-control": "no-store"}.items()
]
_DEFAULT_NAMES = frozenset(name for name, _ in _DEFAULTS)


class AccessLogMiddleware:
    """Count every request with its time, and log each that failed: operation and status, never a path or a person.

    Answers an error that `problems.handlers` does not name. Inside of the two that add headers, so that this answer has
    them, too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, observe)
        except Exception as error:
            if status:  # a part of the answer is sent: only closing the connection can still tell that it failed
                raise
            await unforeseen(Request(scope), error)(scope, receive, observe)
        # The operation's name, never the path: ids and handles stay out of logs and metrics.
        name = getattr(scope.get("route"), "name", None) or "unmatched"
        metrics.count(scope["method"], name, status, time.perf_counter() - began)
        if status >= LOGGED_FROM_STATUS:
            request_id = scope["state"]["request_id"]
            logger.info("request", extra={"request_id": request_id, "operation": name, "status": status})


class RequestIdMiddleware:
    """Give every request an id: `request.state.request_id`, and the header `x-request-id` of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = os.urandom(8).hex()
        scope.setdefault("state", {})["request_id"] = request_id

        async def identify(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        await self.app(scope, receive, identify)


class SecurityHeadersMiddleware:
    """Add SECURITY_HEADERS and `cache-control: no-store` to every answer that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                own = {name for name, _ in headers} & _DEFAULT_NAMES
                headers += [header for header in _DEFAULTS if header[0] not in own] if own else _DEFAULTS
            await send(message)

        await self.app(scope, receive, secure)


class AdmissionMiddleware:
    """Refuse requests for a foreign host (`bad_header`) and addresses that ask too often (`rate_limited`)."""

    def __init__(self, app: ASGIApp, app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if not host_allowed(json_io.header(scope, b"host"), self.app_context.settings.allowed_hosts):
            return problem_response(Request(scope), Problem("bad_header"))
        client = scope.get("client")
        wait = self.app_context.limiter.count("address", client[0] if client else "unknown")
        if wait is None:
            return None
        return problem_response(Request(scope), Problem("rate_limited", headers={"Retry-After": str(wait)}))


@lru_cache(maxsize=256)
def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Report whether a Host header is allowed: exactly, by `*.domain`, or by `*` for any."""
    name = (host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host).lower()
    return any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in map(str.lower, allowed)
    )
