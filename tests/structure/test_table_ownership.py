"""Every table is named only in the package whose migrations create it: in SQL text and as a model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent.database import migrate
from service.storage import database
from tests.structure import syntax
from tests.support.processes import ROOT

KEYWORD = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN|TABLE|ONLY|USING|EXISTS)\b")
NAMED = re.compile(rf"{KEYWORD.pattern}\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?((?:\w+(?:\s+(?:AS\s+)?\w+)?\s*,\s*)*\w+)")
"""A keyword that is followed by tables, and the list of them with their aliases."""


def owners() -> dict[str, str]:
    """Return the package of every table, by the migrations that create it."""
    return {
        table: package
        for package in database.PACKAGES
        for engine in ("sqlite", "postgres")
        for _, script in migrate.files(package, engine)
        for table in re.findall(r"^CREATE TABLE (\w+)", script, re.M)
    }


def texts(nodes: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of every string but docstrings; what an f-string inserts becomes `{}`."""
    documentation = {
        id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation | inside:
            yield node.lineno, node.value


def tables_in(sql: str, known: dict[str, str]) -> set[str]:
    """Return the known tables that a text names after a keyword of SQL."""
    return {
        words[0]
        for match in NAMED.finditer(sql)
        for part in match[1].split(",")
        if (words := part.split()) and words[0] in known
    }


def faults(path: str, source: str, known: dict[str, str]) -> list[str]:
    """Return one line for each place in a module that names another package's table or imports its models."""
    if not KEYWORD.search(source) and "models" not in source:
        return []  # most modules; going through a module's nodes takes ten times as long
    package, nodes = path.split("/")[0], syntax.walk(ast.parse(source))
    lines = [
        f"{path}:{line}: {table} belongs to {known[table]}"
        for line, text in texts(nodes)
        for table in sorted(tables_in(text, known))
        if known[table] != package
    ]
    for node in nodes:
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        for module in modules:
            line = getattr(node, "lineno", 0)
            owner, _, rest = module.partition(".")
            if owner in database.PACKAGES and owner != package and rest.split(".")[0] == "models":
                lines.append(f"{path}:{line}: imports {module}")
    return lines


def modules() -> Iterator[tuple[str, str]]:
    """Yield (path, source) of every module of the three packages."""
    for package in database.PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_each_table_is_named_in_its_own_package_alone() -> None:
    known = owners()
    assert [line for path, source in modules() for line in faults(path, source, known)] == []


@pytest.mark.parametrize(
    "source",
    [
        'await fetch("SELECT * FROM person WHERE person_id = $1", x)',
        'SQL = f"INSERT INTO event ({columns}) VALUES"',
        'SQL = f"SELECT {columns} FROM snapshot s JOIN person p ON true"',
        'SQL = "DELETE FROM snapshot USING record WHERE true"',
        'SQL = "SELECT 1 FROM snapshot s, record_index k"',
        'SQL = "UPDATE log_head SET size = 0"',
        'SQL = "DROP TABLE IF EXISTS stored_answer"',
        "from consent.models import LogEntry",
        "from consent import models",
        "import consent.models.logs",
        "import service.models",
    ],
)
def test_a_table_of_another_package_is_reported(source: str) -> None:
    assert len(faults("benefits/x.py", source, owners())) >= 1


@pytest.mark.parametrize(
    "source",
    [
        '"""Rows FROM person are read elsewhere."""',
        'SQL = "SELECT event, record FROM snapshot s JOIN ticket USING (person_id)"',
        "from benefits.models import Snapshot",
        'message = "The record is from consent"',
    ],
)
def test_own_tables_and_prose_are_no_fault(source: str) -> None:
    assert faults("benefits/x.py", source, owners()) == []


def test_each_package_owns_its_tables() -> None:
    known = owners()
    assert {known[table] for table in ("person", "snapshot", "stored_answer")} == set(database.PACKAGES)
    assert Path(ROOT / "consent" / "migrations").is_dir()
