"""Schemathesis over the whole API: a few requests an operation in the suite, minutes of all phases as a campaign."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes
MINUTES = float(os.environ.get("FUZZ_MINUTES", "10"))
"""Length of the campaign."""


def test_schemathesis_finds_nothing_in_a_few_requests_to_every_operation(tmp_path: Path) -> None:
    from tests.fuzz import api, served_city  # a second's import, which no other test should wait for

    with served_city.serve_city(tmp_path) as city:
        outcome = api.run(city, api.Extent(1, None, 1, ("fuzzing",)))
    assert not outcome.failures, api.report(outcome, 0)
    assert not outcome.errors, api.report(outcome, 0)
    assert len(outcome.operations) > 100
    assert len(outcome.succeeded) > 30


@pytest.mark.campaign
def test_schemathesis_finds_nothing_in_minutes(tmp_path: Path) -> None:
    from tests.fuzz import api, served_city

    with served_city.serve_city(tmp_path) as city:
        outcome = api.run(city, api.Extent(2, round(MINUTES * 60), 100))
    assert not outcome.failures, api.report(outcome, MINUTES * 60)
    assert not outcome.errors, api.report(outcome, MINUTES * 60)
