"""The pictures of the docs: the page that shows them names each file, every file is there, and all stay small."""

from __future__ import annotations

import re

from tests.pages import gallery

FOLDER_MAX = 13_000_000
"""Bytes of all pictures, so that a clone stays small."""
OTHERS = {"README.md", "docs.png", "performance.svg"}
"""Files of the folder that other documents show."""


def test_the_page_of_pictures_is_the_one_that_the_script_writes() -> None:
    assert gallery.INDEX.read_text(encoding="utf-8") == gallery.index(), "python -m tests.pages.take_pictures"


def test_every_picture_exists_and_every_file_is_named() -> None:
    named = {file for section in gallery.SECTIONS for picture in section.pictures for file in picture.files}
    assert {path.name for path in gallery.PICTURES.iterdir()} - OTHERS == named
    assert named == set(re.findall(r"[\w.-]+\.webp", gallery.INDEX.read_text(encoding="utf-8")))


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in gallery.PICTURES.iterdir()) <= FOLDER_MAX
