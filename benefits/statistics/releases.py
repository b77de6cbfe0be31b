"""The only way by which numbers about people leave: with noise, and the same all week for everybody who asks (R8a).

A question is normalised by its caller and known by its hash. Its first asker pays for it from the week's budget; the
noisy answer is stored in the same transaction and costs nothing afterwards. Noise is drawn when it is first needed, by
OpenDP from the system's random source, and not derived from a key, with which it could be subtracted. Rounding and
suppression come after the noise and cost nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benefits.models import ReleasedNumber, SpentEpsilon
from benefits.statistics import noise, privacy_budget
from benefits.statistics.privacy_budget import ALLOWANCES, ReleaseKind
from benefits.statistics.weeks import Week
from consent.domain.exact_counts import ExactCounts
from consent.kernel.canonical_json import sha256_of
from consent.kernel.instants import from_day_number, to_day_number

PEOPLE_MIN = 200
"""R8a: the people below which nothing leaves; in a smaller group noise that hides a person hides everything."""
LEAK_ODDS = 10_000
"""In so many weeks of a group below PEOPLE_MIN, one noisy number of people is enough to answer."""
RETENTION = timedelta(days=3 * 366)
"""Time for which the spent budget stays: three years, as long as processing records by PIPL 56."""
PEOPLE, ENOUGH = "people", "enough"
"""Cells of a stored number of people."""

Count = Callable[[], Awaitable[ExactCounts]]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a week in normal form: two that mean the same must have equal `asks`, a JSON-ready value."""

    week: Week
    kind: ReleaseKind
    asks: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """The hash by which the answer is stored; the draft, the case and the member of staff are no part of it."""
        return sha256_of({"kind": str(self.kind), "asks": dict(self.asks)})


async def noisy_counts(question: Question, count: Count) -> dict[str, int]:
    """Return the noisy counts of a question by cell; counted, paid for and stored if nobody has asked it this week.

    Needs the caller's transaction, whose commit is the release. Noise can make a count negative or a part larger than
    the whole; `consent.domain.small_cells` rounds and suppresses.

    Raises:
        PrivacyBudgetSpent: the question is new and the week's share of its kind is used up.
    """

    async def with_noise() -> dict[str, int]:
        return noisy(await count(), question.kind)

    return await _answer_once(question, with_noise)


async def noisy_people_count(week: Week, among: str, count: Count) -> int | None:
    """Return the noisy number of people of a group, named by `among`; None if there are too few to say anything.

    Fixed for the week at the first call, which also fixes the None. Noise decides by itself up to one week in
    LEAK_ODDS, so that a refusal does not tell a group of 199 from one of 200; the exact number decides the rest.
    """
    allowance = ALLOWANCES[ReleaseKind.POPULATION]
    margin = noise.scale_of(allowance.per_person, allowance.cost_milli) * math.log(LEAK_ODDS / 2)

    async def decided() -> dict[str, int]:
        exact = await count()
        people = noisy(exact, ReleaseKind.POPULATION)[PEOPLE]
        enough = people >= PEOPLE_MIN + margin and exact.cells[PEOPLE] >= PEOPLE_MIN
        return {PEOPLE: people, ENOUGH: int(enough)}

    answer = await _answer_once(Question(week, ReleaseKind.POPULATION, {"among": among}), decided)
    return answer[PEOPLE] if answer[ENOUGH] else None


def noisy(exact: ExactCounts, kind: ReleaseKind, sampler: noise.Sampler = noise.add_noise) -> dict[str, int]:
    """Return the counts with the noise of a kind of release.

    Raises:
        ValueError: one person may change the counts by more than the noise of the kind covers.
    """
    allowance = ALLOWANCES[kind]
    if exact.per_person > allowance.per_person:
        raise ValueError(f"{kind}: one person changes {exact.per_person} of the counts")
    counts = sampler(list(exact.cells.values()), allowance.per_person, allowance.cost_milli)
    return dict(zip(exact.cells, counts, strict=True))


async def delete_past(week: int) -> int:
    """Delete the stored answers of weeks before `week` (yyyymmdd), and budgets older than RETENTION."""
    oldest = to_day_number(from_day_number(week) - RETENTION)
    return await ReleasedNumber.filter(week__lt=week).delete() + await SpentEpsilon.filter(week__lt=oldest).delete()


async def _answer_once(question: Question, answer: Callable[[], Awaitable[dict[str, int]]]) -> dict[str, int]:
    stored = await _stored(question)
    if stored is not None:
        return stored
    await noise.load()
    await privacy_budget.lock(question.week, question.kind)
    # Somebody may have asked the same while this transaction waited for the lock.
    stored = await _stored(question)
    if stored is not None:
        return stored
    await privacy_budget.spend(question.week, question.kind)
    cells = await answer()
    await ReleasedNumber.create(
        week=question.week.number, question_sha256=question.sha256, kind=question.kind, answer=json.dumps(cells)
    )
    return cells


async def _stored(question: Question) -> dict[str, int] | None:
    rows = await ReleasedNumber.filter(week=question.week.number, question_sha256=question.sha256).values("answer")
    if not rows:
        return None
    cells: dict[str, int] = json.loads(rows[0]["answer"])
    return cells
