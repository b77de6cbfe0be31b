"""Divisions steer: a benefit is offered, shown and redeemed, and staff write, only within their own (R15)."""

from __future__ import annotations

from typing import Any

import pytest

from service.auth.access_tokens import Audience
from tests.factories import (
    administrator,
    benefit_document,
    both_languages,
    publish_document,
    put_document,
)
from tests.support.city import Actor, City, record

pytestmark = pytest.mark.anyio
BRANCH = {
    "venue_id": "library-xinmin",
    "provider_id": "city-library",
    "name": both_languages("新民市图书馆", "Xinmin Library"),
    "division": "210181",
    "client_id": "library-xinmin",
}
PLAIN_CONDITION = {"measure": "total", "at_least": 10}


def of_divisions(town: City, audience: Audience, *divisions: str) -> Actor:
    return town.actor(audience, "staff-of-some", staff_id="staff-of-some", divisions=divisions)


async def test_b18_a_benefit_of_a_district_is_offered_there_alone(town: City) -> None:
    assert await publish_document(town, "venues", "library-xinmin", BRANCH) == "in_force"
    local = benefit_document(division="210181", condition=PLAIN_CONDITION)
    assert await publish_document(town, "benefits", "another-one", local) == "in_force"
    resident = town.resident("resident-1")
    benefits = {row["benefit_id"]: row for row in (await resident.get("/v1/me/benefits")).json()["data"]}
    offered = benefits["another-one"]
    assert (offered["division"], [venue["venue_id"] for venue in offered["venues"]]) == ("210181", ["library-xinmin"])
    assert "library-xinmin" in [venue["venue_id"] for venue in benefits["library-deposit"]["venues"]]
    elsewhere = await resident.post("/v1/me/tickets", {"benefit_id": "another-one", "venue_id": "city-library-main"})
    assert elsewhere.status_code == 404
    there = await resident.post("/v1/me/tickets", {"benefit_id": "another-one", "venue_id": "library-xinmin"})
    assert there.status_code == 201
    handle = {"handle": there.json()["handle"]}
    assert (await town.venue().post("/v1/venue/redemptions", handle)).json() == {"applies": False}
    for venue, ids in ((town.venue(), False), (town.venue("library-xinmin"), True)):
        rows = (await venue.get("/v1/venue/benefits")).json()["data"]
        assert ("another-one" in [row["benefit_id"] for row in rows]) is ids
    assert (await town.venue("library-xinmin").post("/v1/venue/redemptions", handle)).status_code == 201


async def test_a_ticket_ends_when_the_benefit_moves_to_another_division(town: City) -> None:
    """The decision at the scan reads the divisions as they are then."""
    moving = benefit_document(condition=PLAIN_CONDITION)
    assert await publish_document(town, "benefits", "another-one", moving) == "in_force"
    resident = town.resident("resident-1")
    ticket = await resident.post("/v1/me/tickets", {"benefit_id": "another-one", "venue_id": "city-library-main"})
    assert ticket.status_code == 201
    assert await publish_document(town, "benefits", "another-one", {**moving, "division": "210181"}) == "in_force"
    handle = {"handle": ticket.json()["handle"]}
    for call in ("checks", "redemptions"):
        assert (await town.venue().post(f"/v1/venue/{call}", handle)).json() == {"applies": False}


@pytest.mark.parametrize(
    ("division", "count"), [("210102", 1), ("2101", 1), ("21", 1), ("210199", 0), ("22", 0), ("", 1)]
)
async def test_residents_choose_a_division(town: City, division: str, count: int) -> None:
    local = benefit_document(division="210102", condition=PLAIN_CONDITION)
    assert await publish_document(town, "benefits", "another-one", local) == "in_force"
    path = f"/v1/me/benefits?scene=library&division={division}"
    rows = (await town.resident("resident-1").get(path)).json()["data"]
    assert [row["benefit_id"] for row in rows].count("another-one") == count
    assert {row["scene"] for row in rows} <= {"library"}


async def test_adv_68_a_benefit_of_another_province_is_refused(town: City) -> None:
    admin = administrator(town)
    (finding,) = [
        row
        for row in (await town_staff(town).post("/v1/admin/benefits", benefit_document(division="22"))).json()[
            "findings"
        ]
        if row["rule"] == "R15"
    ]
    assert (finding["code"], finding["severity"], finding["pointer"]) == ("division_outside", "refused", "/division")
    assert (await town_staff(town).post("/v1/admin/benefits/another-one/versions/1/submit")).status_code == 422
    wide = (await admin.post("/v1/admin/benefits", benefit_document(benefit_id="wide", division="21"))).json()
    assert [(row["code"], row["severity"]) for row in wide["findings"] if row["rule"] == "R15"] == [
        ("division_wider", "advice")
    ]


def town_staff(town: City) -> Actor:
    return of_divisions(town, Audience.ADMINISTRATOR, "21", "22")


async def test_a_venue_outside_of_its_providers_division_is_refused(town: City) -> None:
    outside = {**BRANCH, "division": "210203"}
    findings = (await administrator(town).post("/v1/admin/venues", outside)).json()["findings"]
    assert [row["code"] for row in findings if row["rule"] == "R15"] == ["division_outside"]


