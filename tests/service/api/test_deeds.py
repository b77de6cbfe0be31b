"""Deeds that earn points: the scheme of this year with the sources that record each, for everybody."""

from __future__ import annotations

import pytest

from tests.factories import administrator
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def test_each_deed_has_its_worth_and_its_sources(shared_city: City) -> None:
    answer = await shared_city.client.get("/v1/public/deeds")
    assert answer.status_code == 200
    deeds = answer.json()
    scheme = (await shared_city.client.get("/v1/public/scheme")).json()
    assert deeds["scheme_version"] == scheme["version"]
    assert deeds["dimensions"] == scheme["scheme"]["dimensions"]
    assert [row["kind"] for row in deeds["data"]] == [row["kind"] for row in scheme["scheme"]["indicators"]]
    rides = next(row for row in deeds["data"] if row["kind"] == "bike_trip")
    assert (rides["tiers"], rides["yearly_cap"], rides["validity_months"]) == ([{"points": 1, "units": 2}], 100, 24)
    assert [(source["source_id"], source["division"]) for source in rides["sources"]] == [("green-travel", "2101")]
    gentle = {row["kind"] for row in deeds["data"] if row["gentle"]}
    assert gentle == {kind for kinds in scheme["ways"].values() for kind in kinds}
    assert "bike_trip" not in gentle
    again = await shared_city.client.get("/v1/public/deeds", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_a_suspended_source_records_nothing(town: City) -> None:
    await administrator(town).post("/v1/admin/sources/green-travel/versions/1/suspend")
    rows = (await town.client.get("/v1/public/deeds")).json()["data"]
    assert next(row for row in rows if row["kind"] == "bike_trip")["sources"] == []


async def test_the_page_shows_what_the_call_lists(shared_city: City) -> None:
    browser = await Browser(shared_city).go("/earn")
    rows = (await shared_city.client.get("/v1/public/deeds")).json()["data"]
    assert "Green Travel" in browser.text
    assert "Shenyang" in browser.text
    assert browser.text.count("Possible sitting or at home") == sum(row["gentle"] for row in rows)
