"""Every entry of `data/adversarial_2.json` has a test of its id, and every attempt of ours a row in the docs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTED = json.loads((ROOT / "tests" / "data" / "adversarial_2.json").read_text(encoding="utf-8"))
SHARED = ROOT.parent / "shared" / "guardrails" / "adversarial-2.json"
STORIES = sorted((ROOT / "tests" / "stories").rglob("test_*.py"))
STATISTICS = sorted((ROOT / "tests" / "benefits" / "statistics").glob("test_*.py"))
TEST_NAME = re.compile(r"def test_adv_(\d+)_|^ +\(?\"ADV-(\d+)\",", re.MULTILINE)


def numbers_tried() -> set[int]:
    """Return the number of every attempt that a test function names or a parameter of one."""
    texts = (path.read_text(encoding="utf-8") for path in (*STORIES, *STATISTICS))
    return {int(number or other) for text in texts for number, other in TEST_NAME.findall(text)}


def test_every_listed_attempt_has_a_test() -> None:
    assert [entry["id"] for entry in LISTED] == [f"ADV-{number}" for number in range(51, 76)]
    assert {int(entry["id"].removeprefix("ADV-")) for entry in LISTED} <= numbers_tried()


def test_every_own_attempt_is_in_the_docs_and_the_other_way_round() -> None:
    page = (ROOT / "docs" / "attempts.md").read_text(encoding="utf-8")
    documented = {int(number) for number in re.findall(r"^\| ADV-(\d+) \|", page, re.MULTILINE)}
    own = {number for number in numbers_tried() if number > 100}
    assert len(own) >= 40
    assert documented == own


def test_the_rules_list_the_same_attempts() -> None:
    if not SHARED.exists():
        pytest.skip("the shared list is not here")
    assert json.loads(SHARED.read_text(encoding="utf-8")) == LISTED
