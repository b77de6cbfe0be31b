"""Names, docstrings and comments follow the writing rules of docs/contributing.md."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.structure import wording

ROOT = Path(__file__).parents[2]
PRODUCT = ("consent", "benefits", "service")
FOLDERS = sorted(
    {path.parent for package in (*PRODUCT, "loadtests", "tests") for path in (ROOT / package).rglob("*.py")}
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_modules_are_in_plain_words(folder: Path) -> None:
    faults = {path.name: wording.check_source(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")}
    assert {name: lines for name, lines in faults.items() if lines} == {}


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in re.findall(r"^class (?!_)(\w+)", path.read_text(encoding="utf-8"), re.M):
                places[name].append(str(path.relative_to(ROOT)))
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
        ("limit = '#'  # How long, in days", "1: a sentence begins with 'How'"),
    ],
)
def test_each_rule_refuses_its_fault(source: str, fault: str) -> None:
    assert wording.check_source(source) == [fault]


def test_quoted_code_and_terms_of_the_field_pass() -> None:
    source = '"""Return 404 where the row is not found; `said` and "beside" are quoted."""\nrow = "#said"  # `kept`\n'
    assert wording.check_source(source) == []
