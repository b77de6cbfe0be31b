"""T10: passes of another city count here where this city has recognised it, and nowhere else (R19)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from benefits.passes import jose, status_list
from benefits.passes.refusals import PassRefused
from consent.database import queries
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.factories import administrator, publish_document
from tests.support import means, offline
from tests.support.city import City
from tests.support.issuers import ISSUER, TYPE, URL, OtherCity, recognised
from tests.support.offline import NONCE
from tests.support.offline import URL as OWN_URL
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
STANDARD_TERMS = b'{"applies":false}'
PASS = "/v1/venue/redemptions/pass"
OFFLINE = "/v1/venue/redemptions/offline"


async def refusals(town: City, **changed: object) -> list[str]:
    """The codes of the rules' refusals of an issuer with some members changed."""
    answer = await administrator(town).post("/v1/admin/issuers/findings", {**ISSUER, **changed})
    assert answer.status_code == 200, answer.text
    return [row["code"] for row in answer.json()["findings"] if row["severity"] == "refused"]


async def test_an_issuer_waits_for_an_officer_and_a_second_person(town: City) -> None:
    author, officer = administrator(town), town.actor(Audience.PRIVACY, "officer-1", staff_id="officer-1")
    drafted = (await author.post("/v1/admin/issuers", ISSUER)).json()
    path = "/v1/admin/issuers/other-city/versions/1"
    assert (await author.post(f"{path}/submit")).json()["state"] == "in_review"
    approve = {"sha256": drafted["sha256"]}
    assert (await administrator(town, 2).post(f"{path}/approve", approve)).json()["code"] == "conflict"
    decision = {"decision": "approve", "reason": "Asked the other city for its keys."}
    review = "/v1/privacy/reviews/issuers.other-city.1/decision"
    assert (await officer.post(review, decision)).status_code == 200
    assert (await author.post(f"{path}/approve", approve)).json()["code"] == "four_eyes"
    assert (await administrator(town, 2).post(f"{path}/approve", approve)).json()["state"] == "in_force"
    listed = (await town.client.get("/v1/public/issuers")).json()["data"]
    assert listed == [ISSUER]
    assert (await author.post(f"{path}/suspend")).json()["state"] == "suspended"
    assert (await town.client.get("/v1/public/issuers")).json()["data"] == []


async def test_a_changed_key_set_waits_for_an_officer_too(town: City) -> None:
    await publish_document(town, "issuers", "other-city", ISSUER)
    answer = await administrator(town).post("/v1/admin/issuers/findings", {**ISSUER, "keys_sha256": "b" * 64})
    assert [row["code"] for row in answer.json()["findings"]] == ["keys_changed", "resident_limit_uncounted"]


async def test_a_key_set_that_changes_during_a_suspension_waits_for_an_officer(town: City) -> None:
    await publish_document(town, "issuers", "other-city", ISSUER)
    author = administrator(town)
    assert (await author.post("/v1/admin/issuers/other-city/versions/1/suspend")).json()["state"] == "suspended"
    changed = {**ISSUER, "keys_sha256": "b" * 64, "name": {"zh-CN": "邻市新城", "en": "Neighbour New City"}}
    codes = {row["code"] for row in (await author.post("/v1/admin/issuers/findings", changed)).json()["findings"]}
    assert {"keys_changed", "name_new"} <= codes
    codes = {row["code"] for row in (await author.post("/v1/admin/issuers/findings", ISSUER)).json()["findings"]}
    assert "keys_changed" not in codes


async def test_what_the_rules_refuse_of_an_issuer(town: City) -> None:
    assert await refusals(town) == []
    unknown = [{"vct": TYPE, "benefit_id": "no-benefit"}]
    assert await refusals(town, recognises=unknown) == ["not_in_force"]
    assert await refusals(town, division="22") == ["recognition_outside"]
    places = [{"vct": TYPE, "benefit_id": "checkup-window"}]
    assert await refusals(town, recognises=places) == ["places_not_recognised"]
    own = [{"vct": f"{OWN_URL}/vct/library-deposit/1", "benefit_id": "library-deposit"}]
    assert await refusals(town, url=OWN_URL, recognises=own) == ["string_pattern_mismatch"]
    assert await refusals(town, points=60) == ["unknown_field"]
    await publish_document(town, "issuers", "other-city", ISSUER)
    assert await refusals(town, issuer_id="the-same-city") == ["url_taken"]
    assert await refusals(town, url=URL) == []