SERVICE = {
    "service_id": "second-loan",
    "provider_id": "city-library",
    "kind": "library_loan",
    "name": both_languages("借阅", "Loans"),
    "baseline": {"deposit_fen": 100, "period_days": 1, "items": 1, "price_fen": 0},
    "evidence": "Notice board",
}
WRITES: list[tuple[str, dict[str, Any], tuple[str, ...], int]] = [
    ("benefits", benefit_document(), (), 403),
    ("benefits", benefit_document(), ("2102",), 403),
    ("benefits", benefit_document(), ("210102",), 403),
    ("benefits", benefit_document(), ("2102", "2101"), 201),
    ("benefits", benefit_document(division="210102"), ("210102",), 201),
    ("services", SERVICE, ("2102",), 403),
    ("services", SERVICE, ("2101",), 201),
    ("venues", BRANCH, ("2102",), 403),
    ("venues", BRANCH, ("210181",), 201),
    ("schemes", {"version": "2099.1"}, ("210102",), 403),
    ("schemes", {"version": "2099.1"}, ("2101",), 201),
    ("benefits", {"benefit_id": "nowhere-yet"}, (), 403),
    ("benefits", {"benefit_id": "nowhere-yet"}, ("210102",), 201),
]


@pytest.mark.parametrize(("kind", "body", "divisions", "status"), WRITES)
async def test_staff_write_within_their_divisions(
    town: City, kind: str, body: dict[str, Any], divisions: tuple[str, ...], status: int
) -> None:
    answer = await of_divisions(town, Audience.ADMINISTRATOR, *divisions).post(f"/v1/admin/{kind}", body)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["code"] == "other_division"
    entries = [{"catalogue": {kind: [body]}}] if kind in ("benefits", "venues") and "division" in body else []
    for catalogue in entries:
        imported = await of_divisions(town, Audience.ADMINISTRATOR, *divisions).post(
            "/v1/admin/catalogue/import", catalogue
        )
        assert (imported.status_code == 403) is (status == 403)


async def test_b18_an_administrator_of_another_city_changes_nothing(town: City) -> None:
    """Neither by an edit, nor by moving a document to the own city, nor by a decision or a stop."""
    stranger = of_divisions(town, Audience.ADMINISTRATOR, "2102")
    path = "/v1/admin/benefits/library-deposit"
    read = await stranger.get(path)
    assert read.status_code == 200
    for division in ("2101", "2102"):
        edited = await put_document(stranger, path, {**read.json()["document"], "division": division}, "*")
        assert (edited.status_code, edited.json()["code"]) == (403, "other_division")
    for act in ("submit", "discard", "suspend", "resume"):
        refused = await stranger.post(f"{path}/versions/1/{act}")
        assert (refused.status_code, refused.json()["code"]) == (403, "other_division"), act
    approved = await stranger.post(f"{path}/versions/1/approve", {"sha256": read.json()["sha256"]})
    retired = await stranger.post(f"{path}/versions/1/retire", {"from": "2030-01-01"})
    assert {approved.json()["code"], retired.json()["code"]} == {"other_division"}
    officer = town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
    attempts = (await officer.get("/v1/privacy/refused-attempts")).json()["data"]
    assert "other_division" in {row["code"] for row in attempts}


async def test_an_officer_of_another_city_decides_no_review(town: City) -> None:
    admin = administrator(town)
    assert (await admin.post("/v1/admin/services", SERVICE)).status_code == 201
    submitted = await admin.post("/v1/admin/services/second-loan/versions/1/submit")
    assert submitted.json()["state"] == "in_review"
    path, decision = "/v1/privacy/reviews/services.second-loan.1/decision", {"decision": "approve", "reason": "Read."}
    stranger = await of_divisions(town, Audience.PRIVACY, "2102").post(path, decision)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "other_division")
    assert (await of_divisions(town, Audience.PRIVACY, "2101").post(path, decision)).status_code == 200


async def test_an_officer_of_another_city_decides_nothing_about_a_source(town: City) -> None:
    """Objections are acknowledged and decided, and records restored, by officers of the source's division alone."""
    me, stranger = town.resident("wang"), of_divisions(town, Audience.PRIVACY, "2102")
    await me.link("green-travel", "bike-9001")
    await town.source().deliver(record("r-1", "bike-9001", quantity=100, occurred_on="2025-06-01"))
    (stored,) = (await me.get("/v1/me/records")).json()["data"]
    body = {"reason_code": "not_mine", "statement": "Somebody else rode."}
    opened = (await me.post(f"/v1/me/records/{stored['record_id']}/objections", body)).json()
    path, ruling = (
        f"/v1/privacy/objections/{opened['objection_id']}",
        {"decision": "rejected", "reason": "It is theirs."},
    )
    case = await stranger.post("/v1/privacy/cases", {"reason_code": "objection", "text": "Another city."})
    refused = [
        await stranger.post(f"{path}/acknowledgement"),
        await stranger.post(f"{path}/decision", ruling),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "other_division")] * 2
    correction = await town.source().post(
        "/v1/source/records/r-1/correction", {"quantity": 2, "reason_code": "recount"}
    )
    assert correction.status_code == 200
    restoration = f"/v1/privacy/records/{stored['record_id']}/restoration"
    answer = await stranger.post(restoration, {"case": case.json()["case_id"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "other_division")
    officer = of_divisions(town, Audience.PRIVACY, "2101")
    assert (await officer.post(f"{path}/decision", ruling)).status_code == 200
