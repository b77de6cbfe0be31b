"""Running the service under uvicorn: the demonstration in one process, production in one or several."""

from __future__ import annotations

import gc
import logging
import os
import tempfile

import uvicorn
from starlette.applications import Starlette

from service import settings
from service.auth.access_tokens import Verifier, remote_sources
from service.observability import logging as logs
from service.observability import metrics

GRACE_SECONDS = 20
"""Seconds that a running request may take after the service was told to stop."""
COLLECT_AFTER = 20_000
"""Allocations before Python collects reference cycles: those of a hundred requests, some megabytes."""
OPTIONS = {"access_log": False, "server_header": False, "log_config": None, "ws": "none"}
"""Options of uvicorn in the demonstration, in production and in the benchmarks."""


def production() -> Starlette:
    """Return the service with the settings of the environment; called by every serving process."""
    pause_gc()
    from service import app  # the process that only restarts the others needs none of it

    chosen = settings.read(os.environ)
    logs.configure()
    verifier = Verifier(chosen.issuers, remote_sources(chosen.issuers), zone=chosen.city_zone)
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


def run(app: Starlette, host: str, port: int) -> None:
    """Serve an application until it is told to stop."""
    logs.configure(logging.WARNING)
    tune_gc()
    uvicorn.run(app, host=host, port=port, **OPTIONS)  # type: ignore[arg-type]


def run_production(host: str, port: int, workers: int) -> None:
    """Serve with the settings of the environment; a process that dies is started again.

    Several processes add up their `/metrics` in a temporary folder.
    """
    options = {"factory": True, "host": host, "port": port, "timeout_graceful_shutdown": GRACE_SECONDS, **OPTIONS}
    if workers == 1:
        uvicorn.run("service.runtime.server:production", **options)  # type: ignore[arg-type]
        return
    with tempfile.TemporaryDirectory(prefix="credit-easy-metrics-") as folder:
        os.environ[metrics.SHARED] = folder
        uvicorn.run("service.runtime.server:production", workers=workers, **options)  # type: ignore[arg-type]
