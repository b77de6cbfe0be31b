"""The load scenarios against a demonstration city: a short day passes its gate, a city that is away does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import start_demo, stop_process
from tests.support.deadlines import WAIT_SECONDS
from tests.support.processes import ROOT, free_port, wait_until_ready

pytestmark = [pytest.mark.campaign, pytest.mark.processes]


def a_day(base: str, folder: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--only-summary",
            "--host", base, "--demo-folder", str(folder), "--day", str(seconds), "--people", "6",
            "--html", str(folder / "report.html"),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS,
    )  # fmt: skip


def test_a_short_day_passes_its_gate(tmp_path: Path) -> None:
    pytest.importorskip("locust")
    folder, port = tmp_path / "city", free_port()
    base = f"http://127.0.0.1:{port}"
    running = start_demo(folder, port)
    try:
        wait_until_ready(base, running)
        done = a_day(base, folder, 20)
        assert done.returncode == 0, done.stderr
        assert "/v1/venue/redemptions" in done.stderr + done.stdout
        assert (folder / "report.html").stat().st_size > 10_000
    finally:
        stop_process(running)
    away = a_day(base, folder, 5)
    assert away.returncode == 1
