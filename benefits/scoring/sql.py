"""`points.compute` for all persons as one set-based SQL statement, compiled from the scheme's timeline.

SQL text and not a QuerySet: it aggregates every record in nested common table expressions, which the ORM cannot write.
It rests on three facts, each a property test of `points`. Within a kind and civil year the expired deeds are the first
ones, so live points are those of the whole sum less those of the expired sum, without a running sum. A sum beyond the
one that reaches the yearly cap gives nothing more, so every product stays inside 64 bits. The earliest expiry of a
record that still gives points is a day before which nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from benefits.scoring import points
from benefits.scoring.points import FEBRUARY, LEAP_DAY, MONTHS
from benefits.scoring.scheme import Indicator, Scheme, Timeline
from consent.domain.records import Dimension

MICROS_OF_A_DAY = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """An engine's functions for the smaller and greater of two values, and its civil day (UTC) of microseconds."""

    least: str
    greatest: str
    civil_day: str


POSTGRESQL = Dialect("LEAST", "GREATEST", "to_char(to_timestamp({} / 1000000) AT TIME ZONE 'UTC', 'YYYYMMDD')::integer")
SQLITE = Dialect("MIN", "MAX", "CAST(strftime('%Y%m%d', {} / 1000000, 'unixepoch') AS INTEGER)")


def dialect_of(sqlite: bool) -> Dialect:
    """Return the dialect of SQLite or of PostgreSQL."""
    return SQLITE if sqlite else POSTGRESQL


def scoring(timeline: Timeline, on: date, dialect: Dialect) -> str:
    """Return common table expressions from `released` to `scored`.

    `released` has person_id, kind, quantity, occurred_on and received_at. `scored` has person_id, for each dimension by
    its place its points `p0`... and cap `c0`..., and `valid_until`: a civil day before which nothing changes by expiry
    or a new version, or NULL. Days are integers `yyyymmdd`.

    Raises:
        LookupError: no scheme is in force in the year of `on`.
    """
    today, current = _number(on), timeline.version_for(on.year)
    year = "occurred_on / 10000"
    gone_by = _by_indicator(
        timeline, year, lambda indicator: str(_number(points.last_expired(on, indicator.validity_months)))
    )
    in_time = _in_time(timeline, dialect)
    received_by_now = f"received_at < {(on.toordinal() + 1 - date(1970, 1, 1).toordinal()) * MICROS_OF_A_DAY}"
    expiry = _by_indicator(timeline, "year", _expiry)
    whole = _by_indicator(timeline, "year", lambda indicator: _points(indicator, "(gone + fresh)", dialect))
    gone = _by_indicator(timeline, "year", lambda indicator: _points(indicator, "gone", dialect))
    numbers = {dimension: number for number, dimension in enumerate(Dimension)}
    dimension = _by_year_and_kind(timeline, "year", lambda indicator: str(numbers[indicator.dimension]))
    columns = []
    for measured, number in numbers.items():
        columns.append(f"coalesce(sum(CASE WHEN dimension = {number} THEN points END), 0) AS s{number}")
        columns.append(f"{_cap(timeline, current, measured, number, dialect)} AS c{number}")
    capped = ", ".join(f"{dialect.least}(s{number}, c{number}) AS p{number}, c{number}" for number in numbers.values())
    return f"""
deed AS (
  SELECT person_id, kind, quantity, occurred_on, received_at, occurred_on > {gone_by} AS counts
    FROM released WHERE occurred_on BETWEEN {timeline.schemes[0].from_year}0000 AND {today}),
year_sum AS (
  SELECT person_id, kind, {year} AS year,
         sum(CASE WHEN NOT counts AND {in_time} THEN quantity ELSE 0 END) AS gone,
         sum(CASE WHEN counts AND ({received_by_now} OR {in_time}) THEN quantity ELSE 0 END) AS fresh,
         min(CASE WHEN counts AND ({received_by_now} OR {in_time}) THEN occurred_on END) AS occurred_on
    FROM deed GROUP BY person_id, kind, {year}),
given AS (
  SELECT person_id, year, {expiry} AS soonest, {dimension} AS dimension, {whole} - {gone} AS points
    FROM year_sum WHERE occurred_on IS NOT NULL),
summed AS (
  SELECT person_id, {", ".join(columns)}, {_first_change(timeline, on, dialect)} AS valid_until
    FROM given WHERE dimension IS NOT NULL GROUP BY person_id),
scored AS (SELECT person_id, {capped}, valid_until FROM summed)"""


def balance_json(timeline: Timeline, on: date) -> str:
    """Return an SQL expression of `scored`'s dimensions as the JSON of a snapshot; NULL counts as 0 points."""
    current = timeline.version_for(on.year)
    parts = [
        f"""'{{"dimension": "{dimension}", "points": ' || coalesce(p{number}, 0) || ', "cap": ' ||"""
        f" coalesce(c{number}, {current.caps[dimension]}) || '}}'"
        for number, dimension in enumerate(Dimension)
    ]
    return "'[' || " + " || ', ' || ".join(parts) + " || ']'"


def total() -> str:
    """Return an SQL expression of `scored`'s total; NULL counts as 0 points."""
    return " + ".join(f"coalesce(p{number}, 0)" for number, _ in enumerate(Dimension))


