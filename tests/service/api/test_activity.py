"""Administrators read who did what with documents, when: acts of every kind, filters, pages, both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.documents.activity import ACTS
from service.auth.access_tokens import Audience
from service.web.i18n import labels
from tests.factories import administrator, benefit_document, publish_document
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
ADDRESS = "/v1/admin/activity"


async def acts(town: City, query: str = "") -> list[dict[str, Any]]:
    """Return every row of the list, read in pages of 7."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = await administrator(town).get(f"{ADDRESS}?limit=7{query}{cursor}")
        assert answer.status_code == 200, answer.text
        rows += answer.json()["data"]
        if answer.json()["next_cursor"] is None:
            return rows
        cursor = f"&cursor={answer.json()['next_cursor']}"


async def test_every_act_is_listed_once_and_newest_first(town: City) -> None:
    assert await publish_document(town, "benefits", "another-one", benefit_document()) == "in_force"
    path = "/v1/admin/benefits/another-one/versions/1"
    await administrator(town, 2).post(f"{path}/suspend", {"reason": "A complaint is examined."})
    await administrator(town).post(f"{path}/resume")
    listed = await acts(town)
    assert [(row["act"], row["staff_id"]) for row in listed[:5]] == [
        ("ask_to_resume", "admin-1"),
        ("suspend", "admin-2"),
        ("approve", "admin-2"),
        ("submit", "admin-1"),
        ("draft", "admin-1"),
    ]
    assert listed[1]["reason"] == "A complaint is examined."
    assert listed[0]["name"] == benefit_document()["title"]
    assert {(row["kind"], row["id"], row["version"]) for row in listed[:5]} == {("benefits", "another-one", 1)}
    assert [row["at"] for row in listed] == sorted((row["at"] for row in listed), reverse=True)
    named = [(row["kind"], row["id"], row["version"], row["act"], row["at"]) for row in listed]
    assert len(named) == len(set(named))
    whole = (await administrator(town).get(f"{ADDRESS}?limit=200")).json()["data"]
    assert whole == listed[:200]


async def test_an_officers_review_is_listed(town: City) -> None:
    source = (await administrator(town).get("/v1/admin/sources/green-travel")).json()["document"]
    source["name"]["en"] = "Green Travel of the city"
    document = {**source, "source_id": "another-source", "client_id": "another-source"}
    assert await publish_document(town, "sources", "another-source", document) == "in_force"
    reviewed = await acts(town, "&kind=sources&act=review&staff_id=officer-9")
    assert [(row["id"], row["act"], row["staff_id"]) for row in reviewed] == [("another-source", "review", "officer-9")]


@pytest.mark.both_engines(everyday=False)
async def test_an_import_is_a_draft_of_each_document_at_one_time(town: City) -> None:
    documents = [benefit_document(benefit_id=f"imported-{number}") for number in range(3)]
    answer = await administrator(town).post("/v1/admin/catalogue/import", {"catalogue": {"benefits": documents}})
    assert answer.status_code == 201, answer.text
    newest = (await administrator(town).get(f"{ADDRESS}?limit=3")).json()["data"]
    assert {row["id"] for row in newest} == {"imported-0", "imported-1", "imported-2"}
    assert len({row["at"] for row in newest}) == 1


async def test_filters_choose_days_kinds_acts_and_people(town: City) -> None:
    await administrator(town).post("/v1/admin/benefits", benefit_document())
    today = await town.today()
    yesterday = (today - timedelta(days=1)).isoformat()
    assert [row["id"] for row in await acts(town, "&act=draft&kind=benefits&staff_id=admin-1")][:1] == ["another-one"]
    assert await acts(town, f"&from={today}&until={today}")
    assert "another-one" not in [row["id"] for row in await acts(town, f"&until={yesterday}")]
    assert await acts(town, "&staff_id=nobody") == []
    assert await acts(town, "&from=0001-01-01&until=9999-12-31") == await acts(town)


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("kind=people", "bad_query"),
        ("act=rank", "bad_query"),
        ("staff_id=%00", "bad_query"),
        ("staff_id=", "bad_query"),
        ("from=2026-02-30", "bad_query"),
        ("until=tomorrow", "bad_query"),
        ("limit=0", "bad_limit"),
        ("cursor=e30", "bad_cursor"),
        # [0, "benefits", "x", 99999999999, 1]: no column holds that version.
        ("cursor=WzAsImJlbmVmaXRzIiwieCIsOTk5OTk5OTk5OTksMV0", "bad_cursor"),
    ],
)
async def test_a_filter_or_cursor_that_fits_nothing_is_refused(shared_city: City, query: str, code: str) -> None:
    answer = await administrator(shared_city).get(f"{ADDRESS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.both_engines(everyday=False)
async def test_no_resident_is_in_the_list(town: City) -> None:
    await town.resident("wu").link("green-travel", "bike-wu")
    assert "wu" not in {row["staff_id"] for row in await acts(town)}
    for audience, subject in ((Audience.VENUE, "city-library-main"), (Audience.SOURCE, "green-travel")):
        assert (await town.actor(audience, subject).get(ADDRESS)).status_code == 403


def test_every_act_has_a_name() -> None:
    assert set(labels.LABELS["step"]) == set(ACTS)
