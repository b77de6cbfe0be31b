"""The command that runs the state machines: it counts what it did, and a machine that fails ends it with 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.stories import __main__ as command
from tests.support.deadlines import WAIT_SECONDS
from tests.support.processes import ROOT

pytestmark = pytest.mark.processes


class Broken(RuleBasedStateMachine):
    """A machine whose invariant fails after two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    @rule()
    def step(self) -> None:
        self.steps += 1

    @invariant()
    def few_steps(self) -> None:
        assert self.steps < 2


def test_a_run_counts_its_steps_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.stories", "--minutes", "0", "--examples", "1", "--acts", "2"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for name in command.MACHINES:
        assert f"{name}: 1 rounds, 1 examples, 3 steps" in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_fails_is_reported_with_its_seed() -> None:
    counts = command.Counts()
    failure = command.act(Broken, 7, command.Extent(5, 5), counts)
    assert failure is not None
    assert failure.startswith("seed 7\n")
    assert "few_steps" in failure
    assert counts.steps > 2
