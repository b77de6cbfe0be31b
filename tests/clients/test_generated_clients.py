"""Linters and generators take the OpenAPI document without a warning, and the clients they make do the main job.

Campaigns: the tools come from npm and PyPI. `python -m pytest -m campaign tests/clients`
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.workshops import install, run_tool
from tests.support.command_line import run_command, start_demo, stop_process
from tests.support.processes import free_port, wait_until_ready

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "docs" / "clients"
GENERATOR = ("openapi-python-client==0.29.1", "ruff")
DONE = {"accepted": 1, "total": 65, "first": True, "deposit": 10_000, "second": False, "withdrawn": 2}
"""The result of the main job, whichever language does it."""

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.skipif(not shutil.which("npm"), reason="needs Node.js with npm"),
]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of docs/clients with the npm packages installed and the document in it."""
    return install(tmp_path_factory.mktemp("clients"), CLIENTS, ROOT / "docs" / "openapi.json")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running demonstration: its address and the tokens of the main job, as environment variables."""
    folder, port = tmp_path_factory.mktemp("demo") / "city", free_port()
    running = start_demo(folder, port)

    def token(audience: str, subject: str) -> str:
        return run_command("token", "--data-dir", str(folder), "--door", audience, "--subject", subject).stdout.strip()

    try:
        wait_until_ready(f"http://127.0.0.1:{port}", running)
        yield {
            "BASE": f"http://127.0.0.1:{port}",
            "ME": token("resident", "me-typescript"),
            "ME_TOO": token("resident", "me-python"),
            "BIKES": token("source", "green-travel"),
            "LIBRARY": token("venue", "city-library-main"),
        }
    finally:
        stop_process(running)


def test_redocly_warns_of_nothing(workshop: Path) -> None:
    printed = run_tool("npx", "redocly", "lint", "openapi.json", folder=workshop)
    assert "Your API description is valid" in printed
    assert "warning" not in printed.partition("validating")[2].lower(), printed


def test_spectral_warns_of_nothing(workshop: Path) -> None:
    command = ("npx", "spectral", "lint", "openapi.json", "--ruleset", "spectral.yaml", "--fail-severity", "hint")
    run_tool(*command, folder=workshop)


def test_hey_api_makes_a_client(workshop: Path) -> None:
    printed = run_tool("npx", "openapi-ts", "-i", "openapi.json", "-o", "hey-api", folder=workshop)
    assert not re.search("warn|error", printed, re.IGNORECASE), printed
    client = (workshop / "hey-api" / "sdk.gen.ts").read_text(encoding="utf-8")
    operations = [
        call["operationId"]
        for methods in json.loads((workshop / "openapi.json").read_text(encoding="utf-8"))["paths"].values()
        for call in methods.values()
    ]
    assert [name for name in operations if f"export const {name} " not in client] == []


def test_typescript_does_the_main_job(workshop: Path, demo: dict[str, str]) -> None:
    run_tool("npx", "openapi-typescript", "openapi.json", "-o", "schema.d.ts", folder=workshop)
    run_tool("npx", "tsc", "-p", ".", folder=workshop)
    printed = run_tool("node", "out/main-job.js", folder=workshop, env=demo)
    assert json.loads(printed.strip().splitlines()[-1]) == DONE


def test_python_does_the_main_job(workshop: Path, demo: dict[str, str]) -> None:
    python = workshop / "venv" / "bin" / "python"
    run_tool(sys.executable, "-m", "venv", str(workshop / "venv"), folder=workshop)
    run_tool(str(python), "-m", "pip", "install", "-q", *GENERATOR, folder=workshop)
    printed = run_tool(
        str(python.parent / "openapi-python-client"), "generate", "--path", "openapi.json", "--output-path", "made",
        "--config", "openapi-python-client.yaml", "--fail-on-warning",
        folder=workshop, env={"PATH": f"{python.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert "warning" not in printed.lower(), printed
    env = {**demo, "ME": demo["ME_TOO"], "PYTHONPATH": "made"}
    printed = run_tool(str(python), "main_job.py", folder=workshop, env=env)
    assert json.loads(printed.strip().splitlines()[-1]) == DONE


def test_the_bridge_calls_from_a_web_view_and_from_mini_programs(workshop: Path, demo: dict[str, str]) -> None:
    printed = run_tool("node", "bridge-check.mjs", folder=workshop, env=demo)
    as_expected = {"total": 0, "code": "not_found", "shown": True}
    assert json.loads(printed.strip().splitlines()[-1]) == dict.fromkeys(("fetch", "wx", "my"), as_expected)
