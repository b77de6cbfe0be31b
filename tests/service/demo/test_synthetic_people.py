"""The invented people of the demonstration: previews show numbers, and no other city can have or count them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from benefits.catalogue import in_force
from benefits.scoring.scheme import Scheme, shipped
from benefits.statistics import population, simulation
from consent.database import queries
from consent.domain.records import RecordKind
from service.demo import synthetic_people
from service.demo.synthetic_people import PEOPLE
from tests.factories import administrator, benefit_document
from tests.support.city import City, row_counts

pytestmark = pytest.mark.anyio


async def test_a_preview_in_the_demonstration_shows_numbers(town: City) -> None:
    before = await row_counts()
    await synthetic_people.add_to_population(town.app_context)
    await synthetic_people.add_to_population(town.app_context)
    after = await row_counts()
    weeks = synthetic_people.WEEKS_AHEAD + 1
    # Points alone: no person, consent, account or record, and each week's people once.
    assert {table: after[table] - count for table, count in before.items() if after[table] != count} == {
        "frozen_points": PEOPLE * weeks
    }
    admin = administrator(town)
    await admin.post(
        "/v1/admin/benefits", benefit_document(benefit_id="seen", condition={"measure": "total", "at_least": 60})
    )
    path = "/v1/admin/benefits/seen/versions/1/simulate"
    answer = (await admin.post(path)).json()
    assert (answer["synthetic"], answer["too_few_people"], answer["give_or_take"]) == (True, False, 300)
    assert abs(answer["population"] - PEOPLE) < 200
    exact = synthetic_people.invent((await in_force.timeline(await town.app_context.clock())).schemes[-1])
    assert abs(answer["applies"] - sum(person["total"] >= 60 for person in exact)) < 2_000
    town.shift.by = timedelta(days=7 * synthetic_people.WEEKS_AHEAD)
    assert (await admin.post(path)).json()["population"] is not None


async def test_the_people_are_the_same_each_time_and_fit_the_scheme(town: City) -> None:
    scheme = (await in_force.timeline(await town.app_context.clock())).schemes[-1]
    people = synthetic_people.invent(scheme)
    assert people == synthetic_people.invent(scheme)
    assert all(set(person) == {*population.MEASURES, *population.KINDS} for person in people)
    assert all(person["total"] == sum(person[name] for name in population.MEASURES[1:]) for person in people)
    assert all(person[dimension] <= cap for person in people for dimension, cap in scheme.caps.items())


async def test_a_kind_without_usual_numbers_is_invented_too(monkeypatch: pytest.MonkeyPatch) -> None:
    new = RecordKind.TREE_PLANTED
    usual = {kind: numbers for kind, numbers in synthetic_people.USUAL_YEAR.items() if kind is not new}
    monkeypatch.setattr(synthetic_people, "USUAL_YEAR", usual)
    monkeypatch.setattr(synthetic_people, "PEOPLE", 100)
    people = synthetic_people.invent(Scheme.from_document(shipped()[-1]))
    assert any(person[new] for person in people)


async def test_a_city_in_production_neither_takes_nor_counts_them(town: City) -> None:
    production = replace(town.app_context, settings=replace(town.app_context.settings, demo=False))
    with pytest.raises(RuntimeError, match="demonstration"):
        await synthetic_people.add_to_population(production)
    await synthetic_people.add_to_population(town.app_context)
    week = population.week_of(await town.today())
    async with queries.transaction():
        await population.freeze(await town.today(), await town.app_context.clock())
    real = await queries.fetch_all("SELECT place FROM frozen_points WHERE synthetic = 0")
    assert (await simulation.count_people(week, False)).cells == {"people": len(real)}
    assert (await simulation.count_people(week, True)).cells == {"people": len(real) + PEOPLE}
