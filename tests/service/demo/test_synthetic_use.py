"""The demonstration's invented weekly figures: reports show bars, and no other city can have them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from benefits.rules.vocabulary import Scene
from benefits.statistics.privacy_budget import ReleaseKind
from service.auth.access_tokens import Audience
from service.demo import synthetic_use
from service.demo.synthetic_people import WEEKS_AHEAD
from service.demo.synthetic_use import WEEKS_BEFORE
from tests.factories import administrator
from tests.support.browsing import Browser
from tests.support.city import City, row_counts

pytestmark = pytest.mark.anyio


async def test_reports_of_the_demonstration_show_numbers_and_say_that_they_are_invented(town: City) -> None:
    before = await row_counts()
    await synthetic_use.add_to_figures(town.app_context)
    await synthetic_use.add_to_figures(town.app_context)
    after = await row_counts()
    assert {table: after[table] - count for table, count in before.items() if after[table] != count} == {
        "released_figures": WEEKS_BEFORE + WEEKS_AHEAD + 1
    }
    by_week = (await administrator(town).get("/v1/admin/reports/usage?by=week")).json()
    assert len(by_week["data"]) == WEEKS_BEFORE + 1
    assert by_week["synthetic"]
    assert sum(row["count"] is not None for row in by_week["data"]) > WEEKS_BEFORE // 2
    by_benefit = (await administrator(town).get("/v1/admin/reports/usage?by=benefit")).json()
    # Noise above 20 times its scale comes once in 500 million counts.
    assert abs({row["key"]: row["count"] or 0 for row in by_benefit["data"]}["parking-free-minutes"] - 1_450) < 1_450
    assert (await town.client.get("/v1/public/statistics")).json()["synthetic"]
    spent = (await town.client.get("/v1/public/privacy-budget")).json()
    assert spent["spent_milli_epsilon"] == 0
    town.shift.by = timedelta(days=7 * WEEKS_AHEAD)
    assert (await administrator(town).get("/v1/admin/reports/usage?by=division")).json()["synthetic"]


async def test_a_benefit_of_a_scene_without_a_usual_week_is_invented_too(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = {scene: week for scene, week in synthetic_use.WEEK_OF_SCENE.items() if scene is not Scene.TOURISM}
    monkeypatch.setattr(synthetic_use, "WEEK_OF_SCENE", usual)
    figures = synthetic_use.invent({"boat-trip": Scene.TOURISM}, [], 0)
    assert figures[ReleaseKind.REDEMPTIONS].cells == {"boat-trip": synthetic_use.WEEK_OF_OTHERS}


async def test_only_a_demonstration_has_invented_figures(town: City) -> None:
    production = replace(town.app_context, settings=replace(town.app_context.settings, demo=False))
    with pytest.raises(RuntimeError, match="demonstration"):
        await synthetic_use.add_to_figures(production)


async def test_the_page_has_a_table_for_each_plot(town: City) -> None:
    await synthetic_use.add_to_figures(town.app_context)
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go("/admin/usage")
    for text in (
        "Redemptions by week",
        "By benefit",
        "By division",
        "about ±",
        "invented for the demonstration",
        "Borrow without",
    ):
        assert text in browser.text, text
    assert browser.html.count("<table") == 3
    assert 'role="img" aria-label="Redemptions by week' in browser.html
    answer = await browser.client.get("/admin/usage/table.csv?by=week")
    assert len(answer.text.splitlines()) == WEEKS_BEFORE + 2
    assert (await browser.client.get("/admin/usage/table.csv?by=person")).status_code == 404


async def test_a_small_city_reads_why_there_is_no_number(town: City) -> None:
    browser = await Browser(town).sign_in(Audience.ADMINISTRATOR, "admin-1")
    await browser.go("/admin/usage")
    assert "No week has a number that can be published yet." in browser.text
    assert "not published" in browser.text
