"""Complaints about a venue: opened from a ticket, answered in writing, never with the person to the venue."""

from __future__ import annotations

from datetime import date

import pytest

from consent.database import queries
from consent.domain.complaints import OPEN_COMPLAINTS_MAX
from consent.kernel import working_days
from service.auth.access_tokens import Audience
from tests.support.city import City

pytestmark = pytest.mark.anyio

ABOUT = {"benefit_id": "library-deposit", "venue_id": "city-library-main", "reason_code": "not_honoured"}


async def test_a_complaint_is_answered_in_writing_within_seven_working_days(town: City) -> None:
    wang, officer = town.resident("wang"), town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
    opened = await wang.post("/v1/me/complaints", {**ABOUT, "statement": "They wanted the deposit."})
    assert opened.status_code == 201
    complaint = opened.json()
    assert (complaint["state"], complaint["provider_id"]) == ("open", "city-library")
    (row,) = (await officer.get("/v1/privacy/complaints")).json()["data"]
    opened_on = date.fromisoformat(row["opened_on"])
    assert row["answer_by"] == complaint["answer_by"] == working_days.shipped().after(opened_on, 7).isoformat()
    assert (row["statement"], row["overdue"]) == ("They wanted the deposit.", False)
    assert "wang" not in str(row)
    path = f"/v1/privacy/complaints/{complaint['complaint_id']}"
    assert (await officer.post(f"{path}/answer", {"answer": ""})).status_code == 422
    done = await officer.post(f"{path}/answer", {"answer": "The library has told its desk."})
    assert done.json() == {"complaint_id": complaint["complaint_id"], "state": "answered"}
    assert (await officer.post(f"{path}/answer", {"answer": "Again."})).json()["code"] == "conflict"
    assert (await officer.get("/v1/privacy/complaints")).json()["data"] == []
    assert (await officer.get(path)).json()["answer"] == "The library has told its desk."
    (mine,) = (await wang.get("/v1/me/complaints")).json()["data"]
    assert (mine["state"], mine["answer"]) == ("answered", "The library has told its desk.")
    messages = await wang.messages("en")
    assert [row["kind"] for row in messages] == ["complaint_answered", "complaint_opened"]
    assert "The library has told its desk." in messages[0]["text"]
    exported = (await wang.get("/v1/me/export")).json()
    assert exported["complaints"][0]["statement"] == "They wanted the deposit."


async def test_a_complaint_names_a_benefit_that_this_venue_had(town: City) -> None:
    wang = town.resident("wang")
    for members in ({"venue_id": "riverside-parking-1"}, {"benefit_id": "no-such"}, {"venue_id": "no-such"}):
        assert (await wang.post("/v1/me/complaints", {**ABOUT, **members})).status_code == 404, members
    assert (await wang.post("/v1/me/complaints", {**ABOUT, "reason_code": "late"})).status_code == 422
    assert (await wang.get("/v1/me/complaints")).json()["data"] == []


async def test_a_limited_number_of_complaints_waits_and_each_answer_frees_a_place(town: City) -> None:
    wang, officer = town.resident("wang"), town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
    opened = [await wang.post("/v1/me/complaints", ABOUT) for _ in range(OPEN_COMPLAINTS_MAX)]
    assert {answer.status_code for answer in opened} == {201}
    refused = await town.client.post(
        "/v1/me/complaints", json=ABOUT, headers=wang.headers({"Idempotency-Key": "one-more", "Accept-Language": "en"})
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_complaints")
    assert str(OPEN_COMPLAINTS_MAX) in refused.json()["detail"]
    assert len((await wang.get("/v1/me/complaints?limit=200")).json()["data"]) == OPEN_COMPLAINTS_MAX
    assert (await town.resident("other").post("/v1/me/complaints", ABOUT)).status_code == 201
    path = f"/v1/privacy/complaints/{opened[0].json()['complaint_id']}/answer"
    await officer.post(path, {"answer": "The library has told its desk."})
    assert (await wang.post("/v1/me/complaints", ABOUT)).status_code == 201
    assert (await wang.post("/v1/me/complaints", ABOUT)).status_code == 409


@pytest.mark.both_engines(everyday=False)
async def test_complaints_and_objections_are_read_by_their_ids_alone(town: City) -> None:
    """The officer's link has no person in it, and persons are what the tables are distributed by."""
    for table in ("complaint", "objection"):
        async with queries.transaction():
            if not queries.is_sqlite():
                await queries.execute("SET LOCAL enable_seqscan = off")  # it reads an empty table without any index
            explain = "EXPLAIN QUERY PLAN" if queries.is_sqlite() else "EXPLAIN"
            rows = await queries.fetch_all(f"{explain} SELECT * FROM {table} WHERE {table}_id = 'x'")
        assert f"{table}_by_id" in str(rows)


async def test_a_complaint_is_its_persons_alone_and_goes_with_them(town: City) -> None:
    wang, other = town.resident("wang"), town.resident("other")
    officer = town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
    complaint_id = (await wang.post("/v1/me/complaints", ABOUT)).json()["complaint_id"]
    assert (await other.get("/v1/me/complaints")).json()["data"] == []
    mine = (await wang.get(f"/v1/me/complaints/{complaint_id}")).json()
    assert (mine["complaint_id"], mine["state"]) == (complaint_id, "open")
    assert (await other.get(f"/v1/me/complaints/{complaint_id}")).json()["code"] == "not_found"
    assert (await officer.get(f"/v1/privacy/complaints/{complaint_id}")).status_code == 200
    assert (await wang.delete("/v1/me")).status_code == 200
    assert (await officer.get(f"/v1/privacy/complaints/{complaint_id}")).status_code == 404


async def test_an_officer_of_another_division_reads_and_does_not_answer(town: City) -> None:
    wang = town.resident("wang")
    stranger = town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9", divisions=("2201",))
    complaint_id = (await wang.post("/v1/me/complaints", ABOUT)).json()["complaint_id"]
    refused = await stranger.post(f"/v1/privacy/complaints/{complaint_id}/answer", {"answer": "No."})
    assert (refused.status_code, refused.json()["code"]) == (403, "other_division")
