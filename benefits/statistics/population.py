"""The population that simulations run on: everybody with a live consent, frozen once a week, without persons (R8).

A row has a person's points and the sum of twelve months of each record kind, rounded down to two digits; it has no id
and its place is random. A row depends on its own person alone: if it were made from several persons' records, one
person could change every row, and no noise could hide that (R8a). SQL text: the freeze is one set-based INSERT over
all persons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from benefits.catalogue import in_force
from benefits.models import FrozenPoints, SimulationRun
from benefits.rules.conditions import TOTAL
from benefits.scoring import sql
from benefits.statistics import releases
from consent.database import queries
from consent.domain.records import Dimension, RecordKind
from consent.records import gate
from consent.records.derived_table import DerivedTable
from consent.records.gate import Part, Use

DIGITS_MAX = 9
"""Sums are stored as at most this many digits, of which the first two are exact; no cap of a scheme needs more."""
MEASURES = (TOTAL, *(str(dimension) for dimension in Dimension))
"""Columns of points in `frozen_points`."""
KINDS = tuple(str(kind) for kind in RecordKind)
"""Columns of sums in `frozen_points`, in the unit of the kind."""
COUNTED = Use("points.counted", "credit-easy", "records", "counted")


def week_of(day: date) -> int:
    """Return the Monday of a civil day as `yyyymmdd`."""
    return queries.to_day_number(day - timedelta(days=day.weekday()))


async def freeze(today: date, at: datetime) -> int:
    """Freeze this week's population unless it is frozen already; return the week as `yyyymmdd`.

    Needs the caller's transaction. Writes `frozen_points`, and a use in the access log of everybody who is counted.

    Raises:
        RecordsWithheld: records are withheld until tombstones have been replayed.
    """
    week = week_of(today)
    if not await _is_frozen(week):
        # Concurrent first questions of a week wait on this row; the one that inserted it freezes.
        await queries.execute(
            "INSERT INTO simulation_run (week, document, runs) VALUES ($1, 'population', 1)"
            " ON CONFLICT (week, document) DO UPDATE SET runs = simulation_run.runs",
            week,
        )
    if not await _is_frozen(week):
        timeline, dialect = await in_force.timeline(at), sql.dialect_of(queries.is_sqlite())
        points = {str(dimension): f"coalesce(p{index}, 0)" for index, dimension in enumerate(Dimension)}
        sums = {kind: f"coalesce(y.{kind}, 0)" for kind in KINDS}
        place = "row_number() OVER (ORDER BY random())"
        derived = DerivedTable(
            "frozen_points",
            relations=f"{sql.scoring(timeline, today, dialect)}, {_coarse_sums(today)}",
            joined={"g": "scored", "y": "year_of"},
            columns={"week": str(week), "place": place, TOTAL: sql.total(), **points, **sums},
            by_person=False,
        )
        await gate.release_to_all(Part(0, 1), at, COUNTED, derived)
    return week


async def _is_frozen(week: int) -> bool:
    return await FrozenPoints.filter(week=week, synthetic=0).exists()


async def has_synthetic(week: int) -> bool:
    """Report whether a week's population has invented people."""
    return await FrozenPoints.filter(week=week, synthetic=1).exists()


async def add_synthetic(week: int, people: Sequence[Mapping[str, int]]) -> None:
    """Add invented people to a week's population, each a number for every one of MEASURES and KINDS.

    Only the demonstration city calls this. The rows are marked, and only its simulations count marked rows.
    """
    columns = (*MEASURES, *KINDS)
    # Real places count from 1 upwards.
    rows = [(week, -place, 1, *(row[name] for name in columns)) for place, row in enumerate(people, start=1)]
    await queries.copy_rows("frozen_points", ("week", "place", "synthetic", *columns), rows)


async def delete_past_weeks(today: date) -> int:
    """Delete frozen points, counted runs and stored answers of past weeks; return the number of rows."""
    week = week_of(today)
    frozen = await FrozenPoints.filter(week__lt=week).delete() + await SimulationRun.filter(week__lt=week).delete()
    return frozen + await releases.delete_past(week)


def _coarse_sums(today: date) -> str:
    """Common table expressions from `released` to `year_of`: person_id, and a column for each of KINDS."""
    begins = queries.to_day_number(today) - 10_000
    columns = ", ".join(f"max(CASE WHEN kind = '{kind}' THEN units END) AS {kind}" for kind in KINDS)
    steps = " ".join(
        f"WHEN units < {10**digits} THEN units / {10 ** (digits - 2)} * {10 ** (digits - 2)}"
        for digits in range(2, DIGITS_MAX + 1)
    )
    return f"""
kind_sum AS (
  SELECT person_id, kind, CAST(sum(quantity) AS bigint) AS units FROM released
   WHERE occurred_on > {begins} AND occurred_on <= {queries.to_day_number(today)} GROUP BY person_id, kind),
coarse AS (
  SELECT person_id, kind, CASE {steps} ELSE {10**DIGITS_MAX - 1} END AS units FROM kind_sum),
year_of AS (SELECT person_id, {columns} FROM coarse GROUP BY person_id)"""
