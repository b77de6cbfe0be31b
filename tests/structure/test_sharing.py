"""Files that the processes of one run of tests share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.sharing import created_once


def test_of_many_that_need_a_file_one_makes_it(tmp_path: Path) -> None:
    drafts: list[Path] = []

    def make(draft: Path) -> None:
        drafts.append(draft)
        draft.write_text("made", encoding="utf-8")

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: created_once(tmp_path / "file", make), range(8)))
    assert {path.read_text(encoding="utf-8") for path in paths} == {"made"}
    assert len(drafts) == 1


def test_after_a_failure_the_next_process_tries_again(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        draft.write_text("half", encoding="utf-8")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        created_once(tmp_path / "file", fail)
    assert created_once(tmp_path / "file", lambda draft: draft.write_text("whole")).read_text() == "whole"
