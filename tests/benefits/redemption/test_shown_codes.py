"""Shown texts are read as they were issued, however they were scanned or typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benefits.redemption import shown_codes
from benefits.redemption.decision import TicketKind
from benefits.redemption.shown_codes import ShownCode
from consent.crypto.blind_index import CODE_ALPHABET, CODE_LENGTH, SLIP_CODE_LENGTH

FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
HANDLE = "0123456789abcdef" * 2


def codes(length: int) -> st.SearchStrategy[str]:
    return st.text(CODE_ALPHABET, min_size=length, max_size=length)


@given(codes(CODE_LENGTH), st.sampled_from(("", " ", "-", "　")))
def test_a_short_code_is_read_in_every_way_of_typing(code: str, separator: str) -> None:
    typed = f"{code[:4]}{separator}{code[4:]}"
    for text in (typed, typed.lower(), f" {typed} ", code.translate(FULL_WIDTH)):
        assert shown_codes.read(text) == ShownCode(TicketKind.TICKET, code, is_short=True)
    assert shown_codes.read(typed).is_complete


@given(codes(SLIP_CODE_LENGTH))
def test_the_code_of_a_slip_is_read_in_groups(code: str) -> None:
    grouped = "-".join(code[at : at + 4] for at in range(0, SLIP_CODE_LENGTH, 4))
    assert shown_codes.read(grouped.lower()) == ShownCode(TicketKind.SLIP, code)
    assert shown_codes.read(grouped).is_complete


@pytest.mark.parametrize("text", [HANDLE, HANDLE.upper(), f"{HANDLE}\n", HANDLE.translate(FULL_WIDTH)])
def test_a_handle_is_read_in_lower_case(text: str) -> None:
    assert shown_codes.read(text) == ShownCode(TicketKind.TICKET, HANDLE)
    assert shown_codes.read(text).is_complete


@pytest.mark.parametrize("text", ["", "A", "ABCD 234", "0OIL1234", HANDLE[:-1], f"{HANDLE}0", "g" * 32, "AB" * 9])
def test_what_cannot_be_a_code_is_not_complete(text: str) -> None:
    assert not shown_codes.read(text).is_complete
