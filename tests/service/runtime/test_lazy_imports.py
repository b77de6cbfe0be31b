"""Large libraries that a server imports at their first use alone: they would take time and memory at every start."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.processes import ROOT

LATE = {
    "opendp": "noise of released numbers: 0.3 s and 26 MB",
    "openpyxl": "workbooks, which commands read and no server does",
    "opencc": "traditional Chinese characters",
    "confusable_homoglyphs": "letters that look like others",
}
"""Libraries and their use."""
SCRIPT = f"""
import sys, service.app, service.runtime.server, service.ingest.file_import
from benefits.publishing import folding, word_list
print(sorted(set({[*LATE]}) & set(sys.modules)))
print(folding._confusables.cache_info().currsize, word_list.word_list.cache_info().currsize)
"""


@pytest.mark.processes
def test_a_server_starts_without_large_libraries_and_dictionaries() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "0 0"]
