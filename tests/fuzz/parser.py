"""A parser with samples to change, and a limit of its time; `tests/fuzz/parsers.py` lists all."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

HANG_SECONDS: Final = 20
"""A parser that needs more processor time than this for some kilobytes hangs: milliseconds are usual."""


class ParserHangs(Exception):
    """The parser needed more than HANG_SECONDS of processor time for one input."""


@dataclass(frozen=True)
class Parser:
    """A parser by its name: it reads bytes, and raises at most `errors`."""

    name: str
    samples: tuple[bytes, ...]
    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...] = ()


@contextmanager
def time_limit() -> Iterator[None]:
    """Raise ParserHangs in the block after HANG_SECONDS of processor time; only in the main thread.

    Not of wall-clock time: on a busy machine an input that takes a second may be at work for a minute.
    """

    def stop(*_: object) -> None:
        raise ParserHangs

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def attempt(parser: Parser, raw: bytes) -> bool:
    """Let the parser read `raw`; return False if it refused it. Any other error than its own is raised."""
    with time_limit():
        try:
            parser.read(raw)
        except parser.errors:
            return False
    return True


def text_of(raw: bytes) -> str:
    """Return bytes as text without lone surrogates, as every decoder of ours makes it."""
    return raw.decode("utf-8", "replace")
