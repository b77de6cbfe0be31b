"""Every parser reads a few dozen generated inputs in the suite; `python -m tests.fuzz` has them read for minutes."""

from __future__ import annotations

import pytest

from tests.fuzz.generated import search
from tests.fuzz.parser import HANG_SECONDS, Parser, ParserHangs, attempt
from tests.fuzz.parsers import PARSERS

EXAMPLES = 25


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_parser_raises_its_own_errors_alone(parser: Parser) -> None:
    for sample in parser.samples:
        attempt(parser, sample)
    search(parser, EXAMPLES, same=True)


def test_most_parsers_take_their_first_sample() -> None:
    """Changes of a sample that is refused at its first byte would try nothing."""
    refused = {parser.name for parser in PARSERS if not attempt(parser, parser.samples[0])}
    # A token is for another time, a catalogue is cut in the middle, and a list of issuers lacks four of five.
    assert refused <= {"access token", "YAML catalogue", "issuers", "keyring"}


def test_an_error_that_is_not_named_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        search(Parser("broken", (b"x",), lambda raw: 1 // (len(raw) % 2 - 1), (ValueError,)), EXAMPLES, same=True)


def test_a_parser_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.parser.HANG_SECONDS", 0.05)

    def endless(_: bytes) -> None:
        while True:
            pass

    assert HANG_SECONDS > 1
    with pytest.raises(ParserHangs):
        attempt(Parser("endless", (b"",), endless), b"")
