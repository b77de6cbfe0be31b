"""The rule of a live consent: given, begun, not yet expired, to the same recipient; written for Python and for SQL.

A test compares the two forms. Every query and every decision about liveness takes the rule from here.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, TypeVar

from consent.domain.recipients import changed_sql

Instant = TypeVar("Instant", int, datetime)


class ConsentPeriod(NamedTuple):
    """Begin and end of a consent in state `given`, in microseconds; both None where there is no such consent.

    The end is that of `recipients.end_sql`: of its life, or when its counterpart becomes another recipient.
    """

    given_at: int | None
    ends_at: int | None


def is_live(period: ConsentPeriod, at: int) -> bool:
    """Report whether a consent covers the instant `at` (microseconds). At exactly its end it no longer does."""
    given_at, ends_at = period
    return given_at is not None and ends_at is not None and given_at <= at and not has_ended(ends_at, at)


def began_under(period: ConsentPeriod | None, created_at: int) -> bool:
    """Report whether something made at `created_at` (microseconds) was made under this consent.

    The caller has checked that it is live. A consent given later is another one: a withdrawal ends for good what was
    made before it. False for None, no consent.
    """
    return period is not None and period.given_at is not None and period.given_at <= created_at


def has_ended(ends_at: Instant, at: Instant) -> bool:
    """Report whether a consent that ends at `ends_at` is over at `at`; both microseconds or both datetimes."""
    return at >= ends_at


def expired_sql(at: str, table: str = "") -> str:
    """The SQL condition that a consent row has reached the end of its life at the SQL expression `at`, in microseconds.

    `table` is the alias of the consent table where a statement has several.
    """
    return f"{table}.expires_at <= {at}" if table else f"expires_at <= {at}"


def live_sql(at: str, table: str = "") -> str:
    """The SQL condition that a consent row is live at the SQL expression `at`, an instant in microseconds.

    `table` is the alias of the consent table where a statement has several.
    """
    column = f"{table}." if table else ""
    return (
        f"({column}state = 'given' AND {column}given_at <= {at} AND NOT {expired_sql(at, table)}"
        f" AND NOT {changed_sql(at, column)})"
    )
