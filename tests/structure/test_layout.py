"""Structure of the repository: sizes of modules and functions, the top level, guarded routes, configured checkers."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from starlette.routing import Mount, Route

from service.api.routes import AUDIENCES, OPERATIONS
from service.app import create_app
from service.demo import seed
from service.http.endpoints import Guard
from service.web import routes as page_routes
from tests.structure import syntax

ROOT = Path(__file__).parents[2]
PACKAGES = ("consent", "benefits", "service")
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
    "requirements.lock",
    "requirements-telemetry.lock",
}
CHECKERS = ("ruff check", "ruff format --check", "mypy", "lint-imports")
FOLDERS = sorted({path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")})


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_modules_have_a_docstring_and_stay_small_and_so_do_functions(folder: Path) -> None:
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= LINES_MAX, path
        tree = ast.parse(text)
        assert ast.get_docstring(tree), path
        nodes = syntax.nodes_by_type(tree)
        for kind in (ast.FunctionDef, ast.AsyncFunctionDef):
            for node in nodes[kind]:
                assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, f"{path}: {node.name}"


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="not a checkout")
def test_the_top_level_is_the_named_one() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name.split("/")[0] for name in listed.stdout.splitlines() if not name.startswith(".")}
    assert tracked <= TOP_LEVEL


def test_the_checkers_are_configured_and_run_by_ci() -> None:
    # The checkers themselves are steps of `.ci/run`: they take half a minute and need no test runner.
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["mypy"]["strict"] is True
    assert {"E", "F", "B", "S", "I"} <= set(tools["ruff"]["lint"]["select"])
    assert tools["importlinter"]["contracts"]
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert [checker for checker in CHECKERS if checker not in steps] == []


def test_every_route_is_public_or_behind_a_guard(tmp_path: Path) -> None:
    settings = seed.settings_of(tmp_path)
    app = create_app(settings, seed.issuer_of(tmp_path).verifier())
    prefixes = {prefix for _, prefix in AUDIENCES}
    for route in app.routes:
        assert isinstance(route, Mount | Route)
        guarded = route.path in prefixes or any(route.path.startswith(prefix + "/") for prefix in prefixes)
        assert guarded == isinstance(route.app, Guard), route.path
        assert guarded or not isinstance(route, Mount), route.path
    assert prefixes == {route.path for route in app.routes if isinstance(route, Mount)}


@pytest.mark.parametrize("audience", ["public", "resident", "venue", "admin", "officer"])
def test_the_pages_of_every_module_are_in_the_table_of_their_audience(audience: str) -> None:
    folder = ROOT / "service" / "web" / audience
    names = [path.stem for path in folder.glob("*.py") if path.stem not in ("__init__", "routes")]
    modules = [importlib.import_module(f"service.web.{audience}.{name}") for name in names]
    pages = [page for module in modules for page in getattr(module, "ROUTES", ())]
    table = importlib.import_module(f"service.web.{audience}.routes").ROUTES
    assert sorted(map(str, table)) == sorted(map(str, pages))
    assert set(table) <= set(page_routes.ROUTES)


def test_operations_of_an_audience_are_under_its_prefix() -> None:
    for (audience, prefix), endpoints in AUDIENCES.items():
        for endpoint in endpoints:
            assert endpoint.operation.audience is audience
            assert endpoint.operation.path == prefix or endpoint.operation.path.startswith(prefix + "/")
    ids = [operation.operation_id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))
