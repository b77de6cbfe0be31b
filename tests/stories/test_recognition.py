"""T10: passes of another city count here where this city has recognised it, and nowhere else (R19)."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
from tests.factories import administrator, publish_document
from tests.support.city import City
from tests.support.issuers import ISSUER, TYPE, URL
from tests.support.offline import URL as OWN_URL

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


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