def yearly_total_sql(scheme: Scheme, dialect: Dialect) -> str:
    """Return an SQL expression of a civil year's total under a scheme, over a column of units for each kind."""
    dimensions = []
    for dimension, cap in scheme.caps.items():
        parts = [
            _points(indicator, str(indicator.kind), dialect)
            for indicator in scheme.indicators.values()
            if indicator.dimension is dimension
        ]
        if parts:
            dimensions.append(f"{dialect.least}({' + '.join(parts)}, {cap})")
    return f"({' + '.join(dimensions)})"


def _points(indicator: Indicator, column: str, dialect: Dialect) -> str:
    """`Indicator.points_of` of a column, in SQL."""
    full = indicator.least_for(indicator.yearly_cap)
    parts = []
    for tier in indicator.tiers:
        if tier.begins < full:
            end = full if tier.ends is None else min(tier.ends, full)
            parts.append(f"{dialect.greatest}({dialect.least}({column}, {end}) - {tier.begins}, 0) * {tier.weight}")
    return f"CAST(({' + '.join(parts)}) / {indicator.scale} AS integer)"


def _by_indicator(timeline: Timeline, year: str, value: Callable[[Indicator], str]) -> str:
    """`_by_year_and_kind`, or the bare value where all indicators share it, which is faster."""
    values = {value(indicator) for scheme in timeline.schemes for indicator in scheme.indicators.values()}
    return values.pop() if len(values) == 1 else _by_year_and_kind(timeline, year, value)


def _by_year_and_kind(timeline: Timeline, year: str, value: Callable[[Indicator], str]) -> str:
    """The value of the indicator that scores a `kind` in a civil year; NULL where nothing scores it."""
    branches = []
    for scheme in reversed(timeline.schemes):
        # Not `CASE kind WHEN ...`: Citus 13.2 rewrites it for its workers into SQL that they reject.
        cases = " ".join(
            f"WHEN kind = '{indicator.kind}' THEN {value(indicator)}" for indicator in scheme.indicators.values()
        )
        scored = f"CASE {cases} END" if cases else "CAST(NULL AS integer)"  # a city without a scheme
        branches.append(f"WHEN {year} >= {scheme.from_year} THEN {scored}")
    return f"CASE {' '.join(branches)} END"


def _in_time(timeline: Timeline, dialect: Dialect) -> str:
    """True for a deed that came in before its expiry; a cheap bound of whole years of 365 days decides most."""
    years = _by_indicator(timeline, "occurred_on / 10000", lambda indicator: str(indicator.validity_months // MONTHS))
    expiry = _by_indicator(timeline, "occurred_on / 10000", _expiry)
    return (
        f"(received_at < ({years} + occurred_on / 10000 - 1970) * {365 * MICROS_OF_A_DAY}"
        f" OR {dialect.civil_day.format('received_at')} < {expiry})"
    )


def _expiry(indicator: Indicator) -> str:
    """`points.expiry_of` of occurred_on."""
    to_march = (FEBRUARY + 1) * 100 + 1 - (FEBRUARY * 100 + LEAP_DAY)
    day = f"(occurred_on + CASE WHEN occurred_on % 10000 = {FEBRUARY * 100 + LEAP_DAY} THEN {to_march} ELSE 0 END)"
    years, months = divmod(indicator.validity_months, MONTHS)
    if not months:
        return f"{day} + {years * 10_000}"
    index = f"({day} / 10000 * {MONTHS} + {day} / 100 % 100 - 1 + {indicator.validity_months})"
    year, month = f"({index} / {MONTHS})", f"({index} % {MONTHS} + 1)"
    leap = f"({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))"
    last = (
        f"CASE WHEN {month} = {FEBRUARY} THEN CASE WHEN {leap} THEN {LEAP_DAY} ELSE {LEAP_DAY - 1} END"
        f" WHEN {month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END"
    )
    return (
        f"CASE WHEN {day} % 100 > {last} THEN {year} * 10000 + {month} * 100 + 101"
        f" ELSE {year} * 10000 + {month} * 100 + {day} % 100 END"
    )


def _cap(timeline: Timeline, current: Scheme, dimension: Dimension, number: int, dialect: Dialect) -> str:
    """The largest cap of the version in force and of those that scored a record which still counts."""
    now = current.caps[dimension]
    if all(scheme.caps[dimension] <= now for scheme in timeline.schemes):
        return str(now)
    cases = " ".join(
        f"WHEN year >= {scheme.from_year} THEN {scheme.caps[dimension]}" for scheme in reversed(timeline.schemes)
    )
    return f"{dialect.greatest}({now}, coalesce(max(CASE WHEN dimension = {number} THEN CASE {cases} END END), {now}))"


def _first_change(timeline: Timeline, on: date, dialect: Dialect) -> str:
    expiry = "min(CASE WHEN points > 0 THEN soonest END)"
    beginnings = [scheme.from_year for scheme in timeline.schemes if scheme.from_year > on.year]
    if not beginnings:
        return expiry
    begins = f"{min(beginnings)}0101"
    return f"{dialect.least}(coalesce({expiry}, {begins}), {begins})"


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
