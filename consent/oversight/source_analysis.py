"""Figures about sources for officers: objections of a year, by source and by month, and unusual retractions.

SQL text: sums by source or month over the objections of a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from consent.database import queries
from consent.domain.corrections import DecidedBy
from consent.models import SourceChange
from consent.verification.retention import RetentionCheck

ANALYSED = timedelta(days=365)
"""Objections opened within this time are counted: a year has every season of a source."""
WEEK_DAYS, PAST_WEEKS = 7, 12
"""The last week is compared with the mean of a quarter before it, which a single bad week does not move much."""
UNUSUAL_MIN = 10
"""Changes a week below which nothing is unusual: a correction of one class or one bus line is about that large."""
UNUSUAL_FACTOR = 3
"""Times the usual week above which a week is unusual: small numbers double by chance and rarely triple."""
DAY_MICROS = 86_400_000_000
OBJECTIONS = """
SELECT source_id, count(*) AS opened,
  sum(CASE WHEN state = 'open' THEN 1 ELSE 0 END) AS waiting,
  sum(CASE WHEN state = 'open' AND decide_by < $2 THEN 1 ELSE 0 END) AS overdue,
  sum(CASE WHEN state = 'rejected' THEN 1 ELSE 0 END) AS rejected,
  sum(CASE WHEN state IN ('upheld', 'corrected') THEN 1 ELSE 0 END) AS upheld,
  sum(CASE WHEN asked_at IS NOT NULL AND answered_at IS NULL THEN 1 ELSE 0 END) AS asked,
  sum(CASE WHEN asked_at IS NOT NULL AND answered_at IS NULL AND answer_by < $2 THEN 1 ELSE 0 END) AS asked_overdue,
  sum(CASE WHEN answered_at IS NOT NULL AND answer_code IS NULL THEN 1 ELSE 0 END) AS delivered,
  sum(CASE WHEN answer_code IS NOT NULL THEN 1 ELSE 0 END) AS no_record,
  sum(CASE WHEN restored_at IS NOT NULL THEN 1 ELSE 0 END) AS restored,
  avg(decided_at - opened_at) AS mean_micros
  FROM objection WHERE opened_at >= $1 AND source_id IS NOT NULL GROUP BY source_id
"""
REPEATS = """
SELECT source_id, sum(times - 1) AS repeats FROM (
  SELECT source_id, person_id, record_id, count(*) AS times FROM objection
   WHERE opened_at >= $1 AND source_id IS NOT NULL GROUP BY source_id, person_id, record_id) same GROUP BY source_id
"""
"""Objections beyond a person's first about the same record, or about missing records of the same source."""


TREND_MONTHS = 12
"""Months of a trend: a year."""
MONTHS = f"""
SELECT month, count(*) AS opened,
  sum(CASE WHEN state = 'open' THEN 1 ELSE 0 END) AS waiting,
  sum(CASE WHEN state = 'rejected' THEN 1 ELSE 0 END) AS rejected,
  sum(CASE WHEN state IN ('upheld', 'corrected') THEN 1 ELSE 0 END) AS upheld,
  sum(CASE WHEN overdue_notice > 0 OR (state = 'open' AND decide_by < $1) THEN 1 ELSE 0 END) AS late,
  avg(decided_at - opened_at) AS mean_micros
  FROM (
  SELECT state, overdue_notice, decide_by, decided_at, opened_at,
    CASE {" ".join(f"WHEN opened_at < ${month + 4} THEN {month}" for month in range(TREND_MONTHS))} END AS month
    FROM objection WHERE opened_at >= $3 AND opened_at < ${TREND_MONTHS + 3} AND ($2 = '' OR source_id = $2)) counted
  GROUP BY month
"""
"""Objections by month: $1 a civil day, $2 a source or "", then the instants between which the months are."""


@dataclass(frozen=True, slots=True)
class ObjectionMonth:
    """The objections opened in a month (its first civil day); `late` have missed a deadline.

    `mean_days` is the mean time to a decision in days, rounded up; None without one.
    """

    first_day: date
    opened: int = 0
    waiting: int = 0
    rejected: int = 0
    upheld: int = 0
    late: int = 0
    mean_days: int | None = None


