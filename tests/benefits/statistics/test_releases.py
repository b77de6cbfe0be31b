"""R8a: numbers about people leave with noise, once a week for each question, within one budget of the city."""

from __future__ import annotations

import ast
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

import benefits
from benefits.errors import PrivacyBudgetSpent
from benefits.statistics import noise, population, privacy_budget, releases, simulation
from benefits.statistics.privacy_budget import ALLOWANCES, WEEK_EPSILON_MILLI, ReleaseKind
from benefits.statistics.releases import PEOPLE_MIN, Question
from benefits.statistics.weeks import Week, week_at
from consent.database import queries
from consent.domain.exact_counts import ExactCounts
from tests.factories import administrator, benefit_document
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
WEEK = week_at(datetime(2026, 11, 25, 4, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
SIMULATIONS = ALLOWANCES[ReleaseKind.SIMULATIONS]


def counting(*counts: int) -> releases.Count:
    async def count() -> ExactCounts:
        return ExactCounts({str(place): exact for place, exact in enumerate(counts)}, 1)

    return count


def of_people(count: int) -> releases.Count:
    async def people() -> ExactCounts:
        return ExactCounts({"people": count}, 1)

    return people


async def question(number: int, week: Week = WEEK) -> dict[str, int]:
    async with queries.transaction():
        return await releases.noisy_counts(Question(week, ReleaseKind.SIMULATIONS, {"number": number}), counting(1_000))


async def spent(kind: ReleaseKind = ReleaseKind.SIMULATIONS) -> tuple[int, int]:
    (row,) = (row for row in await privacy_budget.spent_in(WEEK) if row.kind is kind)
    return row.spent_milli, row.releases


async def freeze(town: City, people: int, points: int = 100) -> None:
    """Make a population of so many people with these points in every measure, without residents."""
    columns = (*population.MEASURES, *population.KINDS)
    week = population.week_of(await town.today())
    values = ", ".join([str(points)] * len(columns))
    async with queries.transaction():
        await queries.execute_many(
            f"INSERT INTO frozen_points (week, place, {', '.join(columns)}) VALUES ($1, $2, {values})",
            [(week, place) for place in range(people)],
        )


def test_the_shares_add_up_to_the_week_and_cover_a_release() -> None:
    assert sum(allowance.share_milli for allowance in ALLOWANCES.values()) == WEEK_EPSILON_MILLI
    assert set(ALLOWANCES) == set(ReleaseKind)
    assert all(allowance.share_milli >= allowance.cost_milli > 0 for allowance in ALLOWANCES.values())


def test_a_week_begins_on_monday_in_the_citys_zone() -> None:
    assert (WEEK.number, WEEK.today.isoformat()) == (20261123, "2026-11-25")
    late = week_at(datetime(2026, 11, 29, 15, 59, 59, tzinfo=UTC), ZoneInfo("Asia/Shanghai"))
    assert (late.number, late.retry_after_seconds) == (20261123, 1)
    assert week_at(late.at + timedelta(seconds=1), ZoneInfo("Asia/Shanghai")).number == 20261130


async def test_the_same_question_has_the_same_noise_and_is_paid_once(opened: str) -> None:
    first = await question(1)
    assert [await question(1) for _ in range(5)] == [first] * 5
    assert await spent() == (SIMULATIONS.cost_milli, 1)
    # Noise of scale 100: that ten questions of one count have one answer by chance has odds of 10^-20.
    assert len({tuple((await question(number)).values()) for number in range(2, 12)}) > 1
    next_week = week_at(WEEK.at + timedelta(days=7), ZoneInfo("Asia/Shanghai"))
    answers = [first, await question(1, next_week)]
    assert len(await queries.fetch_all("SELECT * FROM released_number WHERE week = $1", next_week.number)) == 1
    assert answers[0].keys() == answers[1].keys()
    async with queries.transaction():
        await releases.delete_past(next_week.number)
    assert {row["week"] for row in await queries.fetch_all("SELECT week FROM released_number")} == {next_week.number}
    # The spent budget stays for the record.
    assert (await spent())[1] == 11


async def test_nothing_new_is_answered_when_the_share_is_used_up(opened: str) -> None:
    for number in range(SIMULATIONS.share_milli // SIMULATIONS.cost_milli):
        answer = await question(number)
    with pytest.raises(PrivacyBudgetSpent) as refused:
        await question(1_000)
    assert refused.value.retry_after_seconds == WEEK.retry_after_seconds
    assert await question(number) == answer
    # The other kinds have shares of their own.
    async with queries.transaction():
        await releases.noisy_counts(Question(WEEK, ReleaseKind.REDEMPTIONS, {}), counting(1))
    assert await spent() == (SIMULATIONS.share_milli, 20)


async def test_questions_that_arrive_at_once_cannot_overspend(opened: str) -> None:
    assert len({str(answer) for answer in await asyncio.gather(*(question(1) for _ in range(6)))}) == 1
    assert await spent() == (SIMULATIONS.cost_milli, 1)
    await queries.execute("UPDATE privacy_budget SET spent_milli = $1", SIMULATIONS.share_milli - 10)
    answers = await asyncio.gather(*(question(number) for number in range(2, 8)), return_exceptions=True)
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert sum(isinstance(answer, PrivacyBudgetSpent) for answer in answers) == 5
    assert await spent() == (SIMULATIONS.share_milli, 2)


async def test_a_release_that_fails_spends_nothing(opened: str) -> None:
    async def broken() -> ExactCounts:
        raise OSError

    with pytest.raises(OSError):
        async with queries.transaction():
            await releases.noisy_counts(Question(WEEK, ReleaseKind.SIMULATIONS, {}), broken)
    assert await spent() == (0, 0)


async def test_the_database_refuses_more_than_the_week(opened: str) -> None:
    await question(1)
    for value in (WEEK_EPSILON_MILLI + 1, -1):
        with pytest.raises(Exception, match=r"(?i)check"):
            await queries.execute("UPDATE privacy_budget SET spent_milli = $1", value)


async def test_a_count_without_a_bound_for_one_person_is_not_released(opened: str) -> None:
    async def unbounded() -> ExactCounts:
        return ExactCounts({"a": 1}, 2)

    with pytest.raises(ValueError, match="one person changes 2"):
        async with queries.transaction():
            await releases.noisy_counts(Question(WEEK, ReleaseKind.SIMULATIONS, {}), unbounded)


async def test_below_200_people_nothing_leaves_and_above_it_is_decided_once(opened: str) -> None:
    async with queries.transaction():
        for people in (0, 70, PEOPLE_MIN - 1):
            week = week_at(WEEK.at + timedelta(days=7 * people), ZoneInfo("Asia/Shanghai"))
            assert await releases.noisy_people_count(week, "all", of_people(people)) is None
            # Growing within the week changes nothing: the answer is that of the first question.
            assert await releases.noisy_people_count(week, "all", of_people(10_000)) is None
        many = await releases.noisy_people_count(WEEK, "many", of_people(10_000))
        assert many is not None
        assert abs(many - 10_000) < 200
        assert await releases.noisy_people_count(WEEK, "many", of_people(10)) == many


@pytest.mark.parametrize("people", [70, 199])
async def test_a_simulation_on_few_people_shows_nothing_and_costs_nothing(town: City, people: int) -> None:
    await freeze(town, people)
    admin = administrator(town)
    await admin.post("/v1/admin/benefits", benefit_document(benefit_id="few", condition=at_least(10)))
    answer = (await admin.post("/v1/admin/benefits/few/versions/1/simulate")).json()
    assert (answer["population"], answer["applies"], answer["by_division"]) == (None, None, {"2101": None})
    assert answer["too_few_people"] is True
    budget = (await town.client.get("/v1/public/privacy-budget")).json()
    assert [row["kind"] for row in budget["by_kind"] if row["releases"]] == ["population"]


def at_least(points: int) -> dict[str, object]:
    return {"measure": "green_living", "at_least": points}


async def test_other_spellings_drafts_and_staff_get_the_same_answer_and_no_new_budget(town: City) -> None:
    await freeze(town, 1_000)
    green, total = at_least(20), {"measure": "total", "at_least": 60}
    spellings: list[object] = [
        {"all": [green, total]},
        {"all": [total, green, green]},
        {"all": [{"all": [total]}, {"any": [green]}, at_least(11)]},
        {"any": [{"all": [green, {"measure": "total", "at_least": 51}]}, {"all": [green, total, at_least(90)]}]},
    ]
    answers = []
    for number, condition in enumerate(spellings):
        staff = administrator(town, number)
        body = benefit_document(benefit_id=f"copy-{number}", condition=condition)
        assert (await staff.post("/v1/admin/benefits", body)).status_code == 201
        answers.append((await staff.post(f"/v1/admin/benefits/copy-{number}/versions/1/simulate")).json())
    assert [answer["applies"] for answer in answers] == [answers[0]["applies"]] * len(spellings)
    assert answers[0]["give_or_take"] == 300
    budget = (await town.client.get("/v1/public/privacy-budget")).json()
    assert (budget["total_milli_epsilon"], budget["spent_milli_epsilon"]) == (1_000, 160)
    await queries.execute("UPDATE privacy_budget SET spent_milli = 250 WHERE kind = 'simulations'")
    await staff.post("/v1/admin/benefits", benefit_document(benefit_id="next", condition=at_least(30)))
    refused = await staff.post("/v1/admin/benefits/next/versions/1/simulate")
    assert (refused.status_code, refused.json()["code"]) == (429, "privacy_budget_spent")
    assert 0 < int(refused.headers["Retry-After"]) <= 7 * 86_400
    again = await staff.post("/v1/admin/benefits/copy-0/versions/1/simulate")
    assert again.json() == answers[0]


async def test_production_never_counts_synthetic_people(town: City) -> None:
    week = population.week_of(await town.today())
    person = dict.fromkeys((*population.MEASURES, *population.KINDS), 100)
    async with queries.transaction():
        await population.add_synthetic(week, [person] * 3)
    assert (await simulation.count_people(week, False)).cells == {"people": 0}
    assert (await simulation.count_people(week, True)).cells == {"people": 3}


def test_noise_has_the_scale_of_its_epsilon() -> None:
    """A thousand draws of scale 100: the mean distance is 100, give or take 16 with odds of a million to one."""
    drawn = noise.add_noise([0] * 1_000, 1, 10)
    assert 80 < sum(map(abs, drawn)) / 1_000 < 120
    beyond = sum(abs(value) > noise.give_or_take(1, 10) for value in drawn)
    assert beyond < 100
    assert noise.give_or_take(1, 10) == 300
    assert noise.noise_floor(1_835, 6, 50) == 1_179


EXACT = {
    "count_people",
    "count_by_purpose",
    "count_complaints",
    "count_consents",
    "count_objections",
    "count_fitting",
    "count_shifts",
}


def test_exact_counts_are_named_only_where_noise_is_added() -> None:
    """No module outside of the statistics calls a function that returns exact counts of people."""
    root = Path(benefits.__file__).parents[1]
    for path in sorted(
        file for package in ("benefits", "consent", "service") for file in (root / package).rglob("*.py")
    ):
        if path.parent.name == "statistics":
            continue
        text = path.read_text(encoding="utf-8")
        if not any(f".{name}" in text for name in EXACT):
            continue
        called = {
            node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id != "handlers"
        }
        assert not called & EXACT, path


def test_every_function_of_exact_counts_is_in_that_list() -> None:
    root = Path(benefits.__file__).parents[1]
    for path in (*(root / "consent").rglob("*.py"), *(root / "benefits" / "statistics").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "ExactCounts" in text else ():
            if isinstance(node, ast.AsyncFunctionDef) and isinstance(node.returns, ast.Name):
                exact = node.returns.id == "ExactCounts"
                assert not exact or node.name in EXACT or path.parent.name == "statistics", node.name


@pytest.mark.parametrize("parts", [1, 2, 5, 11, 40])
def test_nineteen_of_twenty_sums_stay_within_the_stated_distance(parts: int) -> None:
    """Laplace noise as the difference of two exponential draws, the same draws each time."""
    scale, draws, random = noise.scale_of(7, 100), 4_000, Random(parts)
    within = noise.give_or_take_of_sum(parts, 7, 100)
    sums = [
        sum(random.expovariate(1 / scale) - random.expovariate(1 / scale) for _ in range(parts)) for _ in range(draws)
    ]
    inside = sum(abs(total) <= within for total in sums) / draws
    assert 0.94 < inside < 0.98
    assert noise.give_or_take_of_sum(1, 7, 100) == noise.give_or_take(7, 100)
