"""Instants and civil days as integers, so that both engines compare, index and sort them alike.

An instant is microseconds since 1970 in UTC; a civil day is the number `yyyymmdd`. No driver converts either.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

START_OF_1970 = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
HOUR_MICROS = 3_600_000_000


def to_micros(moment: datetime) -> int:
    """An aware datetime as microseconds since 1970 in UTC, exactly."""
    return (moment - START_OF_1970) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """Microseconds since 1970 as an aware datetime in UTC, exactly."""
    return START_OF_1970 + timedelta(0, 0, micros)


def rfc3339(moment: datetime) -> str:
    """Format an aware datetime as RFC 3339 in UTC with `Z`; microseconds only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime | None:
    """Return the instant of an ISO 8601 text with an offset, such as `2027-01-31T08:00:00Z`, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def to_day_number(day: date) -> int:
    """A civil day as the integer `yyyymmdd`; the civil year is the number divided by 10,000."""
    return day.year * 10_000 + day.month * 100 + day.day


def from_day_number(number: int) -> date:
    """The civil day of an integer `yyyymmdd`."""
    return date(number // 10_000, number // 100 % 100, number % 100)
