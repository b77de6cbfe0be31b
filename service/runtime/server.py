"""Running the service under uvicorn: the demonstration in one process, production in one or several."""

from __future__ import annotations

import asyncio
import gc
import logging
import os

import uvicorn
from starlette.applications import Starlette

from service import settings
from service.auth.access_tokens import TokenVerifier, remote_sources
from service.observability import logging as logs
from service.runtime import first_start, serving_process
from service.runtime.exit_codes import ExitCode, StartFailed
from service.runtime.workers import Workers

GRACE_SECONDS = 20
"""Seconds that a running request may take after the service was told to stop."""
KEEP_ALIVE_SECONDS = 75
"""Time that a connection may be idle between two requests. nginx closes its own after 60: were this less, nginx would
now and then send a request into a connection that is being closed, and answer 502."""
COLLECT_AFTER = 20_000
"""Allocations before Python collects reference cycles: those of a hundred requests, some megabytes."""
OPTIONS = {
    "access_log": False,
    "server_header": False,
    "log_config": None,
    "ws": "none",
    # By its name, so that the parent, which only supervises workers, does not import it.
    "http": "service.runtime.connections:LimitedConnection",
    "timeout_keep_alive": KEEP_ALIVE_SECONDS,
}
"""Options of uvicorn in the demonstration, in production and in the benchmarks."""


def production() -> Starlette:
    """Return the application with the settings of the environment; called in every serving process."""
    pause_gc()
    from service import app  # not at the top: the parent, which only supervises workers, does not need it

    chosen = settings.read(os.environ)
    logs.configure()
    verifier = TokenVerifier(chosen.token_issuers, remote_sources(chosen.token_issuers), zone=chosen.city_zone)
    application = app.create_app(chosen, verifier)
    tune_gc()
    return application


def pause_gc() -> None:
    """Collect no reference cycles until `tune_gc`.

    Nearly all objects made while modules are imported and routes are wired stay for good. Collections among them free
    nothing and took a seventh of the start.
    """
    gc.disable()


def tune_gc() -> None:
    """Collect reference cycles seldom, and never among the objects from before the first request."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


def run_demo(app: Starlette, host: str, port: int) -> None:
    """Serve the demonstration in this process until it is told to stop."""
    logs.configure(logging.WARNING)
    tune_gc()
    uvicorn.run(app, host=host, port=port, **OPTIONS)  # type: ignore[arg-type]


def run_production(host: str, port: int, workers: int) -> None:
    """Serve with the settings of the environment until a signal; with several workers this process supervises them.

    Reads the settings, takes the ports and checks the database before the first worker starts.

    Raises:
        StartFailed: the settings, the database or the address are unusable.
        SystemExit: no worker can start.
    """
    options = {"timeout_graceful_shutdown": GRACE_SECONDS, **OPTIONS}
    try:
        chosen = settings.read(os.environ)
    except settings.SettingsInvalid as error:
        raise StartFailed(ExitCode.UNUSABLE, str(error)) from None
    logs.configure()
    pause_gc()
    sockets = [first_start.bind(host, port)]
    if chosen.operations_address is not None:
        sockets.append(first_start.bind(*chosen.operations_address, setting=f"{settings.PREFIX}OPS_ADDRESS"))
    asyncio.run(first_start.check_database(chosen))
    if workers == 1:
        serving_process.run(serving_process.build(production, options), sockets)
    else:
        tune_gc()
        Workers(production, options, workers, sockets).serve()
