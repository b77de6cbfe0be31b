"""Officers' tables: each is searched, filtered, ordered and stored as CSV by its address."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City, record

pytestmark = pytest.mark.anyio


async def file_of(officer: Browser, address: str) -> list[dict[str, str]]:
    """Return the rows of a table's file by their members."""
    answer = await officer.client.get(address)
    assert answer.status_code == 200, address
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_objections_complaints_and_source_sync_are_tables(town: City) -> None:
    me = town.resident("wang")
    await me.link("green-travel", "bike-wang")
    await town.source().deliver(record("r-wang", "bike-wang", quantity=10))
    (ride,) = [row for row in (await me.get("/v1/me/records")).json()["data"] if row["kind"] == "bike_trip"]
    ride_objections = f"/v1/me/records/{ride['record_id']}/objections"
    for path, body in (
        (ride_objections, {"reason_code": "not_mine", "statement": "That was not me."}),
        ("/v1/me/objections", {"source_id": "green-travel", "reason_code": "missing", "statement": "One more ride."}),
        ("/v1/me/complaints", {"benefit_id": "library-deposit", "venue_id": "city-library-main",
                               "reason_code": "not_honoured"}),
    ):  # fmt: skip
        assert (await me.post(path, body)).status_code == 201
    zhao = town.resident("zhao")
    await zhao.link("green-travel", "bike-zhao")
    assert (await zhao.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")

    await officer.go("/officer/objections?reason_code=missing&stage_code=new&q=GREEN")
    assert "1–1 of 1" in officer.text
    assert "A record is missing" in [words for _, words in officer.links]
    assert "It is not mine" not in [words for _, words in officer.links]
    rows = await file_of(officer, "/officer/objections/table.csv?sort=-reason")
    assert [(row["reason"], row["stage"], row["state"]) for row in rows] == [
        ("It is not mine", "To be acknowledged", "In time"),
        ("A record is missing", "To be acknowledged", "In time"),
    ]
    decision = {"decision": "upheld", "reason": "The ride is in the source's own list."}
    missing = next(row["objection_id"] for row in rows if row["reason"] == "A record is missing")
    answer = await town.actor(Audience.PRIVACY, "officer-1").post(
        f"/v1/privacy/objections/{missing}/decision", decision
    )
    assert answer.status_code == 200, answer.text
    (row,) = await file_of(officer, "/officer/objections/table.csv?stage_code=asked")
    assert (row["reason"], row["stage"]) == ("A record is missing", "Waiting for the source")

    await officer.go("/officer/complaints?provider_code=city-library")
    assert "1–1 of 1" in officer.text
    await officer.go("/officer/complaints?q=nowhere")
    assert "Nothing fits." in officer.text
    (row,) = await file_of(officer, "/officer/complaints/table.csv")
    assert (row["provider"], row["reason"]) == ("City Library", "I was not given the benefit")

    await officer.go("/officer/propagations?source_code=green-travel&state_code=in_time")
    assert "1–2 of 2" in officer.text
    town.shift.by = timedelta(days=8)
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    (row,) = await file_of(officer, "/officer/propagations/table.csv?state_code=overdue&task_code=ended_link")
    assert (row["source"], row["task"]) == ("Green Travel", "A stop not yet acknowledged")


async def test_cases_are_a_table(town: City) -> None:
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    for reason, text in (("audit", "The yearly audit."), ("complaint", "A letter."), ("oversight", "A usual day.")):
        await officer.go("/officer/cases")
        await officer.send("In your own words", reason_code=reason, text=text)
    await officer.send("Conclusion, in writing", conclusion="Nothing unusual.")
    await officer.go("/officer/cases?state_code=open&sort=text")
    assert "1–2 of 2" in officer.text
    assert officer.text.index("A letter.") < officer.text.index("The yearly audit.")
    rows = await file_of(officer, "/officer/cases/table.csv?why_code=oversight")
    assert [(row["why"], row["text"], row["state"]) for row in rows] == [("Oversight", "A usual day.", "Closed")]
    assert (await file_of(await Browser(town).sign_in(Audience.PRIVACY, "officer-2"), "/officer/cases/table.csv")) == []


async def test_refused_attempts_and_drafts_are_one_table(town: City) -> None:
    author = town.actor(Audience.ADMINISTRATOR, "admin-1")
    benefit = (await author.get("/v1/admin/benefits/library-deposit")).json()["document"]
    harm = {**benefit, "effect": {"kind": "fee_discount", "percent": 50}}
    await town.client.put("/v1/admin/benefits/library-deposit", json=harm, headers=author.headers({"If-Match": "*"}))
    assert (await author.post("/v1/admin/benefits/library-deposit/versions/2/submit")).status_code == 422
    officer = await Browser(town).sign_in(Audience.PRIVACY, "officer-1")
    drafts = await file_of(officer, "/officer/attempts/table.csv?what_code=draft")
    assert {(row["what"], row["person"], row["area"]) for row in drafts} == {
        ("Draft or preview", "admin-1", "Administrator")
    }
    (attempt,) = await file_of(officer, "/officer/attempts/table.csv?what_code=submitVersion&person_code=admin-1")
    assert (attempt["what"], attempt["times"]) == ("Submit a document", "1")
    await officer.go("/officer/attempts?q=library-deposit")
    assert "1–1 of 1" in officer.text
