"""CASES B1, B2, B5, B6, B9, B15 and T1 to T3 over HTTP; retries, reversals, quotas, what a venue sees of its day."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest

from benefits.catalogue import in_force
from benefits.redemption.offline_passes.issuance import UPLOADABLE
from benefits.scoring import scheme
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind, Finding
from service.auth.access_tokens import Audience
from service.demo import seed
from service.http.context import AppContext
from service.jobs import background
from tests.support.city import City, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

ORDINARY = b'{"applies":false}'


async def publish(kind: DocumentKind, document_id: str, body: dict[str, Any]) -> lifecycle.Version:
    async with queries.transaction():
        return await seed.publish(kind, document_id, body, await queries.now())


async def announced_long_ago(version: str, body: dict[str, Any]) -> None:
    """A scheme for this year, which the gate would not take any more."""

    async def no_gate(*_: object) -> list[Finding]:
        return []

    async with queries.transaction():
        at = await queries.now()
        drafted = await lifecycle.draft(DocumentKind.SCHEMES, version, body, "admin-1", at)
        await lifecycle.submit(DocumentKind.SCHEMES, version, drafted.version, "admin-1", at, no_gate)
        await lifecycle.approve(drafted, drafted.sha256, "admin-2", at, at)


async def test_b1_600_and_50_needed(town: City) -> None:
    generous = copy.deepcopy(scheme.shipped()[0])
    for entry in (*generous["dimensions"], *generous["indicators"]):
        entry["cap" if "cap" in entry else "yearly_cap"] = 2_000
    await announced_long_ago("2026.1", generous)
    benefit = (await in_force.load(await queries.now())).benefit("library-deposit", await town.today())
    assert benefit is not None
    both = {"all": [{"measure": "total", "at_least": 600}, {"measure": "green_living", "at_least": 50}]}
    await publish(
        DocumentKind.BENEFITS, "readers-600", {**benefit.body, "benefit_id": "readers-600", "condition": both}
    )

    year = await town.last_year()
    for name, trees, rides, applies in (("a", 110, 100, True), ("b", 109, 108, False), ("c", 112, 98, False)):
        who = town.resident(f"reader-{name}")
        await who.link("volunteer-service", f"v-{name}")
        await who.link("green-travel", f"bike-{name}")
        await town.source("volunteer-service").deliver(
            record(f"{name}-t", f"v-{name}", "tree_planted", trees, f"{year}-03-12")
        )
        await town.source().deliver(record(f"{name}-r", f"bike-{name}", quantity=rides, occurred_on=f"{year}-03-12"))
        await who.consent_to_provider("city-library")
        mine = {benefit["benefit_id"]: benefit for benefit in (await who.get("/v1/me/benefits")).json()["data"]}[
            "readers-600"
        ]
        total, green = trees * 5 + rides // 2, rides // 2
        assert mine["applies"] is applies
        assert mine["conditions"] == [
            {"measure": "total", "at_least": 600, "have": total, "met": total >= 600},
            {"measure": "green_living", "at_least": 50, "have": green, "met": green >= 50},
        ]
        asked = await who.post("/v1/me/tickets", {"benefit_id": "readers-600", "venue_id": "city-library-main"})
        assert (asked.status_code == 201) is applies
        if not applies:
            assert asked.json()["reasons"] == [line for line in mine["conditions"] if not line["met"]]
        lines = (await who.get("/v1/me/points/explanation")).json()["contributions"]
        assert {(line["kind"], line["points"]) for line in lines} == {("tree_planted", trees * 5), ("bike_trip", green)}


async def test_b2_the_same_deed_from_two_sources_counts_under_one_cap(town: City) -> None:
    wang, year = town.resident("wang"), await town.last_year()
    await wang.link("green-travel", "bike-9001")
    await town.source().deliver(
        record("r-1", "bike-9001", quantity=150, occurred_on=f"{year}-01-01"),
        record("r-2", "bike-9001", quantity=150, occurred_on=f"{year}-01-01"),
        record("t-1", "bike-9001", "transit_trip", 40, f"{year}-01-01"),
    )
    explained = (await wang.get("/v1/me/points/explanation")).json()
    assert explained["total"] == 110
    assert sum(line["points"] for line in explained["contributions"]) == 110
    assert {line["source_id"] for line in explained["contributions"]} == {"green-travel"}


async def test_b5_a_retraction_takes_back_what_the_record_gave(town: City) -> None:
    wang, source, year = town.resident("wang"), town.source(), await town.last_year()
    await wang.link("green-travel", "bike-9001")
    await source.deliver(
        record("r-1", "bike-9001", quantity=198, occurred_on=f"{year}-01-01"),
        record("r-2", "bike-9001", quantity=5, occurred_on=f"{year}-01-02"),
    )
    assert await wang.total() == 100
    back = await source.post("/v1/source/records/r-2/retraction", {"reason_code": "sent_by_mistake"})
    assert back.json() == {"record_id": "r-2", "state": "retracted"}
    assert await wang.total() == 99
    assert (await source.post("/v1/source/records/r-2/retraction", {"reason_code": "x"})).status_code == 404
    replay = await source.deliver(record("r-2", "bike-9001", quantity=5, occurred_on=f"{year}-01-02"))
    assert replay["results"][0]["status"] != "accepted"
    assert await wang.total() == 99


async def test_corrections_are_announced_and_counted(town: City) -> None:
    wang, source, year = town.resident("wang"), town.source(), await town.last_year()
    await wang.link("green-travel", "bike-9001")
    await source.deliver(record("r-1", "bike-9001", quantity=10, occurred_on=f"{year}-01-01"))
    path = "/v1/source/records/r-1/correction"
    done = await source.post(path, {"quantity": 30, "reason_code": "recount"})
    assert done.json() == {"record_id": "r-1", "state": "corrected"}
    assert await wang.total() == 15
    (message,) = await wang.messages("en")
    assert (message["kind"], message["facts"]["quantity_before"], message["facts"]["quantity"]) == (
        "record_corrected",
        10,
        30,
    )
    assert message["text"].startswith("Green Travel corrected")
    tomorrow = (await town.today() + timedelta(days=1)).isoformat()
    for body, code in (
        ({"reason_code": "x"}, "body_invalid"),
        ({"quantity": 0, "reason_code": "x"}, "body_invalid"),
        ({"quantity": 5, "reason_code": "Not A Code"}, "body_invalid"),
        ({"occurred_on": tomorrow, "reason_code": "x"}, "in_future"),
        ({"occurred_on": "2025-02-30", "reason_code": "x"}, "invalid_date"),
    ):
        refused = await source.post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (422, code), body
    foreign = await town.source("civic-life").post(path, {"quantity": 1, "reason_code": "x"})
    assert foreign.status_code == 404
    assert await wang.total() == 15


async def test_b6_the_civil_day_is_the_citys(town: City) -> None:
    assert (
        AppContext.day_of(town.app_context, datetime.fromisoformat("2027-04-30T15:59:59+00:00")).isoformat()
        == "2027-04-30"
    )
    assert (
        AppContext.day_of(town.app_context, datetime.fromisoformat("2027-04-30T16:00:00+00:00")).isoformat()
        == "2027-05-01"
    )
    wang, today = town.resident("wang"), await town.today()
    await wang.link("green-travel", "bike-9001")
    done = await town.source().deliver(
        record("today", "bike-9001", quantity=2, occurred_on=today.isoformat()),
        record("tomorrow", "bike-9001", quantity=2, occurred_on=(today + timedelta(days=1)).isoformat()),
    )
    assert [result["status"] for result in done["results"]] == ["accepted", "refused"]


async def test_b9_quotas_by_person_and_by_city_day(town: City) -> None:
    wang, li, venue = town.resident("wang"), town.resident("li"), town.venue()
    for who, account in ((wang, "v-wang"), (li, "v-li")):
        await who.volunteer(7_200, account)
        await who.consent_to_provider("city-library")
    first, second = await wang.ticket(), await wang.ticket()
    assert (await venue.post("/v1/venue/redemptions", {"handle": first["handle"]})).status_code == 201
    assert (await venue.post("/v1/venue/checks", {"handle": second["handle"]})).content == ORDINARY
    assert (await venue.post("/v1/venue/redemptions", {"handle": second["handle"]})).content == ORDINARY
    others = await li.ticket()
    assert (await venue.post("/v1/venue/redemptions", {"handle": others["handle"]})).status_code == 201
    refused = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert refused.json()["quota_used"] is True
    town.shift.by = timedelta(days=1)
    tomorrow = await wang.ticket()
    assert (await venue.post("/v1/venue/redemptions", {"handle": tomorrow["handle"]})).status_code == 201


async def test_b15_erased_and_back_the_same_day(town: City) -> None:
    wang, venue = town.resident("wang"), town.venue()
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    ticket = await wang.ticket()
    assert (await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).status_code == 201
    erased = await wang.delete("/v1/me")
    assert set(erased.json()) == {"erased_at", "receipt", "jws"}
    assert (await wang.get("/v1/me/access-log")).json()["data"] == []
    assert await wang.total() == 0
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    refused = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert (refused.json()["code"], refused.json()["quota_used"]) == ("benefit_not_available", True)


async def test_t2_what_changes_between_ticket_and_scan(town: City) -> None:
    wang, venue = town.resident("wang"), town.venue()
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    first, second, third = await wang.ticket(), await wang.ticket(), await wang.ticket()
    correction = {"quantity": 60, "reason_code": "recount"}
    await town.source("volunteer-service").post("/v1/source/records/v-wang.minutes/correction", correction)
    assert (await venue.post("/v1/venue/redemptions", {"handle": first["handle"]})).content == ORDINARY
    await town.source("volunteer-service").post(
        "/v1/source/records/v-wang.minutes/correction", {"quantity": 7_200, "reason_code": "recount"}
    )
    assert (await venue.post("/v1/venue/checks", {"handle": second["handle"]})).json()["applies"] is True
    async with queries.transaction():
        await lifecycle.suspend(DocumentKind.BENEFITS, "library-deposit", "admin-1", await queries.now())
    assert (await venue.post("/v1/venue/redemptions", {"handle": second["handle"]})).content == ORDINARY
    assert (await venue.post("/v1/venue/checks", {"handle": third["handle"]})).content == ORDINARY


async def test_t3_the_wrong_place_and_the_wrong_audience(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    ticket = await wang.ticket()
    elsewhere = town.venue("riverside-parking-1")
    assert (await elsewhere.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).content == ORDINARY
    assert (await wang.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).json()["code"] == "wrong_role"
    assert (await town.venue().get("/v1/me/points")).json()["code"] == "wrong_role"
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": ticket["handle"]})).status_code == 201


async def test_a_handle_is_typed_as_people_type(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    handle = (await wang.ticket())["handle"]
    typed = " ".join(handle[start : start + 8].upper() for start in range(0, 32, 8))
    assert (await town.venue().post("/v1/venue/checks", {"handle": typed})).json()["applies"] is True


async def test_a_reversal_gives_the_quota_back(town: City) -> None:
    wang, venue = town.resident("wang"), town.venue()
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    done = await venue.post("/v1/venue/redemptions", {"handle": (await wang.ticket())["handle"]})
    path = f"/v1/venue/redemptions/{done.json()['redemption_id']}/reversal"
    assert (await venue.post(path, {"reason_code": "changed_my_mind"})).status_code == 422
    assert (await town.venue("riverside-parking-1").post(path, {"reason_code": "mistaken_scan"})).status_code == 404
    for _ in range(2):
        undone = await venue.post(path, {"reason_code": "mistaken_scan"})
        assert undone.json() == {"redemption_id": done.json()["redemption_id"], "state": "reversed"}
    messages = await wang.messages()
    assert [message["kind"] for message in messages] == ["redemption_reversed"]
    again = await wang.ticket()
    assert (await venue.post("/v1/venue/redemptions", {"handle": again["handle"]})).status_code == 201
    third = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    assert third.status_code == 409
    town.shift.by = timedelta(days=1)
    late = await venue.post(path, {"reason_code": "mistaken_scan"})
    assert (late.status_code, late.json()["code"]) == (409, "reversal_not_possible")


async def test_a_venues_day_has_no_person_in_it(town: City) -> None:
    wang, venue = town.resident("wang"), town.venue()
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    done = await venue.post("/v1/venue/redemptions", {"handle": (await wang.ticket())["handle"]})
    day = await town.today()
    (row,) = (await venue.get(f"/v1/venue/redemptions?day={day}")).json()["data"]
    assert set(row) == {"redemption_id", "benefit_id", "day", "hour", "state", "runs_until"}
    assert row["redemption_id"] == done.json()["redemption_id"]
    assert (await venue.get(f"/v1/venue/redemptions?day={day - timedelta(days=1)}")).json()["data"] == []
    assert (await town.venue("riverside-parking-1").get("/v1/venue/redemptions")).json()["data"] == []
    ours = (await venue.get("/v1/venue/benefits")).json()["data"]
    assert [redemption["benefit_id"] for redemption in ours] == ["library-deposit"]


async def test_after_24_hours_nobody_knows_who_redeemed(town: City) -> None:
    wang, venue = town.resident("wang"), town.venue()
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    await venue.post("/v1/venue/redemptions", {"handle": (await wang.ticket())["handle"]})
    town.shift.by = timedelta(hours=23)
    assert (await background.run_cleanup(town.app_context))["tickets_deleted"] == 0
    town.shift.by = timedelta(hours=25)
    assert (await background.run_cleanup(town.app_context))["tickets_deleted"] == 1
    assert await queries.fetch_all("SELECT person_id FROM ticket") == []
    town.shift.by = timedelta(hours=60)
    assert (await background.run_cleanup(town.app_context))["answers_deleted"] > 0
    # A counter stays while uses of offline passes that it limits may be uploaded.
    town.shift.by = UPLOADABLE + timedelta(days=3)
    assert (await background.run_cleanup(town.app_context))["quotas_deleted"] > 0


@pytest.mark.parametrize(
    ("kind", "document_id", "audience", "subject", "paths"),
    [
        (DocumentKind.VENUES, "city-library-main", Audience.VENUE, "city-library-main", ("benefits", "redemptions")),
        (DocumentKind.SOURCES, "green-travel", Audience.SOURCE, "green-travel", ("links", "objections")),
    ],
)
async def test_a_suspended_organisation_is_refused_at_the_next_request(
    town: City, kind: DocumentKind, document_id: str, audience: Audience, subject: str, paths: tuple[str, ...]
) -> None:
    actor = town.actor(audience, subject)
    for path in paths:
        assert (await actor.get(f"/v1/{audience}/{path}")).status_code == 200
    async with queries.transaction():
        await lifecycle.suspend(kind, document_id, "admin-1", await queries.now())
    calls = [await actor.get(f"/v1/{audience}/{path}") for path in paths]
    if audience is Audience.VENUE:
        for path in ("checks", "redemptions"):
            calls.append(await actor.post(f"/v1/venue/{path}", {"handle": "0" * 32}))
        calls.append(await actor.post("/v1/venue/redemptions/x/reversal", {"reason_code": "mistaken_scan"}))
    else:
        calls.append(await actor.post("/v1/source/links/confirm", {"code": "ABCD2345", "account": "x"}))
        calls.append(await actor.post("/v1/source/links/x/acknowledge"))
        calls.append(await actor.post("/v1/source/records", {"records": [record("r", "bike-607")]}))
        calls.append(await actor.post("/v1/source/records/x/retraction", {"reason_code": "x"}))
        calls.append(await actor.post("/v1/source/records/x/correction", {"quantity": 1, "reason_code": "x"}))
        calls.append(await actor.post("/v1/source/objections/x/statement", {"statement": "x"}))
    assert {(call.status_code, call.json()["code"]) for call in calls} == {(403, "suspended")}


async def test_a_client_without_a_registration_is_not_active(town: City) -> None:
    assert (await town.venue("nobody").get("/v1/venue/benefits")).json()["code"] == "suspended"
    assert (await town.source("city-library-main").get("/v1/source/links")).json()["code"] == "suspended"
