"""Simulate a benefit or a scheme on the frozen population: noisy counts, small ones suppressed, twenty runs a week.

Thresholds are raised to tens, and conditions and schemes are brought to a normal form, so that drafts, copies and other
spellings of one question get one answer (R8, R8a). SQL text: the condition and the scheme are compiled to expressions
over `frozen_points`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benefits.catalogue import in_force
from benefits.errors import BudgetSpent
from benefits.rules.conditions import All, Any, AtLeast, Condition
from benefits.rules.normal_form import normal_form, raised_to
from benefits.scoring import sql
from benefits.scoring.scheme import Scheme
from benefits.statistics import population, releases
from benefits.statistics.population import MEASURES
from benefits.statistics.privacy_budget import ReleaseKind
from benefits.statistics.releases import PEOPLE, Question
from benefits.statistics.weeks import Week
from consent.database import queries
from consent.domain import small_cells
from consent.domain.document_kinds import DocumentKind
from consent.domain.exact_counts import ExactCounts

RUNS_A_WEEK_MAX = 20
"""R8: simulations of one benefit in a week, and of all schemes together, whether or not they were asked before."""
STEP = 10
"""R8: step of thresholds."""


@dataclass(frozen=True, slots=True)
class Impact:
    """Persons with noise, in tens; `population` is None where there are too few for any number.

    `applies` is None where the noisy count, or its complement, is below CELL_MIN.
    """

    population: int | None
    applies: int | None


@dataclass(frozen=True, slots=True)
class SchemeComparison:
    """Persons, with noise and in tens, who would gain, lose or keep points in a year like their last.

    None where suppressed. `lowers` names every kind and dimension in which some sum of deeds would give less, even if
    nobody has that sum.
    """

    population: int | None
    gain: int | None
    less: int | None
    same: int | None
    lowers: tuple[str, ...]


async def simulate(benefit_id: str, condition: Condition, week: Week, with_synthetic: bool = False) -> Impact:
    """Count the persons of this week's population to whom a benefit with this condition would apply.

    Needs the caller's transaction; freezes the population if it is the week's first run. Only the demonstration city
    counts its synthetic people.

    Raises:
        BudgetSpent: the benefit was simulated RUNS_A_WEEK_MAX times this week.
        PrivacyBudgetSpent: nobody asked this question before, and the week has no epsilon left for simulations.
    """
    await _count_run(f"{DocumentKind.BENEFITS}/{benefit_id}", week)
    asks = {"condition": [list(box) for box in normal_form(condition, STEP)]}

    async def count() -> ExactCounts:
        return await count_fitting(condition, week.number, with_synthetic)

    people, counts = await _noisy_counts(asks, count, week, with_synthetic)
    if people is None:
        return Impact(None, None)
    applies = min(counts["applies"], people)
    shown, _ = small_cells.suppress([applies, people - applies])
    return Impact(small_cells.rounded(people), shown)


async def compare(proposed: Scheme, week: Week, with_synthetic: bool = False) -> SchemeComparison:
    """Compare a scheme with the one that it would follow, on this week's population.

    Needs the caller's transaction. All schemes share one budget of runs, because each of them reads the same sums.

    Raises:
        BudgetSpent: schemes were compared RUNS_A_WEEK_MAX times this week.
        PrivacyBudgetSpent: nobody asked this question before, and the week has no epsilon left for simulations.
    """
    await _count_run(str(DocumentKind.SCHEMES), week)
    timeline = await in_force.timeline(week.at)
    current = timeline.version_for(max(week.today.year, proposed.from_year - 1))
    asks = {"current": _worth(current), "proposed": _worth(proposed)}

    async def count() -> ExactCounts:
        return await count_shifts(current, proposed, week.number, with_synthetic)

    people, counts = await _noisy_counts(asks, count, week, with_synthetic)
    lowers = current.lowered_by(proposed)
    if people is None:
        return SchemeComparison(None, None, None, None, lowers)
    gain, less, same = small_cells.suppress([counts["gain"], counts["less"], counts["same"]])
    return SchemeComparison(small_cells.rounded(people), gain, less, same, lowers)


async def count_people(week: int, with_synthetic: bool) -> ExactCounts:
    """Count the persons of a week's frozen population, in the cell `people`."""
    return await _count({PEOPLE: "true"}, "frozen_points", week, with_synthetic)


