"""The week's privacy budget: epsilon for all numbers about people that leave the city in a week, and who uses it (R8a).

Each kind of release has a share of its own, so that simulations cannot use up the figures that the public gets.
Drafts, copies, cases and members of staff have no share: there is one budget for the city.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from tortoise.expressions import F

from benefits.errors import PrivacyBudgetSpent
from benefits.models import SpentEpsilon
from benefits.statistics import noise
from benefits.statistics.weeks import Week
from consent.domain.complaints import COUNTED_PER_PERSON as COMPLAINTS_PER_PERSON
from consent.domain.objections import COUNTED_PER_PERSON as OBJECTIONS_PER_PERSON
from consent.domain.purposes import COUNTED_PER_PERSON as CONSENTS_PER_PERSON
from consent.domain.purposes import Purpose
from consent.oversight.people_counts import COUNTED_PER_PERSON as CONSENTS_UNDER_CASE_PER_PERSON

WEEK_EPSILON_MILLI = 1000
"""Epsilon of a week in thousandths. With 1, somebody who knows all else about the city and sees every number of the
week guesses whether somebody is counted at most 46 % better than by tossing a coin: tanh(1 / 2)."""


class ReleaseKind(StrEnum):
    """The kinds of number that leave."""

    POPULATION = "population"
    REDEMPTIONS = "redemptions"
    LIVE_CONSENTS = "live_consents"
    OBJECTIONS = "objections"
    COMPLAINTS = "complaints"
    SIMULATIONS = "simulations"
    CONSENT_COUNTS = "consent_counts"


@dataclass(frozen=True, slots=True)
class EpsilonShare:
    """A release's cost and a week's share in thousandths of epsilon; the most cells that one person can change."""

    cost_milli: int
    share_milli: int
    per_person: int

    @property
    def give_or_take(self) -> int:
        """The distance from the truth that nineteen of twenty counts of this kind stay within."""
        return noise.give_or_take(self.per_person, self.cost_milli)

    def give_or_take_of_sum(self, parts: int) -> int:
        """Return the distance from the truth that nineteen of twenty sums of so many counts stay within."""
        return noise.give_or_take_of_sum(parts, self.per_person, self.cost_milli)


REDEMPTIONS_PER_PERSON = 7
"""A redemption has no person by which it could be bounded. Its noise covers a person who redeems once a day; somebody
who redeems twice as often is covered half as well."""

ALLOWANCES: Mapping[ReleaseKind, EpsilonShare] = MappingProxyType(
    {
        # Once for the people whose points are counted and once for those who have any consent: give or take 20.
        ReleaseKind.POPULATION: EpsilonShare(150, 300, 1),
        # The weekly figures are released once each, so their share is their cost.
        ReleaseKind.REDEMPTIONS: EpsilonShare(100, 100, REDEMPTIONS_PER_PERSON),
        ReleaseKind.LIVE_CONSENTS: EpsilonShare(50, 50, CONSENTS_PER_PERSON * len(Purpose)),
        ReleaseKind.OBJECTIONS: EpsilonShare(100, 100, OBJECTIONS_PER_PERSON),
        # By provider, for the providers themselves: give or take 60.
        ReleaseKind.COMPLAINTS: EpsilonShare(50, 50, COMPLAINTS_PER_PERSON),
        # 20 different questions a week for the city, give or take 300: a city of 200,000 needs no more exactness.
        ReleaseKind.SIMULATIONS: EpsilonShare(10, 200, 1),
        # Four different questions a week for all officers; a consent is in two cells, its day's and its state's.
        ReleaseKind.CONSENT_COUNTS: EpsilonShare(50, 200, CONSENTS_UNDER_CASE_PER_PERSON * 2),
    }
)
"""The shares add up to WEEK_EPSILON_MILLI."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Thousandths of epsilon that a kind of release has used in a week, in so many releases."""

    kind: ReleaseKind
    spent_milli: int
    releases: int


async def lock(week: Week, kind: ReleaseKind) -> None:
    """Lock the row of a kind until the caller's transaction ends, so that questions of a kind are asked in turn."""
    row = SpentEpsilon(week=week.number, kind=kind, spent_milli=0, releases=0)
    await SpentEpsilon.bulk_create([row], ignore_conflicts=True)
    # An UPDATE locks on both engines; Tortoise's select_for_update does nothing on SQLite.
    await SpentEpsilon.filter(week=week.number, kind=kind).update(releases=F("releases"))


async def spend(week: Week, kind: ReleaseKind) -> None:
    """Record the cost of one release in the caller's transaction; needs `lock` before.

    Raises:
        PrivacyBudgetSpent: the kind's share of this week is used up.
    """
    allowance = ALLOWANCES[kind]
    before = allowance.share_milli - allowance.cost_milli
    affordable = SpentEpsilon.filter(week=week.number, kind=kind, spent_milli__lte=before)
    if not await affordable.update(spent_milli=F("spent_milli") + allowance.cost_milli, releases=F("releases") + 1):
        raise PrivacyBudgetSpent(week.retry_after_seconds)


async def spent_in(week: Week) -> list[Spent]:
    """Return the use of each kind in a week, in the order of ReleaseKind."""
    rows = {row["kind"]: row for row in await SpentEpsilon.filter(week=week.number).values()}
    nothing = {"spent_milli": 0, "releases": 0}
    return [
        Spent(kind, rows.get(kind, nothing)["spent_milli"], rows.get(kind, nothing)["releases"]) for kind in ReleaseKind
    ]
