"""`traceparent` of trusted proxies alone: a stranger must not join our traces, or have all their requests traced."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.observability.tracing import TRUSTED_TRACEPARENT


def trusted_proxies(config: uvicorn.Config) -> Any:
    """Return the addresses whose `X-Forwarded-For` is believed, by `in`, as uvicorn reads FORWARDED_ALLOW_IPS."""
    return ProxyHeadersMiddleware(config.loaded_app, config.forwarded_allow_ips).trusted_hosts


class TrustedTraces:
    """The outermost application: stores `traceparent` in the state of a request that a trusted proxy sent.

    It sees the address of the peer, before uvicorn replaces that by the client's of X-Forwarded-For. Of two such
    headers none is believed.
    """

    def __init__(self, app: ASGIApp, trusted: Any) -> None:
        self.app, self.trusted = app, trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            client = scope.get("client")
            headers = [value for name, value in scope["headers"] if name == b"traceparent"]
            if len(headers) == 1 and client is not None and client[0] in self.trusted:
                scope.setdefault("state", {})[TRUSTED_TRACEPARENT] = headers[0]
        await self.app(scope, receive, send)


def trust_traces(config: uvicorn.Config) -> None:
    """Put TrustedTraces around a loaded application."""
    config.loaded_app = TrustedTraces(config.loaded_app, trusted_proxies(config))
