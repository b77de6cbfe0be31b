"""A running demonstration city and a real browser; without Chromium these are left out, and the summary says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.pages.browser import CHROMIUM, QUIETLY
from tests.support.processes import Process

LEFT_OUT = "Chromium was not found: the pages were not tried in a browser (Debian: apt-get install chromium)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test here `pages`; skip them where Chromium is not installed."""
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.pages)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason=LEFT_OUT))


@pytest.fixture(scope="module")
def city(demo_folder: Path, seeded_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A seeded city as a process of its own."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "published").mkdir()
    shutil.copy(seeded_sqlite, folder / "city.sqlite3")
    running = Process(demo_folder, f"sqlite://{folder / 'city.sqlite3'}", folder / "published")
    yield running
    running.kill()


@pytest.fixture(scope="module")
def playwright(city: Process) -> Iterator[Playwright]:
    """Playwright, for one module alone: it keeps an event loop running, and no second loop can start in its thread."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium."""
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
    yield started
    started.close()
