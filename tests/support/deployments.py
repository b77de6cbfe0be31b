"""`serve` as a process with keys of its own identity provider, on a seeded database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from service.auth.access_tokens import STAFF_AUDIENCES, Audience
from tests.support import tokens
from tests.support.deadlines import WAIT_SECONDS
from tests.support.environment import demo_keys, issuers, settings_environment
from tests.support.processes import ROOT, free_port, wait_until_ready


@dataclass
class Deployment:
    """`serve` on a database, with keys of its own identity provider."""

    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    base: str
    operations: str
    """The base of the operations address."""

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        answering = []
        for child in psutil.Process(self.process.pid).children():
            # A worker that is replaced ends at any moment: psutil then reports a zombie or no process.
            with suppress(psutil.NoSuchProcess):
                if child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in " ".join(child.cmdline()):
                    answering.append(child)
        return answering


def token(audience: Audience, subject: str) -> str:
    now = int(time.time())
    staff = {"staff_id": subject} if audience in STAFF_AUDIENCES else {}
    payload = tokens.claims(audience, aud=f"credit-easy:{audience}", sub=subject, iat=now, exp=now + 300, **staff)
    return tokens.token(payload)


@contextmanager
def deployed(
    folder: Path, demo_folder: Path, database_url: str, workers: int, ready: str = "/readyz", **environment: str
) -> Iterator[Deployment]:
    """Processes of the service on a seeded database, once the path `ready` answers 200."""
    port, operations_port = free_port(), free_port()
    with tokens.listener(tokens.documents()) as (jwks_url, _):
        settings = settings_environment(
            folder,
            DATABASE_URL=database_url,
            OPS_ADDRESS=f"127.0.0.1:{operations_port}",
            ALLOWED_HOSTS="127.0.0.1",
            ISSUERS=issuers(jwks_url=jwks_url),
            **demo_keys(demo_folder),
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli.main", "serve", "--port", str(port), "--workers",
             str(workers)],
            cwd=ROOT,
            env={**os.environ, **settings, **environment},
        )  # fmt: skip
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until_ready(base, process, ready)
            yield Deployment(settings, process, base, f"http://127.0.0.1:{operations_port}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT_SECONDS)
