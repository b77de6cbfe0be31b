"""Instants as text: an offset is needed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consent.kernel.instants import parse_instant


@pytest.mark.parametrize("text", ["2027-01-31T08:00:00Z", "2027-01-31T16:00:00+08:00", "2027-01-31T08:00:00.000+00:00"])
def test_an_instant_is_read_with_its_offset(text: str) -> None:
    assert parse_instant(text) == datetime(2027, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2027-01-31", "2027-01-31T08:00:00", "2027-02-31T08:00:00Z", "now"])
def test_any_other_text_is_none(text: str) -> None:
    assert parse_instant(text) is None
