"""The objection form: it shows the record, and answers 404 where none (E6)."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City, record

pytestmark = [pytest.mark.anyio]


async def test_the_form_shows_the_record_with_its_points(town: City) -> None:
    me = town.resident("wang")
    await me.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=10, occurred_on="2025-06-01"))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    assert (await me.get(f"/v1/me/records/{stored['record_id']}")).json()["points"] == 5
    browser = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await browser.go(f"/me/records/{stored['record_id']}/objection")
    for text in ("Bike trips: 10 trips", "1 June 2025", "Green Travel", "Points 5"):
        assert text in browser.text, text
    assert "It should not have been taken back" not in browser.text
    await town.source().post("/v1/source/records/r-1/retraction", {"reason_code": "other"})
    await browser.go(f"/me/records/{stored['record_id']}/objection")
    assert "taken back" in browser.text
    assert "It should not have been taken back" in browser.text
    await browser.send("In your own words", statement="I rode there.", reason_code="wrongly_retracted")
    assert (await me.get("/v1/me/objections")).json()["data"][0]["reason_code"] == "wrongly_retracted"


async def test_the_right_amount_and_day_are_sent_as_values(town: City) -> None:
    """An officer may move a record to an earlier day only where the person named that day."""
    me = town.resident("wang")
    await me.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=10, occurred_on="2025-06-02"))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    browser = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    form = {"reason_code": "wrong_day", "statement": "The day before."}
    for wrong in ({"quantity": "many"}, {"occurred_on": "yesterday"}):
        await browser.go(f"/me/records/{stored['record_id']}/objection")
        await browser.send("In your own words", **form, **wrong)
        assert browser.status == 422
        assert "Enter an amount of 1 or more" in browser.text
        assert "The day before." in browser.text
    await browser.go(f"/me/records/{stored['record_id']}/objection")
    await browser.send("In your own words", **form, quantity="12", occurred_on="2025-06-01")
    (opened,) = (await me.get("/v1/me/objections")).json()["data"]
    assert opened["claim"] == {"quantity": 12, "occurred_on": "2025-06-01"}


async def test_no_reason_is_chosen_before_the_person_chooses(town: City) -> None:
    me = town.resident("wang")
    await me.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=10, occurred_on="2025-06-02"))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    browser = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await browser.go(f"/me/records/{stored['record_id']}/objection")
    assert " checked required" not in browser.html
    await browser.send("In your own words", statement="The day before.")
    assert browser.status == 422
    assert "Choose what is wrong." in browser.text
    assert "Please say in a few words" not in browser.text
    assert "The day before." in browser.text


async def test_an_unknown_or_foreign_record_answers_404(town: City) -> None:
    li = town.resident("li")
    await li.link("green-travel", "bike-1")
    await town.source().deliver(record("r-1", "bike-1", quantity=10, occurred_on="2025-06-01"))
    (foreign,) = (await li.get("/v1/me/records")).json()["data"]
    browser = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    for record_id in ("nothing", "0" * 32, foreign["record_id"]):
        await browser.go(f"/me/records/{record_id}/objection")
        assert browser.status == 404
