"""An officer's counts of consents under a case, with noise: by state, and by day where a day stands out from the noise.

A day is shown if its count is above what empty days reach by noise alone; the totals by state are always there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, tzinfo

from benefits.statistics import noise, releases
from benefits.statistics.privacy_budget import ALLOWANCES, ReleaseKind
from benefits.statistics.releases import Question
from benefits.statistics.weekly_figures import EVERYBODY
from benefits.statistics.weeks import Week
from consent.consents import live
from consent.domain import small_cells
from consent.domain.grants import State
from consent.oversight import people_counts
from consent.oversight.people_counts import ConsentFilters


@dataclass(frozen=True, slots=True)
class DayCount:
    """The consents given on one civil day and now in one state, with noise and in tens."""

    day: date
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class ConsentCounts:
    """Counts by state (None where too small) and by day and state; both empty where there are too few people."""

    by_state: dict[str, int | None]
    by_day: list[DayCount]


async def count(filters: ConsentFilters, on: date | None, zone: tzinfo, week: Week) -> ConsentCounts:
    """Count consents by state and day at the end of civil day `on`; without it, as at the week's first request.

    A filter by state chooses among the same answer. Needs the caller's transaction.

    Raises:
        PrivacyBudgetSpent: nobody asked this question before, and the week has no epsilon left for officers' counts.
    """
    if await releases.noisy_people_count(week, EVERYBODY, lambda: live.count_people(week.at)) is None:
        return ConsentCounts({}, [])
    past = on if on is not None and on < week.today else None
    asks = {
        "purpose": filters.purpose,
        "counterpart": filters.counterpart,
        "notice_version": filters.notice_version,
        "on": None if past is None else past.isoformat(),
    }
    cells = await releases.noisy_counts(
        Question(week, ReleaseKind.CONSENT_COUNTS, asks),
        lambda: people_counts.count_consents(filters, past or week.today, zone, week.at),
    )
    by_state = {state: cells.pop(state) for state in map(str, State)}
    shown = dict(zip(by_state, small_cells.suppress(list(by_state.values())), strict=True))
    allowance = ALLOWANCES[ReleaseKind.CONSENT_COUNTS]
    floor = max(small_cells.CELL_MIN, noise.noise_floor(len(cells), allowance.per_person, allowance.cost_milli))
    days = [(*cell.partition("|"), counted) for cell, counted in cells.items() if counted >= floor]
    return ConsentCounts(
        {state: counted for state, counted in shown.items() if filters.state in (None, state)},
        [
            DayCount(date.fromisoformat(day), state, small_cells.rounded(counted))
            for day, _, state, counted in days
            if filters.state in (None, state)
        ],
    )
