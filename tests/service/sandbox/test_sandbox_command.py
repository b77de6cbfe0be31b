"""`credit-easy demo --sandbox` as a process: the page's blocks, a reset while it serves, folders that it refuses."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from service.sandbox import sandbox
from tests.service.demo.test_first_hour import RESULTS as FIRST_HOUR
from tests.support.command_line import ROOT, run_command, start_demo, stop_process
from tests.support.page_snippets import check_page
from tests.support.processes import free_port, wait_until_ready

pytestmark = pytest.mark.processes
REDEMPTION = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]["/v1/venue/redemptions"]["post"]
REFUSALS = [
    f"{status} {code}"
    for status, answer in sorted(REDEMPTION["responses"].items())
    for code in re.findall(r"^- `(\w+)`", answer["description"], re.M)
]
RESULTS = (
    "0", "given", "29376000", "[30, 90]", "unavailable", "'measure': 'total'", *REFUSALS, "account_claimed",
    "Somebody tried to link your account at Green Travel", "resetting", "0", "[]",
)  # fmt: skip
"""A part of each line that the page's blocks print, in order."""


@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the page needs curl and bash")
def test_the_page_runs_as_pasted(tmp_path: Path) -> None:
    port = free_port()
    running = start_demo(tmp_path / "box", port, "--sandbox")
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", running)
        here = {"http://127.0.0.1:8000": f"http://127.0.0.1:{port}", "python3 -c": f"{sys.executable} -c"}
        venue = {
            **here,
            "demo-city": str(tmp_path / "box"),
            ".venv/bin/credit-easy": f"{sys.executable} -m service.cli.main",
        }
        check_page(ROOT / "docs" / "first-hour" / "point-of-sale.md", FIRST_HOUR["point-of-sale"], venue, tmp_path)
        check_page(ROOT / "docs" / "sandbox.md", RESULTS, here, tmp_path)
        app = {"demo-city": str(tmp_path / "box"), **venue, **here}
        hinted = [*FIRST_HOUR["city-app"][:-3], "hints: ", "[]", FIRST_HOUR["city-app"][-1]]
        check_page(ROOT / "docs" / "first-hour" / "city-app.md", hinted, app, tmp_path)
    finally:
        printed = stop_process(running)
    assert f"http://127.0.0.1:{port}/sandbox" in printed
    # The folder is a sandbox's from now on.
    refused = run_command("demo", "--data-dir", str(tmp_path / "box"), "--port", str(port))
    assert (refused.returncode, "--sandbox" in refused.stderr) == (2, True)


def test_a_demonstration_never_becomes_a_sandbox(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "city.sqlite3").touch()
    refused = run_command("demo", "--sandbox", "--data-dir", str(folder), "--port", str(free_port()))
    assert (refused.returncode, "a folder of its own" in refused.stderr) == (2, True)
    assert [path.name for path in folder.iterdir()] == ["city.sqlite3"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "city.example", ""])
def test_a_sandbox_starts_on_this_machines_own_addresses_alone(host: str, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    refused = run_command("demo", "--sandbox", "--host", host, "--data-dir", str(folder), "--port", str(free_port()))
    assert (refused.returncode, "need no credentials" in refused.stderr) == (2, True)
    assert not folder.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_an_own_address_is_accepted(host: str) -> None:
    sandbox.require_loopback(host)


def test_serve_has_no_such_option() -> None:
    refused = run_command("serve", "--sandbox")
    assert refused.returncode == 2
    assert "No such option" in refused.stderr
