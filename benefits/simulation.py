"""To how many a benefit would apply: counted on points frozen on Monday, in tens, never small, twenty times a week.

The frozen points name nobody and stand in random order. Thresholds are taken in tens and counts rounded, so that
neither a sweep of thresholds nor two runs around one newcomer show a person (R8). Who would not get it is not counted.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from benefits.conditions import TOTAL, All, Any, AtLeast, Condition
from benefits.errors import BudgetSpent
from consent import database
from consent.records import Dimension

RUNS_A_WEEK_MAX = 20
"""R8: how often one benefit may be simulated in a week."""
STEP = 10
"""R8: thresholds and counts are in tens."""
CELL_MIN = 20
"""R8: what fewer people fit is not said, nor what all but so few fit."""
MEASURES = (TOTAL, *(str(one) for one in Dimension))


@dataclass(frozen=True, slots=True)
class Impact:
    """People counted, rounded to tens; `applies` is None where it, or what is left, is too small to say."""

    population: int
    applies: int | None


def week_of(day: date) -> int:
    """The Monday of a civil day as `yyyymmdd`."""
    return database.to_day_number(day - timedelta(days=day.weekday()))


async def simulate(benefit_id: str, condition: Condition, today: date) -> Impact:
    """Count on this week's frozen points, in the running transaction. BudgetSpent after RUNS_A_WEEK_MAX runs."""
    week = week_of(today)
    taken = await database.row(
        "INSERT INTO simulation_run (week, benefit_id, runs) VALUES ($1, $2, 1) ON CONFLICT (week, benefit_id)"
        " DO UPDATE SET runs = simulation_run.runs + 1 WHERE simulation_run.runs < $3 RETURNING runs",
        week,
        benefit_id,
        RUNS_A_WEEK_MAX,
    )
    if taken is None:
        raise BudgetSpent("this benefit was simulated twenty times this week")
    await freeze(week)
    found = await database.row(
        "SELECT count(*) AS population,"
        f" coalesce(sum(CASE WHEN {sql_of(condition, STEP)} THEN 1 ELSE 0 END), 0) AS applies"
        " FROM frozen_points WHERE week = $1",
        week,
    )
    assert found is not None
    population, applies = int(found["population"]), int(found["applies"])
    small = applies < CELL_MIN or 0 < population - applies < CELL_MIN
    return Impact(_rounded(population), None if small else _rounded(applies))


async def freeze(week: int) -> bool:
    """Freeze the points as they are stored now, unless this week's are frozen already; whether they were frozen now."""
    there = await database.row("SELECT 1 AS there FROM frozen_points WHERE week = $1 LIMIT 1", week)
    if there is not None:
        return False
    async with database.transaction():
        rows = await database.rows(
            "SELECT s.total, s.dimensions FROM snapshot s JOIN person p ON p.person_id = s.person_id"
            " AND p.epoch = s.epoch"
        )
        secrets.SystemRandom().shuffle(rows)
        marks = ", ".join(f"${number}" for number in range(1, len(MEASURES) + 3))
        await database.run_many(
            f"INSERT INTO frozen_points (week, place, {', '.join(MEASURES)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
            [(week, place, row["total"], *_dimensions(row["dimensions"])) for place, row in enumerate(rows)],
        )
    return True


async def drop_old(today: date) -> int:
    """Drop frozen points and budgets of weeks that are over; how many rows."""
    week = week_of(today)
    dropped = await database.run("DELETE FROM frozen_points WHERE week < $1", week)
    return dropped + await database.run("DELETE FROM simulation_run WHERE week < $1", week)


def _dimensions(text: str) -> tuple[int, ...]:
    points = {one["dimension"]: int(one["points"]) for one in json.loads(text)}
    return tuple(points.get(measure, 0) for measure in MEASURES[1:])


def sql_of(condition: Condition, step: int = 1) -> str:
    """The condition over the columns of MEASURES, every threshold raised to the next multiple of `step`.

    Names and numbers in it are ours alone: a measure is one of the closed list, a threshold an integer.
    """
    match condition:
        case AtLeast(measure, at_least):
            assert measure in MEASURES
            return f"{measure} >= {-(-at_least // step) * step}"
        case All(parts):
            return "(" + " AND ".join(sql_of(part, step) for part in parts) + ")"
        case Any(parts):
            return "(" + " OR ".join(sql_of(part, step) for part in parts) + ")"


def _rounded(count: int) -> int:
    return (count + STEP // 2) // STEP * STEP
