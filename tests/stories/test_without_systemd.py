"""The commands of docs/how-to/start-a-city.md for a machine without systemd run as they are written."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.deadlines import WAIT_SECONDS
from tests.support.docs_blocks import blocks, replaced
from tests.support.operator import new_operator
from tests.support.processes import free_port, wait_until_ready

pytestmark = pytest.mark.processes
AS_THE_USER = ("runuser --user credit-easy -- ", "")
"""The tests have no such user of the system."""


def test_tables_copies_and_the_service_without_systemd(tmp_path: Path) -> None:
    serve, migrate, dump = blocks("how-to/start-a-city.md", "Without systemd", "sh")
    with new_operator(tmp_path) as operator:
        operator.paste(replaced(migrate, AS_THE_USER))
        copies = tmp_path / "copies"
        copies.mkdir()
        dump = replaced(dump, AS_THE_USER, ("/var/lib/credit-easy-backup", str(copies)))
        operator.paste(dump)
        (copy,) = copies.iterdir()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert copy.read_bytes().startswith(b"PGDMP")

        port = free_port()
        operator.set("credit-easy.env", "CREDIT_EASY_OPS_ADDRESS", f"127.0.0.1:{free_port()}")
        operator.set("credit-easy.env", "CREDIT_EASY_ALLOWED_HOSTS", "127.0.0.1")
        serve = replaced(
            serve,
            AS_THE_USER,
            ("--workers 4", f"--port {port}"),
            ("/etc/credit-easy", str(operator.etc)),
        )
        # exec: the process is the service itself, which ends at SIGTERM.
        running = subprocess.Popen(["bash", "-euc", f"exec {serve}"], env=operator.environment)
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", running, "/healthz")
        finally:
            running.terminate()
            assert running.wait(WAIT_SECONDS) == 0
