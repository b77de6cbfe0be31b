"""Civil days as text."""

from __future__ import annotations

import re
from datetime import date

CIVIL_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_civil_day(text: str) -> date | None:
    """Return the day of `YYYY-MM-DD` in ASCII digits; None for every other spelling and for a day that does not exist.

    `date.fromisoformat` of Python 3.11 would also take `20250131`, `2025-W05-5` and other digits.
    """
    if not CIVIL_DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
