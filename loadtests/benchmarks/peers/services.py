"""The services that are compared, as processes: commands, readiness, processor time of the whole process tree."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[3]
PACKAGE = "loadtests.benchmarks.peers"
FASTIFY = Path(__file__).parent / "fastify"
OURS = "credit-easy"
READY_SECONDS = 60
STOP_SECONDS = 30
DJANGO_THREADS = 8
"""Threads of the one gunicorn worker; more cost more processor time a request, since they take turns at one lock."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service and its command for a port; `installed` tells whether this machine has what it needs."""

    name: str
    label: str
    command: Callable[[int], list[str]]
    installed: Callable[[], bool]


def _modules(*names: str) -> Callable[[], bool]:
    return lambda: all(importlib.util.find_spec(name) is not None for name in names)


def _uvicorn(module: str) -> Callable[[int], list[str]]:
    options = ["--no-access-log", "--no-server-header", "--log-level", "warning", "--timeout-keep-alive", "75"]
    return lambda port: [sys.executable, "-m", "uvicorn", f"{PACKAGE}.{module}.app:app", "--port", str(port), *options]


def _gunicorn(port: int) -> list[str]:
    options = ["--workers", "1", "--threads", str(DJANGO_THREADS), "--keep-alive", "75", "--log-level", "warning"]
    application = f"{PACKAGE}.django_drf.wsgi:application"
    return [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", *options]


def _node_installed() -> bool:
    return shutil.which("node") is not None and (FASTIFY / "node_modules").is_dir()


SERVICES = (
    Service(
        OURS,
        "credit-easy serve",
        lambda port: [str(Path(sys.executable).parent / "credit-easy"), "serve", "--port", str(port)],
        lambda: True,
    ),
    Service(
        "sqlalchemy", "FastAPI + SQLAlchemy ORM", _uvicorn("fastapi_sqlalchemy"), _modules("fastapi", "sqlalchemy")
    ),
    Service("asyncpg", "FastAPI + asyncpg, lean", _uvicorn("fastapi_asyncpg"), _modules("fastapi")),
    Service("django", "Django + DRF", _gunicorn, _modules("django", "rest_framework", "psycopg", "gunicorn")),
    Service(
        "fastify", "Node + Fastify, lean", lambda port: ["node", str(FASTIFY / "server.js"), str(port)], _node_installed
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs on a database of its own."""

    service: Service
    process: subprocess.Popen[bytes]
    port: int
    database_url: str

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    def cpu_seconds(self) -> float:
        """Return user and system time of the process and all its children so far."""
        root = psutil.Process(self.process.pid)
        times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
        return float(sum(entry.user + entry.system for entry in times))


@contextlib.contextmanager
def running(service: Service, port: int, environment: Mapping[str, str], log: Path) -> Iterator[Running]:
    """Start a service, wait until it answers, and stop it at the end.

    Raises RuntimeError with the last lines of its output when it does not start.
    """
    variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT), "NODE_ENV": "production"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            service.command(port), cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(service, process, port, log)
        yield Running(service, process, port, environment["CREDIT_EASY_DATABASE_URL"])
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _wait(service: Service, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            connection = HTTPConnection("localhost", port, timeout=5)
            connection.request("GET", "/v1/me/points")
            if connection.getresponse().status == 401:
                connection.close()
                return
        time.sleep(0.05)
    raise RuntimeError(f"{service.name} did not start:\n{log.read_text(errors='replace')[-2_000:]}")
