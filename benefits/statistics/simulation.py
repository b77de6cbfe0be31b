"""Simulate a benefit or a scheme on the frozen population: counts in tens, small ones suppressed, twenty runs a week.

Thresholds are raised to tens and counts rounded, so that neither a sweep of thresholds nor two runs before and after a
newcomer reveal a person (R8). Persons who would not get a benefit are not counted. SQL text: the condition and the
scheme are compiled to expressions over `frozen_points`.
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
"""R8: simulations of one benefit in a week, and of all schemes together."""
STEP = 10
"""R8: step of thresholds and counts."""


@dataclass(frozen=True, slots=True)
class Impact:
    """Persons rounded to tens; `applies` is None where the count, or its complement, is below CELL_MIN."""

    population: int
    applies: int | None


@dataclass(frozen=True, slots=True)
class SchemeComparison:
    """Persons, in tens, who would gain, lose or keep points in a year like their last; None where suppressed.

    `lowers` names every kind and dimension in which some sum of deeds would give less, even if nobody has that sum.
    """

    population: int
    gain: int | None
    less: int | None
    same: int | None
    lowers: tuple[str, ...]


async def simulate(benefit_id: str, condition: Condition, today: date, at: datetime) -> Impact:
    """Count the persons of this week's population to whom a benefit with this condition would apply.

    Needs the caller's transaction; freezes the population if it is the week's first run.

    Raises:
        BudgetSpent: the benefit was simulated RUNS_A_WEEK_MAX times this week.
    """
    await _spend(f"{DocumentKind.BENEFITS}/{benefit_id}", today)
    week = await population.freeze(today, at)
    counts = await queries.fetch_one(
        "SELECT count(*) AS population,"
        f" coalesce(sum(CASE WHEN {condition_sql(condition, STEP)} THEN 1 ELSE 0 END), 0) AS applies"
        " FROM frozen_points WHERE week = $1",
        week,
    )
    assert counts is not None
    counted, applies = int(counts["population"]), int(counts["applies"])
    small = applies < small_cells.CELL_MIN or 0 < counted - applies < small_cells.CELL_MIN
    return Impact(small_cells.rounded(counted), None if small else small_cells.rounded(applies))


async def compare(proposed: Scheme, today: date, at: datetime) -> SchemeComparison:
    """Compare a scheme with the one that it would follow, on this week's population.

    Needs the caller's transaction. All schemes share one budget, because each of them reads the same sums of deeds.

    Raises:
        BudgetSpent: schemes were compared RUNS_A_WEEK_MAX times this week.
    """
    await _spend(str(DocumentKind.SCHEMES), today)
    week = await population.freeze(today, at)
    current = (await in_force.timeline(at)).version_for(max(today.year, proposed.from_year - 1))
    dialect = sql.dialect_of(queries.is_sqlite())
    now, then = (sql.yearly_total_sql(scheme, dialect) for scheme in (current, proposed))
    counts = await queries.fetch_one(
        "SELECT count(*) AS population, coalesce(sum(CASE WHEN later > earlier THEN 1 ELSE 0 END), 0) AS gain,"
        " coalesce(sum(CASE WHEN later < earlier THEN 1 ELSE 0 END), 0) AS less"
        f" FROM (SELECT {now} AS earlier, {then} AS later FROM frozen_points WHERE week = $1) compared",
        week,
    )
    assert counts is not None
    counted, gain, less = (int(counts[name]) for name in ("population", "gain", "less"))
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
    """Return the condition as SQL over the columns of MEASURES, each threshold raised to the next multiple of `step`.

    Safe to insert into a statement: a measure is a word of the closed list, a threshold an integer.
    """
    match condition:
        case AtLeast(measure, at_least):
            assert measure in MEASURES
            return f"{measure} >= {-(-at_least // step) * step}"
        case All(parts):
            return "(" + " AND ".join(condition_sql(part, step) for part in parts) + ")"
        case Any(parts):
            return "(" + " OR ".join(condition_sql(part, step) for part in parts) + ")"
