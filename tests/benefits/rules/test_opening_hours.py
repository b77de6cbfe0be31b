"""Opening hours: what can be written, and that nothing else can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.rules.opening_hours import DAYS, HoursInvalid, OpenDays, parse


def test_hours_are_read_by_days_and_times() -> None:
    assert parse("Mo-Fr 09:00-12:00,13:00-17:00; Sa,Su 10:00-24:00") == (
        OpenDays(((0, 4),), (("09:00", "12:00"), ("13:00", "17:00"))),
        OpenDays(((5, 5), (6, 6)), (("10:00", "24:00"),)),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mo",
        "Mo 9:00-17:00",
        "Mo 09:00-17:00;Tu 09:00-17:00",
        "Mo-Fr 09:00-17:00; Fr 10:00-12:00",
        "Mo,Mo 09:00-17:00",
        "Fr-Mo 09:00-17:00",
        "Mo-Mo 09:00-17:00",
        "Mo 17:00-09:00",
        "Mo 09:00-09:00",
        "Mo 09:00-24:30",
        "Mo 09:00-12:00,11:00-13:00",
        "Mo 09:00-17:00 for trustworthy people",
        "Mo 09:00-17:00\n",
        "Mo ٠٩:٠٠-17:00",
    ],
)
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(HoursInvalid):
        parse(text)


@given(st.text(alphabet="MoTuWeThFrSa0129:-,; ", max_size=40))
def test_hours_hold_nothing_but_days_and_times(text: str) -> None:
    try:
        rules = parse(text)
    except HoursInvalid:
        return
    written = "; ".join(
        ",".join(DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}" for first, last in rule.days)
        + " "
        + ",".join(f"{start}-{end}" for start, end in rule.times)
        for rule in rules
    )
    assert written == text
