"""What a benefit or a scheme would do, counted on the frozen population: in tens, never small, twenty times a week.

Thresholds are taken in tens and counts rounded, so that neither a sweep of thresholds nor two runs around one newcomer
show a person (R8). Who would not get a benefit is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from benefits.catalogue import in_force
from benefits.errors import BudgetSpent
from benefits.rules.conditions import All, Any, AtLeast, Condition
from benefits.scoring import sql
from benefits.scoring.scheme import Scheme
from benefits.statistics import population
from benefits.statistics.population import MEASURES
from consent.database import queries
from consent.domain import small_cells
from consent.domain.document_kinds import DocumentKind

RUNS_A_WEEK_MAX = 20
"""R8: how often one benefit may be simulated in a week, and how often schemes may."""
STEP = 10
"""R8: thresholds and counts are in tens."""


@dataclass(frozen=True, slots=True)
class Impact:
    """People counted, rounded to tens; `applies` is None where it, or what is left, is too small to say."""

    population: int
    applies: int | None


@dataclass(frozen=True, slots=True)
class SchemeComparison:
    """People by what a year like their last would earn under another scheme, in tens; None where too small to say.

    `lowers` names every kind and dimension that some sum of deeds would earn less in, whoever has it.
    """

    population: int
    gain: int | None
    less: int | None
    same: int | None
    lowers: tuple[str, ...]


async def simulate(benefit_id: str, condition: Condition, today: date, at: datetime) -> Impact:
    """Count on this week's population, in the running transaction. BudgetSpent after RUNS_A_WEEK_MAX runs."""
    await _spend(f"{DocumentKind.BENEFITS}/{benefit_id}", today)
    week = await population.freeze(today, at)
    found = await queries.fetch_one(
        "SELECT count(*) AS population,"
        f" coalesce(sum(CASE WHEN {condition_sql(condition, STEP)} THEN 1 ELSE 0 END), 0) AS applies"
        " FROM frozen_points WHERE week = $1",
        week,
    )
    assert found is not None
    counted, applies = int(found["population"]), int(found["applies"])
    small = applies < small_cells.CELL_MIN or 0 < counted - applies < small_cells.CELL_MIN
    return Impact(small_cells.rounded(counted), None if small else small_cells.rounded(applies))


async def compare(proposed: Scheme, today: date, at: datetime) -> SchemeComparison:
    """Set a scheme beside the one it would follow, in the running transaction.

    All schemes have one budget: they reach the same sums of deeds. BudgetSpent after RUNS_A_WEEK_MAX runs.
    """
    await _spend(str(DocumentKind.SCHEMES), today)
    week = await population.freeze(today, at)
    current = (await in_force.timeline(at)).version_for(max(today.year, proposed.from_year - 1))
    dialect = sql.dialect_of(queries.is_sqlite())
    now, then = (sql.yearly_total_sql(scheme, dialect) for scheme in (current, proposed))
    found = await queries.fetch_one(
        "SELECT count(*) AS population, coalesce(sum(CASE WHEN later > earlier THEN 1 ELSE 0 END), 0) AS gain,"
        " coalesce(sum(CASE WHEN later < earlier THEN 1 ELSE 0 END), 0) AS less"
        f" FROM (SELECT {now} AS earlier, {then} AS later FROM frozen_points WHERE week = $1) beside",
        week,
    )
    assert found is not None
    counted, gain, less = (int(found[name]) for name in ("population", "gain", "less"))
    shown_gain, shown_less, shown_same = small_cells.suppress([gain, less, counted - gain - less])
    return SchemeComparison(
        small_cells.rounded(counted), shown_gain, shown_less, shown_same, current.lowered_by(proposed)
    )


async def _spend(document: str, today: date) -> None:
    taken = await queries.fetch_one(
        "INSERT INTO simulation_run (week, document, runs) VALUES ($1, $2, 1) ON CONFLICT (week, document)"
        " DO UPDATE SET runs = simulation_run.runs + 1 WHERE simulation_run.runs < $3 RETURNING runs",
        population.week_of(today),
        document,
        RUNS_A_WEEK_MAX,
    )
    if taken is None:
        raise BudgetSpent("simulated twenty times this week; the next week has a budget of its own")


def condition_sql(condition: Condition, step: int = 1) -> str:
    """The condition over the columns of MEASURES, every threshold raised to the next multiple of `step`.

    Names and numbers in it are ours alone: a measure is one of the closed list, a threshold an integer.
    """
    match condition:
        case AtLeast(measure, at_least):
            assert measure in MEASURES
            return f"{measure} >= {-(-at_least // step) * step}"
        case All(parts):
            return "(" + " AND ".join(condition_sql(part, step) for part in parts) + ")"
        case Any(parts):
            return "(" + " OR ".join(condition_sql(part, step) for part in parts) + ")"
