"""Folders with npm packages of others, and the tools and scripts that run in them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

TOOL_SECONDS = 900


def install(target: Path, source: Path, *files: Path) -> Path:
    """Copy a folder with a package.json, and more files, to `target`, and install its packages there."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    for file in files:
        shutil.copy(file, target)
    run_tool("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", folder=target)
    return target


def run_tool(*command: str, folder: Path, env: dict[str, str] | None = None) -> str:
    """Run a tool and return what it printed; the test fails with that where the tool fails."""
    done = _run(command, folder, env=env)
    return done.stdout + done.stderr


async def run_script(folder: Path, script: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a script of Node.js that reads JSON and prints a list of results, which is returned."""
    done = await asyncio.to_thread(_run, ("node", script), folder, given=json.dumps(given))
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def _run(
    command: tuple[str, ...], folder: Path, env: dict[str, str] | None = None, given: str = ""
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(env or {})}, input=given, capture_output=True, text=True,
        check=False, timeout=TOOL_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done
