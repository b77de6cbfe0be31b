"""The tree at the head of each errors module names every domain error of its package, and nothing else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def named_in_tree(errors: Path) -> list[str]:
    docstring = ast.get_docstring(ast.parse(errors.read_text(encoding="utf-8"))) or ""
    return re.findall(r"^[├└]── (\S+)", docstring, re.M)


def defined_in(package: Path, errors: Path) -> list[str]:
    """Return the subclasses of DomainError, those outside of the errors module with the name of their module."""
    classes = []
    for path in package.rglob("*.py"):
        for name in re.findall(r"^class (\w+)\(DomainError\):", path.read_text(encoding="utf-8"), re.M):
            classes.append(name if path == errors else f"{path.stem}.{name}")
    return classes


@pytest.mark.parametrize("errors", ["consent/kernel/errors.py", "benefits/errors.py"])
def test_the_tree_names_every_error(errors: str) -> None:
    defined = defined_in(ROOT / errors.partition("/")[0], ROOT / errors)
    assert "NotFound" in defined or "BenefitNotAvailable" in defined
    assert sorted(named_in_tree(ROOT / errors)) == sorted(defined)
