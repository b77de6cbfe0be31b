"""Running the service under uvicorn: the demonstration in one process, production in one or several."""

from __future__ import annotations

import logging
import os
import tempfile

import uvicorn
from starlette.applications import Starlette

from service import logs, metrics

GRACE_SECONDS = 20
"""How long a request that is being answered may go on after the service was told to stop."""
WORKERS_MAX = 64
"""Processes on one port. Each has its own connections to the database."""
QUIET = {"access_log": False, "server_header": False, "log_config": None}


def run(app: Starlette, host: str, port: int) -> None:
    """Serve an application until it is told to stop."""
    logs.configure(logging.WARNING)
    uvicorn.run(app, host=host, port=port, **QUIET)  # type: ignore[arg-type]


def run_production(host: str, port: int, workers: int) -> None:
    """Serve with the settings of the environment; a process that dies is started again.

    What several processes count for `/metrics` they add up in a folder of their own, which goes when they end.
    """
    options = {"factory": True, "host": host, "port": port, "timeout_graceful_shutdown": GRACE_SECONDS, **QUIET}
    if workers == 1:
        uvicorn.run("service.app:production", **options)  # type: ignore[arg-type]
        return
    with tempfile.TemporaryDirectory(prefix="credit-easy-metrics-") as folder:
        os.environ[metrics.SHARED] = folder
        uvicorn.run("service.app:production", workers=workers, **options)  # type: ignore[arg-type]
