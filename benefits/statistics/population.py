"""The population that simulations run on: everybody with a live consent, frozen once a week, without persons (R8).

A row has a person's points and the sum of twelve months of each record kind; it has no id and its place is random. A
sum that fewer than SHARED_BY persons have becomes the least of a group of neighbouring sums, so that no scheme can be
written to single out a person. SQL text: the freeze is one set-based INSERT over all persons.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from benefits.catalogue import in_force
from benefits.models import FrozenPoints, SimulationRun
from benefits.rules.conditions import TOTAL
from benefits.scoring import sql
from benefits.scoring.sql import Dialect
from consent.database import queries
from consent.domain.records import Dimension, RecordKind
from consent.records import gate
from consent.records.derived_table import DerivedTable
from consent.records.gate import Part, Use

SHARED_BY = 20
"""The least number of persons that share each stored sum; where there are fewer, the sum is left out (R8)."""
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
        RecordsFrozen: records are withheld until tombstones have been replayed.
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
        points = {str(dimension): f"coalesce(p{place}, 0)" for place, dimension in enumerate(Dimension)}
        sums = {kind: f"coalesce(y.{kind}, 0)" for kind in KINDS}
        place = "row_number() OVER (ORDER BY random())"
        derived = DerivedTable(
            "frozen_points",
            relations=f"{sql.scoring(timeline, today, dialect)}, {_coarse_sums(today, dialect)}",
            joined={"g": "scored", "y": "year_of"},
            columns={"week": str(week), "place": place, TOTAL: sql.total(), **points, **sums},
            by_person=False,
        )
        await gate.release_to_all(Part(0, 1), at, COUNTED, derived)
    return week


async def _is_frozen(week: int) -> bool:
    return await FrozenPoints.filter(week=week).exists()


async def delete_past_weeks(today: date) -> int:
    """Delete frozen points and budgets of past weeks; return the number of rows."""
    week = week_of(today)
    return await FrozenPoints.filter(week__lt=week).delete() + await SimulationRun.filter(week__lt=week).delete()


def _coarse_sums(today: date, dialect: Dialect) -> str:
    """Common table expressions from `released` to `year_of`: person_id, and a column for each of KINDS."""
    begins = queries.to_day_number(today) - 10_000
    columns = ", ".join(f"max(CASE WHEN kind = '{kind}' THEN units END) AS {kind}" for kind in KINDS)
    return f"""
kind_sum AS (
  SELECT person_id, kind, sum(quantity) AS units FROM released
   WHERE occurred_on > {begins} AND occurred_on <= {queries.to_day_number(today)} GROUP BY person_id, kind),
alike AS (
  SELECT person_id, kind, units, count(*) OVER (PARTITION BY kind, units) >= {SHARED_BY} AS common FROM kind_sum),
crowd AS (
  SELECT person_id, kind, units, common,
         (row_number() OVER (PARTITION BY kind, common ORDER BY units) - 1) / {SHARED_BY} AS place,
         count(*) OVER (PARTITION BY kind, common) / {SHARED_BY} AS places
    FROM alike),
coarse AS (
  SELECT person_id, kind, CASE WHEN common THEN units
         ELSE min(units) OVER (PARTITION BY kind, common, {dialect.least}(place, places - 1)) END AS units
    FROM crowd WHERE common OR places > 0),
year_of AS (SELECT person_id, {columns} FROM coarse GROUP BY person_id)"""
