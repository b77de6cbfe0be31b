"""docs/security.md: every test it names exists, every attack test is named, every number of OWASP's list is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ATTACKS = sorted((ROOT / "tests" / "stories" / "attacks").glob("test_*.py"))


@cache
def names_of_tests(path: Path) -> set[str]:
    """Return the names of a file's tests."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 50
    for path, name in named:
        assert name in names_of_tests(ROOT / path), f"{path}::{name}"


def test_the_page_names_every_test_of_an_attack() -> None:
    for path in ATTACKS:
        shown = path.relative_to(ROOT).as_posix()
        for name in sorted(names_of_tests(path)):
            assert f"`{shown}::{name}`" in PAGE, f"{shown}::{name}"


def test_every_risk_of_the_top_ten_has_an_attack() -> None:
    assert {int(number) for number in re.findall(r"\bAPI(\d+)\b", PAGE)} == set(range(1, 11))


def test_every_line_has_its_answer() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]
    assert all(line.count("|") == 5 and line.split("|")[4].strip() for line in lines)
