"""Numbers and ids in ASCII: every other spelling of a number is none."""

from __future__ import annotations

import pytest

from consent.kernel.ascii_text import is_printable_ascii, parse_digits


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("999", 999)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert parse_digits(text, 3) == number


@pytest.mark.parametrize("text", ["", "1000", "-1", "+1", " 1", "1_0", "1.0", "²", "٣", "９", "1\n", "x"])
def test_any_other_text_is_none(text: str) -> None:
    assert parse_digits(text, 3) is None


@pytest.mark.parametrize(
    ("text", "printable"), [("a-1._", True), (" ", True), ("a\x00", False), ("é", False), ("\n", False)]
)
def test_ids_are_printable(text: str, printable: bool) -> None:
    assert is_printable_ascii(text) is printable
