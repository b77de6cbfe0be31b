"""Run the shell blocks of a page of the documentation as they stand there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.command_line import ROOT
from tests.support.deadlines import WAIT_SECONDS


def check_page(page: Path, results: Sequence[str], here: Mapping[str, str], folder: Path) -> None:
    """Run a page's `bash` blocks as one script in `folder`; each line that it prints has its part of `results`.

    `here` are the texts that take the place of those that the page writes.
    """
    script = "".join(re.findall(r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M))
    for written, replacement in here.items():
        assert written in script
        script = script.replace(written, replacement)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        timeout=5 * WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.strip().splitlines()
    assert len(lines) == len(results), lines
    for line, part in zip(lines, results, strict=True):
        assert part in line, lines
