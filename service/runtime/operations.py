"""The operations address: metrics and probes for the operator's own network, apart from the public address.

All workers accept on one socket, which their parent bound; whichever answers, metrics are the sum over all.
"""

from __future__ import annotations

import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from service.api.public.routes import PUBLIC
from service.http import problems
from service.http.context import AppContext
from service.http.endpoints import public_routes
from service.observability import metrics

PROBES = frozenset({"readHealth", "readReadiness"})
"""Operations that the public address and this one answer alike."""
STOP_SECONDS = 1
"""Longest wait at the end for a running answer: a scrape that is cut off is repeated."""


def operations_app(app_context: AppContext) -> Starlette:
    """Return the application of the operations address: `/metrics`, `/healthz`, `/readyz`; any Host, no rate limit."""
    probes = [endpoint for endpoint in PUBLIC if endpoint.operation.operation_id in PROBES]
    routes = [*public_routes(probes, app_context), Route("/metrics", metrics.exposition, name="metrics")]
    return Starlette(routes=routes, exception_handlers=problems.handlers())


class OperationsListener:
    """A second uvicorn server in the event loop of the first, on a socket that is bound already."""

    def __init__(self, app_context: AppContext, bound: socket.socket, options: dict[str, Any]) -> None:
        config = uvicorn.Config(
            operations_app(app_context), lifespan="off", **{**options, "timeout_graceful_shutdown": STOP_SECONDS}
        )
        config.load()
        self.server = uvicorn.Server(config)
        # uvicorn 0.54 sets it in `serve`, which would also take over the signals.
        self.server.lifespan = config.lifespan_class(config)
        self.bound = bound

    async def start(self) -> None:
        """Listen. OSError where the socket cannot be listened on."""
        await self.server.startup([self.bound])

    async def stop(self) -> None:
        """Finish running answers within STOP_SECONDS, then close the socket of this process."""
        await self.server.shutdown([self.bound])