async def count_fitting(condition: Condition, week: int, with_synthetic: bool) -> ExactCounts:
    """Count the persons of a week's frozen population who meet the condition, in the cell `applies`."""
    return await _count({"applies": condition_sql(condition, STEP)}, "frozen_points", week, with_synthetic)


async def count_shifts(current: Scheme, proposed: Scheme, week: int, with_synthetic: bool) -> ExactCounts:
    """Count the persons of a week's frozen population who would `gain`, get `less` or the `same`; each is in one."""
    dialect = sql.dialect_of(queries.is_sqlite())
    now, then = (sql.yearly_total_sql(scheme, dialect) for scheme in (current, proposed))
    compared = f"(SELECT week, synthetic, {now} AS earlier, {then} AS later FROM frozen_points) compared"
    cells = {"gain": "later > earlier", "less": "later < earlier", "same": "later = earlier"}
    return await _count(cells, compared, week, with_synthetic)


async def _count(cells: dict[str, str], relation: str, week: int, with_synthetic: bool) -> ExactCounts:
    """Count the rows of a week that meet each SQL condition, of which a row meets one at most."""
    columns = ", ".join(f"coalesce(sum(CASE WHEN {met} THEN 1 ELSE 0 END), 0) AS {name}" for name, met in cells.items())
    row = await queries.fetch_one(
        f"SELECT {columns} FROM {relation} WHERE week = $1 AND synthetic <= $2", week, int(with_synthetic)
    )
    assert row is not None
    return ExactCounts({name: int(row[name]) for name in cells}, 1)


async def _noisy_counts(
    asks: Mapping[str, object], count: Callable[[], Awaitable[ExactCounts]], week: Week, with_synthetic: bool
) -> tuple[int | None, dict[str, int]]:
    """Return the noisy number of people and the noisy counts; None and no counts where the people are too few."""
    await population.freeze(week.today, week.at)
    among = "synthetic" if with_synthetic else "frozen_points"
    people = await releases.noisy_people_count(week, among, lambda: count_people(week.number, with_synthetic))
    if people is None:
        return None, {}
    question = Question(week, ReleaseKind.SIMULATIONS, {"among": among, **asks})
    return people, await releases.noisy_counts(question, count)


def _worth(scheme: Scheme) -> dict[str, object]:
    """Return all of a scheme that decides a year's points, JSON-ready and in a fixed order."""
    return {
        "caps": {str(dimension): cap for dimension, cap in scheme.caps.items()},
        "indicators": {
            str(kind): [
                str(indicator.dimension),
                indicator.yearly_cap,
                indicator.scale,
                [[tier.begins, tier.ends, tier.weight] for tier in indicator.tiers],
            ]
            for kind, indicator in scheme.indicators.items()
        },
    }


async def _count_run(document: str, week: Week) -> None:
    taken = await queries.fetch_one(
        "INSERT INTO simulation_run (week, document, runs) VALUES ($1, $2, 1) ON CONFLICT (week, document)"
        " DO UPDATE SET runs = simulation_run.runs + 1 WHERE simulation_run.runs < $3 RETURNING runs",
        week.number,
        document,
        RUNS_A_WEEK_MAX,
    )
    if taken is None:
        raise BudgetSpent(week.retry_after_seconds)


def condition_sql(condition: Condition, step: int = 1) -> str:
    """Return the condition as SQL over the columns of MEASURES, each threshold raised to the next multiple of `step`.

    Safe to insert into a statement: a measure is a word of the closed list, a threshold an integer.
    """
    match condition:
        case AtLeast(measure, at_least):
            assert measure in MEASURES
            return f"{measure} >= {raised_to(at_least, step)}"
        case All(parts):
            return "(" + " AND ".join(condition_sql(part, step) for part in parts) + ")"
        case Any(parts):
            return "(" + " OR ".join(condition_sql(part, step) for part in parts) + ")"
