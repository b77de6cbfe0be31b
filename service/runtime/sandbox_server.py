"""The server of the sandbox: it starts again with a new city whenever a call asks for one.

The port stays bound and listening meanwhile, so that a client waits instead of being refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from service.observability import logging as logs
from service.runtime import first_start, server

BACKLOG = 128
"""Connections that wait for the new city."""


def run(build: Callable[[Callable[[], None]], Starlette], host: str, port: int) -> None:
    """Serve the application that `build` makes, and another one after each reset, until a signal.

    `build` gets the function that ends the running application for the next. StartFailed if the port is in use.
    """
    logs.configure(logging.WARNING)
    bound = first_start.bind(host, port)
    bound.listen(BACKLOG)
    again = True
    while again:
        again = False
        running: list[uvicorn.Server] = []

        def reset() -> None:
            nonlocal again
            again = True
            for each in running:  # noqa: B023 - called while this round runs
                each.should_exit = True

        app = build(reset)
        server.tune_gc()
        running.append(uvicorn.Server(uvicorn.Config(app, **server.OPTIONS)))  # type: ignore[arg-type]
        running[0].run(sockets=[bound.dup()])
    bound.close()
