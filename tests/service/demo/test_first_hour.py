"""The pages for developers run as pasted, one after another, against a demonstration."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, start_demo, stop_process
from tests.support.page_snippets import check_page
from tests.support.processes import free_port, wait_until_ready

PAGES = ROOT / "docs" / "first-hour"
RESULTS = {
    "city-app": [
        "0",
        "Notice and consent: checking whether a benefit of City Library applies",
        "given",
        "library-deposit False given",
        "benefit_not_available",
        "",
        "open",
        "True",
        "open",
        "hints:",
        "[",
        "1",
    ],
    "source": ["confirmed", "1", '"duplicate"', "corrected", "retracted", "1", "acknowledged"],
    "point-of-sale": [
        "city-library-main",
        "['library-deposit']",
        "True",
        "deposit_waiver",
        '{"applies":false}',
        "-",
        "same",
        '{"applies":false}',
        "reversed",
        "['reversed",
    ],
}
"""A part of each line that the page's blocks print, in order."""
IMPORTED = (
    "%m/%d/%Y %H:%M or %d/%m/%Y %H:%M?",
    "Start Date has times without a zone",
    "9 records of 9 accounts, 0 refused",
    "bike_trip: 9 records, quantity 90 in all",
    "confirmed",
    '"accepted": 1',
    "5",
    "0 accepted, 1 duplicates, 8 of accounts that nobody linked",
)
"""The same of docs/how-to/import-a-file.md."""

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="the pages need curl and bash"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running demonstration: its texts in the place of those that the pages write."""
    folder, port = tmp_path_factory.mktemp("first-hour") / "city", free_port()
    running = start_demo(folder, port)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", running)
        yield {
            "http://127.0.0.1:8000": f"http://127.0.0.1:{port}",
            ".venv/bin/credit-easy": f"{sys.executable} -m service.cli.main",
            "demo-city": str(folder),
            "python3 -c": f"{sys.executable} -c",
        }
    finally:
        stop_process(running)


@pytest.mark.parametrize("name", RESULTS)
def test_a_page_runs_as_pasted(name: str, demo: dict[str, str], tmp_path: Path) -> None:
    check_page(PAGES / f"{name}.md", RESULTS[name], demo, tmp_path)


def test_the_import_of_a_public_file_runs_as_pasted(demo: dict[str, str], tmp_path: Path) -> None:
    here = {folder: str(ROOT / folder) for folder in ("tests/data/exports", "docs/source-sdk")}
    here["python3 deliver.py"] = f"{sys.executable} deliver.py"
    check_page(ROOT / "docs" / "how-to" / "import-a-file.md", IMPORTED, {**demo, **here}, tmp_path)


def test_every_page_is_run() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(RESULTS)
