"""Subjects for `erase` and `change-subject` come from a file or standard input: no list of processes shows them."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.cli.people import read_subject, read_subjects


def test_the_subject_is_read_from_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "subject"
    for raw in ("居民-1", "居民-1\n", "居民-1\r\n"):
        written.write_bytes(raw.encode())
        assert read_subject(None, written) == "居民-1"
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw.encode())))
        assert read_subject(None, Path("-")) == "居民-1"
    assert read_subject("resident-1", None) == "resident-1"


@pytest.mark.parametrize("raw", [b"", b"\n", b"one\ntwo\n", b"\xff"])
def test_what_is_no_subject_is_refused_without_being_shown(
    tmp_path: Path, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "subject"
    written.write_bytes(raw)
    for subject, file in ((None, written), (None, None), ("secret-subject", written), (None, tmp_path / "absent")):
        with pytest.raises(SystemExit) as refused:
            read_subject(subject, file)
        assert refused.value.code == 2
        assert "secret-subject" not in capsys.readouterr().err


def test_the_subjects_of_a_change_are_read_from_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "subjects"
    for raw in ("居民-1\n居民-2", "居民-1\r\n居民-2\r\n"):
        written.write_bytes(raw.encode())
        assert read_subjects(None, None, written) == ("居民-1", "居民-2")
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw.encode())))
        assert read_subjects(None, None, Path("-")) == ("居民-1", "居民-2")
    assert read_subjects("old", "new", None) == ("old", "new")


@pytest.mark.parametrize("raw", [b"", b"one\n", b"one\n\n", b"\ntwo\n", b"one\ntwo\nthree\n", b"\xff\n\xff\n"])
def test_what_are_no_two_subjects_is_refused_without_being_shown(
    tmp_path: Path, raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "subjects"
    written.write_bytes(raw)
    absent = tmp_path / "absent"
    for old, new, file in (
        (None, None, written), (None, None, None), (None, None, absent), ("secret-old", None, None),
        (None, "secret-new", None), ("secret-old", "secret-new", written),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as refused:
            read_subjects(old, new, file)
        assert refused.value.code == 2
        assert "secret" not in capsys.readouterr().err
