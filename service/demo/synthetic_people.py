"""Invented people in the demonstration city's frozen population, so that previews show numbers.

They are rows of points without accounts, consents or records, marked as synthetic; a city in production never counts a
marked row. The same people are drawn each time.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

from benefits.catalogue import in_force
from benefits.rules.conditions import TOTAL
from benefits.scoring.scheme import Scheme
from benefits.statistics import population
from consent.database import queries
from consent.domain.records import Dimension, RecordKind
from service.http.context import AppContext

PEOPLE = 5_000
"""Enough that noise of a few hundred leaves something to see; inserted in less than half a second."""
WEEKS_AHEAD = 2
"""Weeks after the present one that a demonstration which is left running can still preview in."""
USUAL_YEAR = {
    RecordKind.BIKE_TRIP: (60, 90),
    RecordKind.TRANSIT_TRIP: (70, 120),
    RecordKind.VOLUNTEER_MINUTES: (35, 2_400),
    RecordKind.COMMUNITY_MEETING: (20, 5),
    RecordKind.ECO_COURSE: (15, 4),
    RecordKind.TREE_PLANTED: (10, 3),
    RecordKind.GREEN_SHOP_MONTH: (25, 6),
    RecordKind.NATURE_OBSERVATION: (12, 8),
    RecordKind.BATTERY_RETURNED: (25, 10),
    RecordKind.ITEM_PASSED_ON: (20, 6),
    RecordKind.ITEM_REPAIRED: (10, 3),
    RecordKind.READING_CIRCLE: (8, 6),
}
"""By kind, the percentage of people who have any and the mean of their year's sum, in the unit of the kind."""
YEAR_OF_OTHERS = (20, 5)
"""The same for a kind that USUAL_YEAR lacks."""


async def add_to_population(app_context: AppContext) -> None:
    """Add PEOPLE to the population of this week and of WEEKS_AHEAD more; those that are there already stay.

    Raises:
        RuntimeError: the settings are not those of a demonstration city.
    """
    if not app_context.settings.demo:
        raise RuntimeError("only a demonstration city has synthetic people")
    at = await app_context.clock()
    today = app_context.day_of(at)
    async with queries.transaction():
        weeks = [population.week_of(today + timedelta(days=7 * ahead)) for ahead in range(WEEKS_AHEAD + 1)]
        missing = [week for week in weeks if not await population.has_synthetic(week)]
        people = invent((await in_force.timeline(at)).version_for(today.year)) if missing else []
        for week in missing:
            await population.add_synthetic(week, people)


def invent(scheme: Scheme) -> list[dict[str, int]]:
    """Return points by measure and a year's sums by kind for PEOPLE people, consistent with a scheme."""
    # A fixed seed: two demonstrations show the same population.
    random = Random(20_260_101)  # noqa: S311
    return [_person(random, scheme) for _ in range(PEOPLE)]


def _person(random: Random, scheme: Scheme) -> dict[str, int]:
    sums = {
        kind: round(random.expovariate(1 / mean)) if random.randrange(100) < percent else 0
        for kind in RecordKind
        for percent, mean in (USUAL_YEAR.get(kind, YEAR_OF_OTHERS),)
    }
    points = dict.fromkeys(Dimension, 0)
    for kind, indicator in scheme.indicators.items():
        points[indicator.dimension] += indicator.points_of(sums[kind])
    capped = {dimension: min(count, scheme.caps[dimension]) for dimension, count in points.items()}
    return {
        TOTAL: sum(capped.values()),
        **{str(dimension): count for dimension, count in capped.items()},
        **{str(kind): count for kind, count in sums.items()},
    }
