"""Generated input for the parsers: any bytes and text, and samples with parts changed, repeated, cut or swapped."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.parser import Parser, attempt

PIECES: Final = (
    *(b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", "\u202e".encode(), "９".encode(), "— ".encode()),
    *(
        b"\n",
        b"\r\n",
        b"\n\n",
        b"-",
        b"+",
        b"%",
        b"&",
        b"*",
        b"!!",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b":",
        b",",
        b"/",
    ),
    *(b"..", b"=", b"0", b"-1", b"1e400", b"NaN", b"null", b"true", b"\\ud800", b"0x" + b"f" * 400, b"9" * 400),
    *(b"9" * 5_000, b"x" * 70_000, b"[" * 2_000, b'{"a":' * 2_000, b"A" * 600),
)
"""Pieces that break parsers: odd bytes, delimiters, numbers without end, nesting."""


@st.composite
def changed(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """Draw a sample with up to six changes: a piece put in, a part left out, repeated, or copied elsewhere."""
    raw = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 40)))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=6) | st.just(raw[start:end] * 2))
        raw = raw[:start] + piece + raw[draw(st.sampled_from((start, end))) :]
    return raw


def inputs(parser: Parser) -> st.SearchStrategy[bytes]:
    """Return the strategy of a parser's inputs: mostly changed samples."""
    any_text = st.text(max_size=200).map(str.encode)
    return changed(parser.samples) | changed(parser.samples) | st.binary(max_size=300) | any_text


def search(parser: Parser, examples: int, *, same: bool) -> None:
    """Let a parser read `examples` inputs, the `same` ones in every run or new ones.

    Raises any error that the parser should not have raised, with its smallest input.
    """
    chosen = settings(
        max_examples=examples,
        derandomize=same,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
    )

    @chosen
    @given(inputs(parser))
    def read(raw: bytes) -> None:
        attempt(parser, raw)

    read()
