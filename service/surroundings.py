"""What goes round every request: an id, security headers, a count, a log line without any person in it."""

from __future__ import annotations

import logging
import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import metrics
from service.city import City
from service.problems import Problem, problem_response

logger = logging.getLogger("credit_easy.access")

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}


class Surroundings:
    """Pure ASGI, outermost of ours."""

    def __init__(self, app: ASGIApp, city: City) -> None:
        self.app, self.city = app, city

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limit by address, pass on, dress the answer, count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, began, status = secrets.token_hex(8), time.perf_counter(), 500
        scope.setdefault("state", {})["request_id"] = request_id

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                headers["x-request-id"] = request_id
            await send(message)

        address = scope["client"][0] if scope.get("client") else "unknown"
        wait = await self.city.limiter.hit("address", address)
        if wait is not None:
            refusal = problem_response(Request(scope), Problem("rate_limited", headers={"Retry-After": str(wait)}))
            await refusal(scope, receive, dressed)
        else:
            await self.app(scope, receive, dressed)
        # The route's pattern, never the path: ids and handles stay out of logs and metrics.
        route = getattr(scope.get("route"), "path", "") or "unmatched"
        metrics.count(scope["method"], route, status, time.perf_counter() - began)
        logger.info(
            "request", extra={"request_id": request_id, "method": scope["method"], "route": route, "status": status}
        )
