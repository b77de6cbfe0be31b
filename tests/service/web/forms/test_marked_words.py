"""Texts of documents in pieces, with the words that findings mark."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.web.forms.document_view import TextPiece, marked_pieces


def mark(start: int, end: int) -> dict[str, int]:
    return {"start": start, "end": end}


def test_a_text_is_cut_at_its_marks() -> None:
    assert marked_pieces("无黑名单者", [mark(1, 4)]) == [
        TextPiece("无", False),
        TextPiece("黑名单", True),
        TextPiece("者", False),
    ]


def test_a_text_without_marks_has_no_pieces() -> None:
    assert marked_pieces("无", []) == []
    assert marked_pieces("无", [mark(0, 2), mark(1, 1), mark(-1, 1)]) == []


def test_marks_may_overlap() -> None:
    assert marked_pieces("abcdef", [mark(1, 4), mark(2, 3), mark(3, 6)]) == [
        TextPiece("a", False),
        TextPiece("bcdef", True),
    ]


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-2, 32), st.integers(-2, 32)), max_size=6))
def test_the_pieces_are_the_text(text: str, places: list[tuple[int, int]]) -> None:
    pieces = marked_pieces(text, [mark(start, end) for start, end in places])
    assert "".join(piece.text for piece in pieces) in (text, "")
    assert bool(pieces) is any(0 <= start < end <= len(text) for start, end in places)