async def test_t10_a_pass_of_a_recognised_city_applies_as_our_own_benefit(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    answer = await town.venue().post(PASS, other.new_pass(at).shown(at))
    assert answer.status_code == 201, answer.text
    own = {row["benefit_id"]: row for row in (await town.venue().get("/v1/venue/benefits")).json()["data"]}
    redeemed = answer.json()
    assert (redeemed["benefit_id"], redeemed["terms"]) == ("library-deposit", own["library-deposit"]["terms"])
    assert redeemed["effect"] == own["library-deposit"]["effect"]
    day = (await town.venue().get("/v1/venue/redemptions")).json()["data"]
    assert [(row["redemption_id"], row["state"]) for row in day] == [(redeemed["redemption_id"], "redeemed")]
    scanned = await town.venue().post(PASS, other.new_pass(at, place=5).scanned(at))
    assert scanned.status_code == 201, scanned.text


async def test_t10_every_other_pass_gets_standard_terms(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    unknown, changed = OtherCity(url="https://unknown.example"), OtherCity()
    shown, hour = other.new_pass(at), 3_600
    begins = shown.claims.issued_at
    bodies = {
        "unknown issuer": unknown.new_pass(at).shown(at),
        "changed keys": changed.new_pass(at).shown(at),
        "the pinned keys with a pass of others": changed.new_pass(at).shown(at, issuer=other.metadata()),
        "another type": other.new_pass(at, benefit_type=f"{URL}/vct/parking-free-minutes/1").shown(at),
        "a later version of the type": other.new_pass(at, benefit_type=f"{URL}/vct/library-deposit/2").shown(at),
        "another venue": other.new_pass(at, venue=f"{OWN_URL}/venues/riverside-parking-1").shown(at),
        "a venue of its own": other.new_pass(at, venue=f"{URL}/venues/city-library-main").shown(at),
        "expired": other.new_pass(at, issued_at=begins - 24 * hour, expires_at=begins).shown(at),
        "too long": other.new_pass(at, expires_at=begins + 25 * hour).shown(at),
        "revoked": shown.shown(at, status_list=other.list_token(at, 12_345)),
        "an expired list": shown.shown(at, status_list=other.list_token(at, lasts=60)),
        "a list of others": shown.shown(at, status_list=changed.list_token(at)),
        "no list": shown.shown(at, status_list=None),
        "no keys": shown.shown(at, issuer=None),
        "a stale showing": {**shown.shown(at), **shown.use(at - 600)},
        "a stolen pass": {**shown.shown(at), "presentation": other.new_pass(at).use(at)["presentation"]},
        "nothing at all": {"pass": "~", "issuer": "{", "status_list": "x"},
    }  # fmt: skip
    answers = {}
    for name, body in bodies.items():
        sent = {member: value for member, value in body.items() if value is not None}
        answers[name] = await town.venue().post(PASS, sent)
    assert {name: (answer.status_code, answer.content) for name, answer in answers.items()} == dict.fromkeys(
        bodies, (200, STANDARD_TERMS)
    )
    # None of them has spent the good pass.
    assert (await town.venue().post(PASS, shown.shown(at))).status_code == 201


async def test_t10_a_pass_is_used_once(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    shown = other.new_pass(at)
    body = shown.shown(at)
    first, again = [await town.venue().post(PASS, body, key="one") for _ in range(2)]
    assert (first.status_code, again.content) == (201, first.content)
    for body in (shown.shown(at), shown.shown(at + 1), shown.scanned(at)):
        assert (await town.venue().post(PASS, body)).content == STANDARD_TERMS
    # Uploaded as well, and at another second, the venue bears it.
    answer = await town.venue().post(OFFLINE, shown.upload(at - 30))
    assert answer.json() == {"results": [{"result": "venue_bears"}]}


@pytest.mark.parametrize("act", ["suspend", "retire"])
async def test_t10_a_suspended_or_retired_issuer_gets_standard_terms(town: City, act: str) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    body = {"from": (await town.today()).isoformat()} if act == "retire" else None
    answer = await administrator(town).post(f"/v1/admin/issuers/other-city/versions/1/{act}", body)
    assert answer.status_code == 200, answer.text
    assert (await town.venue().post(PASS, other.new_pass(at).shown(at))).content == STANDARD_TERMS
    uploaded = await town.venue().post(OFFLINE, other.new_pass(at).upload(at))
    assert uploaded.json() == {"results": [{"result": "refused"}]}


async def test_t10_uploads_are_booked_once_and_within_the_quota_for_all(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    body = (await administrator(town).get("/v1/admin/benefits/library-deposit")).json()["document"]
    limited = {**body, "quota": {**body["quota"], "total": {"count": 1, "period": "day"}}}
    await publish_document(town, "benefits", "library-deposit", limited)
    first, second = other.new_pass(at, place=1), other.new_pass(at, place=2)

    async def results(body: dict[str, Any]) -> list[str]:
        answer = await town.venue().post(OFFLINE, body)
        assert answer.status_code == 200, answer.text
        return [row["result"] for row in answer.json()["results"]]

    assert await results(first.upload(at)) == ["booked"]
    assert await results(first.upload(at)) == ["already_booked"]
    assert await results(second.upload(at)) == ["venue_bears"]
    assert await results(other.new_pass(at, place=3).upload(at, 3)) == ["refused"]
    assert len(await queries.fetch_all("SELECT 1 AS one FROM redemption")) == 1


@pytest.mark.both_engines
async def test_a_redemption_of_a_foreign_pass_is_taken_back_on_its_day(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    redeemed = (await town.venue().post(PASS, other.new_pass(at).shown(at))).json()
    path = f"/v1/venue/redemptions/{redeemed['redemption_id']}/reversal"
    assert (await town.venue().post(path, {"reason_code": "mistaken_scan"})).status_code == 200
    assert (await town.venue().post(PASS, other.new_pass(at).shown(at))).content == STANDARD_TERMS


@pytest.mark.both_engines
async def test_r19_nothing_of_the_person_is_stored(town: City) -> None:
    """Every column of every table is read for the pass, its device key, its place and what the other city is."""
    other, at = await recognised(town), await offline.seconds(town)
    shown = other.new_pass(at, place=987_654)
    assert (await town.venue().post(PASS, shown.shown(at))).status_code == 201
    thumbprint = jose.thumbprint(shown.claims.device_key)
    needles = [
        shown.signed, shown.signed.split(".")[2][:-1], jose.encode(thumbprint), thumbprint.hex(), "987654",
        *(jose.public_jwk(shown.claims.device_key)[name] for name in ("x", "y")), NONCE, other.list_url,
    ]  # fmt: skip
    for table in await tables():
        stored = repr(await queries.fetch_all(f"SELECT * FROM {table}"))
        assert [needle for needle in needles if needle in stored] == [], table
    assert await queries.fetch_all("SELECT 1 AS one FROM event WHERE kind LIKE 'benefit.%'") == []
    (row,) = await queries.fetch_all("SELECT * FROM recognised_use")
    assert row["delete_from"] == (shown.claims.expires_at + 3 * 86_400) * 1_000_000


async def tables() -> list[str]:
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if queries.is_sqlite()
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    return [row["name"] for row in await queries.fetch_all(catalogue)]


@pytest.mark.both_engines
async def test_the_hash_of_a_pass_is_deleted_when_no_use_can_be_uploaded_any_more(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    assert (await town.venue().post(PASS, other.new_pass(at).shown(at))).status_code == 201
    for days, left in ((3, 1), (5, 0)):
        town.shift.by = timedelta(days=days)
        await background.run_cleanup(town.app_context)
        assert len(await queries.fetch_all("SELECT 1 AS one FROM recognised_use")) == left
    rows = await queries.fetch_all("SELECT handle_index, redemption_id FROM redemption")
    assert [row["handle_index"] == row["redemption_id"] for row in rows] == [True]


@pytest.mark.both_engines
async def test_a_resident_takes_a_pass_for_a_venue_of_a_recognised_city(town: City) -> None:
    who, key = await means.reader(town), new_key()
    body = {
        "benefit_id": "library-deposit", "venue_id": "their-library", "issuer_id": "other-city",
        "keys": [jose.public_jwk(key.public_key())],
    }  # fmt: skip
    assert (await who.post("/v1/me/passes", body)).json()["code"] == "not_found"
    await recognised(town)
    answer = await who.post("/v1/me/passes", body)
    assert answer.status_code == 201, answer.text
    taken = offline.DevicePass(key, answer.json()["passes"][0]["pass"])
    assert (taken.claims.issuer, taken.claims.venue) == (OWN_URL, f"{URL}/venues/their-library")
    exported = (await who.get("/v1/me/export")).json()["passes"]
    assert [(row["venue_id"], row["issuer_id"]) for row in exported] == [("their-library", "other-city")]
    (listed,) = (await who.get("/v1/me/passes")).json()["data"]
    assert (listed["venue_id"], listed["issuer_id"], listed["number"]) == ("their-library", "other-city", 1)
    # The day's use is taken: one pass, here or there.
    again = await who.post("/v1/me/passes", {**body, "issuer_id": None, "venue_id": "city-library-main"} | {"keys": [
        jose.public_jwk(new_key().public_key())]})  # fmt: skip
    assert again.json()["code"] == "benefit_not_available"
    # At home it is worth nothing, and a suspended city ends it.
    at = await offline.seconds(town)
    own = {"pass": taken.signed, "presentation": taken.key_binding(at)}
    assert (await town.venue().post(PASS, own)).content == STANDARD_TERMS
    await administrator(town).post("/v1/admin/issuers/other-city/versions/1/suspend")
    await offline.begin_step(town)
    lists = (await town.client.get(taken.claims.status.uri)).text
    status = status_list.read(lists, await offline.issuer(town), await offline.seconds(town))
    with pytest.raises(PassRefused, match="revoked"):
        status.require_valid(taken.claims.status, await offline.seconds(town))


async def test_no_use_is_uploaded_after_the_hash_of_an_earlier_one_is_deleted(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    shown = other.new_pass(at)
    assert (await town.venue().post(PASS, shown.shown(at))).status_code == 201
    end = shown.claims.expires_at
    town.shift.by = timedelta(seconds=end - at, days=3, hours=2)
    await background.run_cleanup(town.app_context)
    late = (await town.venue().post(OFFLINE, shown.upload(end - 60))).json()["results"]
    assert [row["result"] for row in late] == ["refused"]
    assert len(await queries.fetch_all("SELECT 1 AS one FROM redemption")) == 1


async def test_a_pass_for_another_city_counts_on_the_limit_of_its_period_when_it_is_taken(town: City) -> None:
    await recognised(town)
    body = (await administrator(town).get("/v1/admin/benefits/library-deposit")).json()["document"]
    limited = {**body, "quota": {"per_resident": {"count": 2, "period": "year"}}}
    await publish_document(town, "benefits", "library-deposit", limited)
    who, codes = await means.reader(town), []
    for hours in (0, 25, 50):
        # Nobody reports a use from there, and an ended pass is forgotten.
        town.shift.by = timedelta(hours=hours)
        where = {"benefit_id": "library-deposit", "venue_id": "their-library", "issuer_id": "other-city"}
        keys = [jose.public_jwk(new_key().public_key())]
        codes.append((await who.post("/v1/me/passes", {**where, "keys": keys})).status_code)
    assert codes == [201, 201, 409]


async def test_uploads_of_two_benefits_in_either_order_are_all_booked(town: City) -> None:
    other, at = await recognised(town), await offline.seconds(town)
    body = (await administrator(town).get("/v1/admin/benefits/library-deposit")).json()["document"]
    many = {**body, "quota": {**body["quota"], "total": {"count": 500, "period": "day"}}}
    second = f"{URL}/vct/second/1"
    await publish_document(town, "benefits", "library-deposit", many)
    await publish_document(town, "benefits", "library-second", {**many, "benefit_id": "library-second"})
    recognises = [{"vct": TYPE, "benefit_id": "library-deposit"}, {"vct": second, "benefit_id": "library-second"}]
    await publish_document(town, "issuers", "other-city", other.document(recognises=recognises))

    def upload(number: int) -> dict[str, Any]:
        uploads = [
            other.new_pass(at, 10 * number).upload(at),
            other.new_pass(at, 10 * number + 1, benefit_type=second).upload(at),
        ]
        items = [upload["items"][0] for upload in uploads]
        return {**uploads[0], "items": items if number % 2 else items[::-1]}

    for round_ in range(4):
        answers = await asyncio.gather(*(town.venue().post(OFFLINE, upload(2 * round_ + side)) for side in (1, 2)))
        results = [row["result"] for answer in answers for row in answer.json()["results"]]
        assert results == ["booked"] * 4, [answer.text for answer in answers]
