"""The house: which way imports run, how large a room may grow, and that every call stands behind a door."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Mount, Route

from service.api.routes import AUDIENCES, OPERATIONS
from service.app import create_app
from service.demo import seed
from service.http.endpoints import Guard

ROOT = Path(__file__).parents[2]
ROOMS = ("consent", "benefits", "service")
LINES_MAX = 400
FUNCTION_LINES_MAX = 70
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "service",
    "benefits",
    "consent",
    "tests",
    "loadtests",
    "docs",
    "LICENSE",
    "CHANGELOG.md",
}
MODULES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_or_function_outgrows_its_room(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_promises(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a checkout")
def test_the_top_level_is_what_was_named() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name.split("/")[0] for name in listed.stdout.splitlines() if not name.startswith(".")}
    assert tracked <= TOP_LEVEL


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["mypy"],
        ["importlinter.cli"],
    ],
    ids=lambda command: " ".join(command),
)
def test_the_checkers_find_nothing(command: list[str]) -> None:
    run = [sys.executable, "-m", *command]
    if command[0] == "importlinter.cli":
        run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_call_stands_behind_a_door_or_is_public(tmp_path: Path) -> None:
    settings = seed.settings_of(tmp_path)
    app = create_app(settings, seed.issuer_of(tmp_path).verifier())
    prefixes = {prefix for _, prefix in AUDIENCES}
    for route in app.routes:
        assert isinstance(route, Mount | Route)
        behind = route.path in prefixes or any(route.path.startswith(prefix + "/") for prefix in prefixes)
        assert behind == isinstance(route.app, Guard), route.path
        assert behind or not isinstance(route, Mount), route.path
    assert prefixes == {route.path for route in app.routes if isinstance(route, Mount)}


def test_operations_of_a_door_are_under_its_prefix() -> None:
    for (audience, prefix), endpoints in AUDIENCES.items():
        for endpoint in endpoints:
            assert endpoint.operation.door is audience
            assert endpoint.operation.path == prefix or endpoint.operation.path.startswith(prefix + "/")
    ids = [operation.operation_id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))
