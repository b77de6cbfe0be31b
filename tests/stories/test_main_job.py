"""The main job, end to end over HTTP: consent, link, records, points, ticket, redemption, access log, withdrawal.

Runs on SQLite and on PostgreSQL, with every refusal on the way.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.auth.access_tokens import Audience
from tests.support.answers import PER_REQUEST_HEADERS
from tests.support.city import City, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.cluster]

ORDINARY = b'{"applies":false}'


async def test_the_whole_path(town: City) -> None:
    year = await town.last_year()
    wang, source, venue = town.resident("wang"), town.source(), town.venue()
    ride = record("ride-1", "bike-9001", quantity=120, occurred_on=f"{year}-05-01")

    # Without a consent the record is refused, and nothing of it is stored.
    before = await source.deliver(ride)
    assert before["results"] == [{"record_id": "ride-1", "status": "refused", "code": "not_authorised"}]
    assert await wang.total() == 0

    consent = await wang.consent_to_source("green-travel", "bike-9001")
    assert consent["state"] == "given"
    assert consent["link"]["state"] == "pending"
    unconfirmed = await source.deliver(ride)
    assert unconfirmed["results"][0]["code"] == "not_authorised"

    wrong = await source.post("/v1/source/links/confirm", {"code": "AAAA2222", "account": "bike-9001"})
    foreign = await source.post("/v1/source/links/confirm", {"code": consent["link"]["code"], "account": "bike-9002"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "code_unknown")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "code_unknown")
    confirmed = await source.post("/v1/source/links/confirm", {"code": consent["link"]["code"], "account": "bike-9001"})
    assert confirmed.json() == {"link_id": consent["link"]["link_id"], "state": "confirmed"}
    (message,) = (await wang.get("/v1/me/messages", {"Accept-Language": "en"})).json()["data"]
    assert message["kind"] == "link_confirmed"
    assert "Your account at Green Travel is linked" in message["text"]
    listed = (await source.get("/v1/source/links?state=confirmed&limit=200")).json()["data"]
    assert consent["link"]["link_id"] in [link["link_id"] for link in listed]

    tomorrow = (await town.today() + timedelta(days=1)).isoformat()
    delivered = await source.deliver(
        ride,
        ride,
        record("ride-1", "bike-9001", quantity=7, occurred_on=f"{year}-05-01"),
        record("tree-1", "bike-9001", kind="tree_planted"),
        record("fine-1", "bike-9001", kind="traffic_violation"),
        record("ride-2", "bike-9001", occurred_on=tomorrow),
        record("ride-3", "bike-9001", quantity=0),
        record("ride-4", "bike-9001", occurred_on="2025-02-30"),
        record("ride-5", "bike-9001", occurred_on="２０２５-01-01"),
    )
    assert [(result["status"], result.get("code")) for result in delivered["results"]] == [
        ("accepted", None),
        ("duplicate", None),
        ("refused", "conflict"),
        ("refused", "kind_not_allowed"),
        ("refused", "kind_not_allowed"),
        ("refused", "in_future"),
        ("refused", "invalid_quantity"),
        ("refused", "invalid_date"),
        ("refused", "invalid_date"),
    ]

    # Points appear with their reasons, and the lines add up.
    explained = (await wang.get("/v1/me/points/explanation")).json()
    assert explained["total"] == 60
    assert sum(line["points"] for line in explained["contributions"]) == 60
    assert explained["contributions"][0]["expires_on"] == f"{year + 2}-05-01"
    assert explained["valid_until"] == f"{year + 2}-05-01"

    # A benefit applies; its consent comes first.
    mine = {benefit["benefit_id"]: benefit for benefit in (await wang.get("/v1/me/benefits")).json()["data"]}
    assert mine["library-deposit"]["applies"] is True
    assert mine["library-deposit"]["consent"] == "needed"
    assert mine["library-deposit"]["baseline"]["deposit_fen"] == 10_000
    assert mine["checkup-window"]["applies"] is False
    asked = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
    early = await wang.post("/v1/me/tickets", asked)
    assert (early.status_code, early.json()["code"]) == (409, "consent_needed")
    await wang.consent_to_provider("city-library")
    await wang.consent_to_provider("second-hospital")
    below = await wang.post("/v1/me/tickets", {"benefit_id": "checkup-window", "venue_id": "second-hospital-desk"})
    assert (below.status_code, below.json()["code"]) == (409, "benefit_not_available")
    assert {"measure": "total", "at_least": 120, "have": 60, "met": False} in below.json()["reasons"]
    elsewhere = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "riverside-parking-1"})
    assert elsewhere.status_code == 404

    # A ticket is shown and redeemed once.
    ticket = await wang.ticket()
    assert ticket["qr_svg"].startswith("<svg")
    check = await venue.post("/v1/venue/checks", {"handle": ticket["handle"]})
    assert check.json()["applies"] is True
    assert set(check.json()) == {"applies", "benefit_id", "effect", "terms", "valid_until"}
    redeemed = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="once")
    assert redeemed.status_code == 201
    assert redeemed.json()["effect"] == {"kind": "deposit_waiver", "up_to_fen": 10_000}
    again = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="once")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == redeemed.content
    other = await venue.post("/v1/venue/redemptions", {"handle": "0" * 32}, key="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    # Once a day: the resident reads the reason, the venue's answer is "standard terms" alone.
    spent = await wang.post("/v1/me/tickets", asked)
    assert (spent.status_code, spent.json()["code"]) == (409, "benefit_not_available")

    # The access log.
    log = (await wang.get("/v1/me/access-log")).json()["data"]
    assert [(entry["organisation"], entry["outcome"]) for entry in log[:3]] == [
        ("city-library", "applies"),
        ("city-library", "applies"),
        ("city-library", "issued"),
    ]

    # One call stops everything.
    stopped = await wang.post("/v1/me/withdrawals", {"scope": "all"})
    assert stopped.json() == {"withdrawn": 3}
    assert await wang.total() == 0
    assert (await wang.get("/v1/me/records")).json()["data"] == []
    ended = (await source.get("/v1/source/links?state=ended")).json()["data"]
    assert [link["account"] for link in ended] == ["bike-9001"]
    for _ in range(2):
        done = await source.post(f"/v1/source/links/{ended[0]['link_id']}/acknowledge")
        assert done.status_code == 200
    assert (await source.get("/v1/source/links?state=ended")).json()["data"] == []
    late = await source.deliver(record("ride-9", "bike-9001"))
    assert late["results"][0]["code"] == "not_authorised"


async def test_every_failure_at_a_venue_is_one_answer(town: City) -> None:
    li, venue = town.resident("li"), town.venue()
    await li.volunteer(7_200, "v-li")
    await li.consent_to_provider("city-library")
    used = await li.ticket()
    assert (await venue.post("/v1/venue/redemptions", {"handle": used["handle"]})).status_code == 201

    chen = town.resident("chen")
    await chen.volunteer(7_200, "v-chen")
    consent = await chen.consent_to_provider("city-library")
    expired, foreign, withdrawn = await chen.ticket(), await chen.ticket(), await chen.ticket()
    answers = [await venue.post("/v1/venue/redemptions", {"handle": used["handle"]})]
    answers.append(await venue.post("/v1/venue/redemptions", {"handle": "5" * 32}))
    answers.append(await venue.post("/v1/venue/redemptions", {"handle": "not a handle"}))
    answers.append(await town.venue("riverside-parking-1").post("/v1/venue/redemptions", {"handle": foreign["handle"]}))
    town.shift.by = timedelta(seconds=91)
    answers.append(await venue.post("/v1/venue/redemptions", {"handle": expired["handle"]}))
    town.shift.by = timedelta(0)
    await chen.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
    answers.append(await venue.post("/v1/venue/redemptions", {"handle": withdrawn["handle"]}))
    answers.append(await venue.post("/v1/venue/checks", {"handle": withdrawn["handle"]}))
    assert {answer.content for answer in answers} == {ORDINARY}
    assert {answer.status_code for answer in answers} == {200}
    headers = [
        {name: value for name, value in answer.headers.items() if name not in PER_REQUEST_HEADERS} for answer in answers
    ]
    assert all(shape == headers[0] for shape in headers)


async def test_a_withdrawal_takes_effect_at_once(town: City) -> None:
    zhao, venue = town.resident("zhao"), town.venue()
    await zhao.volunteer(4_800, "v-zhao")
    await zhao.link("green-travel", "bike-7001")
    year = await town.last_year()
    await town.source().deliver(record("z-1", "bike-7001", quantity=40, occurred_on=f"{year}-01-09"))
    assert await zhao.total() == 70
    await zhao.consent_to_provider("city-library")
    ticket = await zhao.ticket()
    volunteering = next(
        consent
        for consent in (await zhao.get("/v1/me/consents")).json()["data"]
        if consent.get("source_id") == "volunteer-service"
    )
    first = await zhao.post(f"/v1/me/consents/{volunteering['consent_id']}/withdraw")
    second = await zhao.post(f"/v1/me/consents/{volunteering['consent_id']}/withdraw")
    assert first.json() == second.json()
    assert first.json()["state"] == "withdrawn"
    assert await zhao.total() == 20
    answer = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]})
    assert answer.content == ORDINARY


@pytest.mark.parametrize("own", list(Audience))
async def test_each_role_is_refused_by_other_audiences(town: City, own: Audience) -> None:
    paths = {
        Audience.RESIDENT: "/v1/me/points",
        Audience.VENUE: "/v1/venue/benefits",
        Audience.SOURCE: "/v1/source/links",
        Audience.ADMINISTRATOR: "/v1/admin/benefits",
        Audience.PRIVACY: "/v1/privacy/reviews",
        Audience.CITY_APP: "/v1/app/hints",
    }
    subjects = {Audience.VENUE: "city-library-main", Audience.SOURCE: "green-travel"}
    actor = town.actor(own, subjects.get(own, "somebody"))
    for audience, path in paths.items():
        answer = await actor.get(path)
        if audience is own:
            assert answer.status_code in (200, 404)
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")
        nobody = await town.client.get(path)
        assert (nobody.status_code, nobody.json()["code"]) == (401, "token_missing")
