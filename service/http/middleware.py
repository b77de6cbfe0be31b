"""The middleware around every request: request id, limits by host and address, security headers, log and metrics."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.auth.access_tokens import Audience
from service.http.context import AppContext
from service.http.problems import Problem, problem_response, response_to
from service.observability import metrics
from service.observability.log_events import LogEvent
from service.observability.logging import log_event, request_fields

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


class RequestMiddleware:
    """Do everything around a request in one layer, since each layer costs every request two calls and a closure.

    1. Give the request an id: `request.state.request_id`, and the header `x-request-id` of its answer.
    2. Refuse foreign hosts (`bad_header`) and addresses that ask too often (`rate_limited`).
    3. Answer errors, by `problems.response_to`.
    4. Add SECURITY_HEADERS and `cache-control: no-store` to every answer that does not set them itself, and the rate
       limit of a caller who was counted (`RateLimit` of draft-ietf-httpapi-ratelimit-headers-10).
    5. Count the request with its time, and log it if it failed: operation and status, never a path or a person.
       With a collector of traces it has a trace as well.
    """

    def __init__(self, app: ASGIApp, app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context
        self.policies = {audience: app_context.limiter.policy(audience) for audience in Audience}
        self.tracer = None if app_context.telemetry is None else app_context.telemetry.tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, request_id = time.perf_counter(), 0, os.urandom(8).hex()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        trace = None if self.tracer is None else self.tracer.begin(state)

        async def send_complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                complete_headers(message["headers"], request_id)
                if (limit := state.get("rate_limit")) is not None:
                    message["headers"] += ((b"ratelimit-policy", self.policies[limit[0]]), (b"ratelimit", limit[1]))
            await send(message)

        try:
            await (self._refusal(scope) or self.app)(scope, receive, send_complete)
        except ClientDisconnect:  # nobody is left to read an answer
            status = HTTPStatus.BAD_REQUEST
        except Exception as error:
            if status:  # a part of the answer is sent: only closing the connection can still tell that it failed
                raise
            response = await response_to(Request(scope), error)
            await response(scope, receive, send_complete)
        # The operation's name, never the path: ids and handles stay out of logs and metrics.
        name = getattr(scope.get("route"), "name", None) or "unmatched"
        seconds = time.perf_counter() - began
        metrics.count(name, status, seconds)
        if self.tracer is not None and trace is not None:
            self.tracer.end(trace, name, status, seconds)
        if status >= LOGGED_FROM_STATUS:
            log_refusal(scope, metrics.operation_label(name), status)

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        host = hosts[0].decode("latin-1") if hosts else ""
        # RFC 9112: two are refused, because a proxy and the service could each read another one.
        if len(hosts) > 1 or not host_allowed(host, self.app_context.settings.allowed_hosts):
            return problem_response(Request(scope), Problem("bad_header"))
        client = scope.get("client")
        wait = self.app_context.limiter.count("address", client[0] if client else "unknown")
        if wait is None:
            return None
        return problem_response(Request(scope), Problem("rate_limited", headers={"Retry-After": str(wait)}))


def log_refusal(scope: Scope, operation: str, status: int) -> None:
    """Write the bounded line of a request that was answered 400 or more, with the reason that `note_reason` stored."""
    event = LogEvent.REQUEST_FAILED if status >= HTTPStatus.INTERNAL_SERVER_ERROR else LogEvent.REQUEST_REFUSED
    reason = scope["state"].get("refused_for") or f"status_{status}"
    log_event(event, operation=operation, status=status, reason=reason, **request_fields(scope))


def complete_headers(headers: list[tuple[bytes, bytes]], request_id: str) -> None:
    """Add the headers of every answer to an answer's own, which stay as they are."""
    own = dict(headers)
    headers += [header for header in _DEFAULTS if header[0] not in own]
    headers.append((b"x-request-id", request_id.encode()))


@lru_cache(maxsize=256)
def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Report whether a Host header is allowed: exactly, by `*.domain`, or by `*` for any."""
    name = (host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host).lower()
    return any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in map(str.lower, allowed)
    )
