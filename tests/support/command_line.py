"""Run the command line as an operator does: as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support.deadlines import WAIT_SECONDS

ROOT = Path(__file__).parents[2]


def run_command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CREDIT_EASY_")}
    return subprocess.run(
        [sys.executable, "-m", "service.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
        cwd=ROOT,
        env={**clean, **(env or {})},
    )


def start_demo(folder: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "service.cli.main",
            "demo", "--data-dir", str(folder), "--port", str(port), *options,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )  # fmt: skip


def stop_process(running: subprocess.Popen[bytes]) -> str:
    running.send_signal(signal.SIGTERM)
    printed, _ = running.communicate(timeout=WAIT_SECONDS)
    return printed.decode()
