"""The service as a process, to be killed: `python -m tests.support.processes FOLDER DATABASE_URL PUBLISHED PORT`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import httpx2
import psutil
import uvicorn

from service import app
from service.demo import seed
from service.observability import logging
from service.runtime import server
from tests.support.deadlines import NO_CERTIFICATES, POLL_SECONDS, PROBE_SECONDS, WAIT_SECONDS

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """Return a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """The service as a process on a free port, with its log in the file `log` if there is one; `kill` sends SIGKILL."""

    def __init__(self, folder: Path, database_url: str, published: Path, log: Path | None = None) -> None:
        self.port = free_port()
        with nullcontext() if log is None else log.open("wb") as errors:
            self.running = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.support.processes",
                    str(folder),
                    database_url,
                    str(published),
                    str(self.port),
                ],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stderr=errors,
            )
        wait_until_ready(self.base, self.running)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()


def wait_until_ready(base: str, running: subprocess.Popen[bytes], path: str = "/readyz") -> float:
    """Wait until a path answers 200; raise RuntimeError when the process ends or WAIT_SECONDS pass.

    Returns the seconds of work it took the process: what others do on the machine is not its own.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise RuntimeError(f"the server ended with {running.returncode}")
        try:
            if httpx2.get(base + path, timeout=PROBE_SECONDS, verify=NO_CERTIFICATES).status_code == 200:
                times = psutil.Process(running.pid).cpu_times()
                return float(times.user + times.system)
        except httpx2.HTTPError:
            pass  # nothing listens yet
        time.sleep(POLL_SECONDS)
    running.kill()
    raise RuntimeError("the server did not become ready")


def main() -> None:
    """Serve a seeded database with the demonstration's keys."""
    folder, database_url, published, port = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    settings = seed.settings_of(folder)
    settings = replace(
        settings,
        database_url=database_url,
        publisher=replace(settings.publisher, folder=published),
        integrate_seconds=0.2,
    )
    logging.configure()
    server.tune_gc()
    issuer = seed.issuer_of(folder)
    uvicorn.run(
        app.create_app(settings, issuer.verifier(), issuer=issuer),
        port=port,
        **server.OPTIONS,  # type: ignore[arg-type]
    )


if __name__ == "__main__":
    main()
