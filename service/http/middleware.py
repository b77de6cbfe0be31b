"""What goes round every request: an id, security headers, a count, and of what failed a line without any person."""

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


NOT_WELL = 400
"""Answers from this status on are written down; what went well is counted alone."""
DRESS = [(name.encode(), value.encode()) for name, value in {**SECURITY_HEADERS, "cache-control": "no-store"}.items()]
"""What every answer wears unless it says otherwise itself."""
_WORN = frozenset(name for name, _ in DRESS)


class Surroundings:
    """Pure ASGI, outermost of ours."""

    def __init__(self, app: ASGIApp, app_context: AppContext) -> None:
        self.app, self.app_context = app, app_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limit by address, pass on, dress the answer, count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, began, status = os.urandom(8).hex(), time.perf_counter(), 0
        scope.setdefault("state", {})["request_id"] = request_id

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                own = {name for name, _ in headers} & _WORN
                headers += [header for header in DRESS if header[0] not in own] if own else DRESS
                headers.append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            refused = self._refused(scope)
            await (refused or self.app)(scope, receive, dressed)
        except Exception as error:
            if status:  # half an answer is out: only the connection can still say that it went wrong
                raise
            await unforeseen(Request(scope), error)(scope, receive, dressed)
        route = scope.get("route")
        # The operation's name, never the path: ids and handles stay out of logs and metrics.
        name = getattr(route, "name", None) or "unmatched"
        metrics.count(scope["method"], name, status, time.perf_counter() - began)
        if status >= NOT_WELL:
            logger.info("request", extra={"request_id": request_id, "operation": name, "status": status})

    def _refused(self, scope: Scope) -> Response | None:
        """The answer to whoever asks too often or for a host that is not ours; else None."""
        if not host_allowed(json_io.header(scope, b"host"), self.app_context.settings.allowed_hosts):
            return problem_response(Request(scope), Problem("bad_header"))
        client = scope.get("client")
        wait = self.app_context.limiter.count("address", client[0] if client else "unknown")
        if wait is None:
            return None
        return problem_response(Request(scope), Problem("rate_limited", headers={"Retry-After": str(wait)}))


@lru_cache(maxsize=256)
def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a Host header names one of ours: exactly, by `*.domain`, or by `*` for any."""
    name = (host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host).lower()
    return any(
        one in ("*", name) or (one.startswith("*.") and name.endswith(one[1:]))
        for one in (pattern.lower() for pattern in allowed)
    )