async def by_month(today: date, zone: tzinfo, source_id: str) -> list[ObjectionMonth]:
    """Return the last TREND_MONTHS months with this one, oldest first, of one source or, with "", of all."""
    first_days = [_month_before(today, TREND_MONTHS - 1 - number) for number in range(TREND_MONTHS + 1)]
    instants = [queries.to_micros(datetime.combine(day, time(), zone)) for day in first_days]
    rows = await queries.fetch_all(MONTHS, queries.to_day_number(today), source_id, *instants)
    counted = {int(row["month"]): row for row in rows}
    return [_month(day, counted.get(number)) for number, day in enumerate(first_days[:TREND_MONTHS])]


def _month(first_day: date, row: queries.Row | None) -> ObjectionMonth:
    if row is None:
        return ObjectionMonth(first_day)
    counts = {name: int(row[name]) for name in row if name not in ("month", "mean_micros")}
    return ObjectionMonth(first_day, **counts, mean_days=_mean_days(row))


def _month_before(day: date, months: int) -> date:
    """Return the first day of the month that is `months` before the day's; -1 is the next month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _mean_days(row: queries.Row) -> int | None:
    return None if row["mean_micros"] is None else -(-int(row["mean_micros"]) // DAY_MICROS)


@dataclass(frozen=True, slots=True)
class SourceAnalysis:
    """A source's objections of a year, and its own corrections and retractions of the last week.

    `mean_days` is the mean time to a decision in days, rounded up; None without one. `usual` is the mean week of the
    quarter before, rounded up.
    """

    source_id: str
    opened: int = 0
    waiting: int = 0
    overdue: int = 0
    rejected: int = 0
    upheld: int = 0
    asked: int = 0
    asked_overdue: int = 0
    delivered: int = 0
    no_record: int = 0
    restored: int = 0
    repeats: int = 0
    mean_days: int | None = None
    taken_back: int = 0
    usual: int = 0
    unusual: bool = False


def is_unusual(week: int, past: int) -> bool:
    """Report whether the changes of a week are unusual against the sum of the PAST_WEEKS before it."""
    return week >= UNUSUAL_MIN and week * PAST_WEEKS > UNUSUAL_FACTOR * past


async def by_source(today: date, at: datetime) -> list[SourceAnalysis]:
    """Return the analysis of every source with an objection or a change, the unusual and overdue ones first."""
    since = queries.to_micros(at - ANALYSED)
    counted = await queries.fetch_all(OBJECTIONS, since, queries.to_day_number(today))
    repeats = {row["source_id"]: int(row["repeats"]) for row in await queries.fetch_all(REPEATS, since)}
    weeks = await _weeks(at.date())
    objections = {row["source_id"]: row for row in counted}
    rows = [
        _analysis(source_id, objections.get(source_id), repeats.get(source_id, 0), weeks.get(source_id, (0, 0)))
        for source_id in objections.keys() | weeks.keys()
    ]
    return sorted(rows, key=lambda row: (not row.unusual, -row.overdue - row.asked_overdue, row.source_id))


async def _unusual_sources(before: int) -> int:
    """Count the sources that took back unusually much in the week before an instant in microseconds."""
    weeks = await _weeks(queries.from_micros(before).date())
    return sum(is_unusual(*counts) for counts in weeks.values())


UNUSUAL_SOURCES = RetentionCheck("sources that take back unusually much", timedelta(0), _unusual_sources)


def _analysis(source_id: str, row: queries.Row | None, repeats: int, weeks: tuple[int, int]) -> SourceAnalysis:
    week, past = weeks
    counts, mean_days = {}, None
    if row is not None:
        counts = {name: int(row[name]) for name in row if name not in ("source_id", "mean_micros")}
        mean_days = _mean_days(row)
    return SourceAnalysis(
        source_id,
        **counts,
        repeats=repeats,
        mean_days=mean_days,
        taken_back=week,
        usual=-(-past // PAST_WEEKS),
        unusual=is_unusual(week, past),
    )


async def _weeks(today: date) -> dict[str, tuple[int, int]]:
    """Return, by source, its own changes of the last WEEK_DAYS and of the PAST_WEEKS before; days are in UTC."""
    week = queries.to_day_number(today - timedelta(days=WEEK_DAYS))
    past = queries.to_day_number(today - timedelta(days=WEEK_DAYS * (PAST_WEEKS + 1)))
    weeks: dict[str, tuple[int, int]] = {}
    for row in await SourceChange.filter(decided_by=DecidedBy.SOURCE, day__gt=past):
        last, before = weeks.get(row.source_id, (0, 0))
        recent = row.day > week
        weeks[row.source_id] = (last + row.changes, before) if recent else (last, before + row.changes)
    return weeks
