"""The subject of `erase` comes from a file or standard input, so that no list of processes shows it."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.cli.people import read_subject


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
