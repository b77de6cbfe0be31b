"""Civil days have one spelling."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.kernel.civil_day import parse_civil_day


@given(st.dates())
def test_every_day_is_read_from_its_iso_form(day: date) -> None:
    assert parse_civil_day(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    ["", "20250131", "2025-W05-5", "2025-1-31", "2025-02-29", "２０２５-01-31", "2025-01-31T00:00", "2025-01-31\n"],
)
def test_other_spellings_and_missing_days_are_refused(text: str) -> None:
    assert parse_civil_day(text) is None
