"""The second list of attacks, one function an entry, over HTTP with only the API and the rules in hand."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
from tests.support.city import City, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
RIDES_DAY = "2025-06-01"


async def test_adv_72_a_retraction_that_was_upheld_as_wrong_is_restored(town: City) -> None:
    me, source, officer = town.resident("wang"), town.source(), town.actor(Audience.PRIVACY, "officer-1")
    await me.link("green-travel", "bike-9001")
    await source.deliver(record("r-1", "bike-9001", quantity=100, occurred_on=RIDES_DAY))
    assert await me.total() == 50
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    assert (await source.post("/v1/source/records/r-1/retraction", {"reason_code": "other"})).status_code == 200
    assert await me.total() == 0
    body = {"reason_code": "wrongly_retracted", "statement": "I rode all of them."}
    opened = (await me.post(f"/v1/me/records/{stored['record_id']}/objections", body)).json()
    assert await me.total() == 0
    english = {"Accept-Language": "en"}
    before = [row["text"] for row in (await me.get("/v1/me/messages", english)).json()["data"]]
    assert not any("restored" in text or "corrected" in text for text in before)
    path = f"/v1/privacy/objections/{opened['objection_id']}/decision"
    decided = await officer.post(path, {"decision": "upheld", "reason": "The rides are proven."})
    assert decided.json()["state"] == "restored"
    assert await me.total() == 50
    case = (await officer.post("/v1/privacy/cases", {"reason_code": "objection", "text": "ADV-72"})).json()["case_id"]
    again = await officer.post(f"/v1/privacy/records/{stored['record_id']}/restoration", {"case": case})
    assert again.json()["state"] == "restored"
    assert await me.total() == 50
    after = [row["text"] for row in (await me.get("/v1/me/messages", english)).json()["data"]]
    assert any("officer restored one of your records" in text for text in after)
    assert not any("corrected" in text for text in after)


async def test_adv_73_upheld_downwards_is_refused(town: City) -> None:
    me, officer = town.resident("wang"), town.actor(Audience.PRIVACY, "officer-1")
    await me.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=60, occurred_on=RIDES_DAY))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    body = {"reason_code": "wrong_quantity", "statement": "80, and not 60.", "claim": {"quantity": 80}}
    opened = (await me.post(f"/v1/me/records/{stored['record_id']}/objections", body)).json()
    path = f"/v1/privacy/objections/{opened['objection_id']}/decision"
    for correction in ({"quantity": 2}, {"occurred_on": "2019-06-01"}, {"quantity": 60, "occurred_on": "2024-12-31"}):
        refused = await officer.post(path, {"decision": "upheld", "reason": "You are right.", "correction": correction})
        assert (refused.status_code, refused.json()["code"]) == (422, "would_lower_points"), correction
    removed = await officer.post(path, {"decision": "upheld", "reason": "You are right."})
    assert removed.json()["code"] == "would_lower_points"
    assert await me.total() == 30
    done = await officer.post(path, {"decision": "upheld", "reason": "80.", "correction": {"quantity": 80}})
    assert done.json()["state"] == "corrected"
    assert await me.total() == 40
