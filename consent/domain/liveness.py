"""The rule of a live consent: given, begun and not yet expired; written for Python and for SQL.

A test compares the two forms. Every query and every decision about liveness takes the rule from here.
"""

from __future__ import annotations

from typing import NamedTuple


class ConsentPeriod(NamedTuple):
    """Begin and end of a consent in state `given`, in microseconds; both None where there is no such consent."""

    given_at: int | None
    expires_at: int | None


def is_live(period: ConsentPeriod, at: int) -> bool:
    """Report whether a consent covers the instant `at` (microseconds). At exactly `expires_at` it no longer does."""
    given_at, expires_at = period
    return given_at is not None and expires_at is not None and given_at <= at < expires_at


def live_sql(at: str, table: str = "") -> str:
    """The SQL condition that a consent row is live at the SQL expression `at`, an instant in microseconds.

    `table` is the alias of the consent table where a statement has several.
    """
    column = f"{table}." if table else ""
    return f"({column}state = 'given' AND {column}given_at <= {at} AND {column}expires_at > {at})"
