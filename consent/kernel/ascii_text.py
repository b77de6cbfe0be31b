"""Numbers and ids in ASCII, as requests, settings and forms write them."""

from __future__ import annotations


def parse_digits(text: str, digits_max: int) -> int | None:
    """Return the whole number that 1 to `digits_max` ASCII digits write; None for every other text.

    `int` would also take signs, spaces, underscores and digits of other scripts, and fails beyond 4,300 digits.
    """
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits_max else None


def is_printable_ascii(text: str) -> bool:
    """Report whether a text has printable ASCII characters alone, as every id has; also true of the empty text.

    PostgreSQL refuses a parameter with NUL by an error.
    """
    return text.isascii() and text.isprintable()
