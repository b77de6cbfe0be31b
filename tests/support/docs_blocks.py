"""Code blocks of the documentation, so that tests run what readers paste."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, heading: str, language: str) -> str:
    """Return the one block in a language under a heading of a page of the docs."""
    (code,) = blocks(page, heading, language)
    return code


def blocks(page: str, heading: str, language: str) -> list[str]:
    """Return the blocks in a language under a heading of a page of the docs, without their indentation."""
    text = (DOCS / page).read_text(encoding="utf-8")
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ \S|\Z)", outside_blocks(text), re.S | re.M)
    assert section, heading
    within = text[section.start() : section.end()]
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^ *```", within, re.S | re.M)
    return [re.sub(rf"^{indentation}", "", code, flags=re.M) for indentation, code in fenced]


def outside_blocks(text: str) -> str:
    """Return the text with every character of its blocks replaced, so that a comment there is no heading."""
    return re.sub(r"^ *```.*?^ *```", lambda match: re.sub(r"[^\n]", "x", match[0]), text, flags=re.S | re.M)


def replaced(code: str, *pairs: tuple[str, str]) -> str:
    """Return code of the docs with what differs on this machine replaced; each must be there."""
    for written, here in pairs:
        assert written in code, written
        code = code.replace(written, here)
    return code
