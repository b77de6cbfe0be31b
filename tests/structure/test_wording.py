"""Names, docstrings and comments follow the writing rules of docs/contributing.md."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.structure import wording

ROOT = Path(__file__).parents[2]
PRODUCT = ("consent", "benefits", "service")
MODULES = [
    path for package in (*PRODUCT, "loadtests", "tests") for path in sorted((ROOT / package).rglob("*.py"))
]  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_in_plain_words(path: Path) -> None:
    assert wording.check_source(path.read_text(encoding="utf-8")) == []


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('"""What a module promises."""', "1: a sentence begins with 'What'"),
        ('"""Read a row. When it is absent, raise."""', "1: a sentence begins with 'When'"),
        ('"""Keep what was lent."""', "1: refused words 'lent'"),
        ("def of(person): ...", "1: refused name 'of'"),
        ("found = 1", "1: refused name 'found'"),
        ("rows = [one for one in range(3)]", "1: refused name 'one'"),
        ("def send(a, b, c, d, e, f, g): ...", "1: send has 7 parameters; at most 6"),
        ("limit = 3  # kept for a day", "1: refused words 'kept'"),
    ],
)
def test_each_rule_refuses_its_fault(source: str, fault: str) -> None:
    assert wording.check_source(source) == [fault]


def test_quoted_code_and_terms_of_the_field_pass() -> None:
    source = '"""Return 404 where the row is not found; `said` and "beside" are quoted."""\nrow = None\n'
    assert wording.check_source(source) == []
