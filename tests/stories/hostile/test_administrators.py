"""ADV-141 to ADV-155: hostile administrators, with the API and the rules in hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from service.auth.access_tokens import Audience
from tests.factories import (
    SERVICE_DOCUMENT,
    administrator,
    benefit_document,
    both_languages,
    publish_document,
    put_document,
)
from tests.stories.hostile.test_merchants import flags, submit
from tests.support.city import City

pytestmark = pytest.mark.anyio
READ = {"decision": "approve", "reason": "Read."}


async def scheme_of(town: City) -> dict[str, Any]:
    """Return the scheme in force as one of the next year."""
    admin = administrator(town)
    version = (await admin.get("/v1/admin/schemes")).json()["data"][0]["id"]
    scheme: dict[str, Any] = (await admin.get(f"/v1/admin/schemes/{version}")).json()["document"]
    year = (await town.today()).year + 1
    return {**copy.deepcopy(scheme), "version": f"{year}.1", "from_year": year}


async def test_adv_141_an_assessment_whose_number_says_it(town: City) -> None:
    answer = await submit(town, "benefits", "another-one", benefit_document(assessment_id="PIA-laolai-blacklist"))
    assert answer.json()["state"] == "in_review"
    (row,) = [row for row in answer.json()["findings"] if row["pointer"] == "/assessment_id"]
    assert (row["code"], row["severity"]) == ("prohibited_domain", "flagged")


@pytest.mark.parametrize("change", ["client_id", "owner_id"])
async def test_adv_142_a_client_or_owner_whose_id_says_it(town: City, change: str) -> None:
    kind, body = {
        "client_id": (
            "venues",
            {
                "venue_id": "library-branch",
                "provider_id": "city-library",
                "name": both_languages("分馆", "Branch"),
                "division": "210102",
            },
        ),
        "owner_id": (
            "providers",
            {
                "provider_id": "reading-house",
                "kind": "library",
                "name": both_languages("书屋", "House"),
                "division": "2101",
            },
        ),
    }[change]
    document_id = str(body[f"{kind[:-1]}_id"])
    answer = await submit(town, kind, document_id, {**body, change: "shixin-blacklist"})
    assert answer.json()["state"] == "in_review"
    assert "prohibited_domain" in {row["code"] for row in answer.json()["findings"] if row["pointer"] == f"/{change}"}


async def test_adv_143_a_scheme_with_ways_in_name_only(town: City) -> None:
    """Every kind is still there, but a deed now earns a point in a thousand: an officer reads it first."""
    scheme = await scheme_of(town)
    for indicator in scheme["indicators"]:
        indicator["tiers"] = [{"units": 1_000, "points": 1}]
    submitted = await submit(town, "schemes", scheme["version"], scheme)
    assert (submitted.json()["state"], "scheme_gives_less" in flags(submitted)) == ("in_review", True)


async def test_adv_144_a_scheme_with_less_for_one_kind_or_a_lower_cap(town: City) -> None:
    scheme = await scheme_of(town)
    scheme["dimensions"][0]["cap"] -= 10
    scheme["indicators"][2]["validity_months"] -= 6
    submitted = await submit(town, "schemes", scheme["version"], scheme)
    (row,) = [row for row in submitted.json()["findings"] if row["code"] == "scheme_gives_less"]
    assert submitted.json()["state"] == "in_review"
    assert (row["rule"], row["severity"], row["pointer"]) == ("R16", "flagged", "/indicators")


async def test_adv_145_a_condition_for_riders_and_planters(town: City) -> None:
    """A threshold above what sitting, home and telephone deeds give in a year is read by an officer."""
    condition = {"measure": "green_living", "at_least": 200}
    submitted = await submit(town, "benefits", "another-one", benefit_document(condition=condition))
    assert (submitted.json()["state"], "condition_strenuous" in flags(submitted)) == ("in_review", True)


async def test_adv_146_a_deposit_raised_fen_by_fen(town: City) -> None:
    """Each small step down is read by an officer, and nothing new is built on it for 180 days."""
    service = copy.deepcopy(SERVICE_DOCUMENT)
    for step in (1, 2):
        service["baseline"]["deposit_fen"] = SERVICE_DOCUMENT["baseline"]["deposit_fen"] + step
        submitted = await submit(town, "services", "book-loan", service)
        assert (submitted.json()["state"], "baseline_worsened" in flags(submitted)) == ("in_review", True)


async def test_adv_147_evidence_that_reads_otherwise(town: City) -> None:
    changed = {**copy.deepcopy(SERVICE_DOCUMENT), "evidence": "领导口头通知"}
    submitted = await submit(town, "services", "book-loan", changed)
    assert (submitted.json()["state"], "evidence_changed" in flags(submitted)) == ("in_review", True)


async def test_adv_148_a_source_whose_declaration_is_rewritten(town: City) -> None:
    admin = administrator(town)
    source = (await admin.get("/v1/admin/sources/volunteer-service")).json()["document"]
    for change in (
        {"legal_basis": "单位要求全员参加"},
        {"voluntary": False},
        {"assessment_id": "PIA-blacklist-1"},
    ):
        body = {**source, "onboarding": {**source["onboarding"], **change}}
        assert (await submit(town, "sources", "volunteer-service", body)).json()["state"] == "in_review", change


async def test_adv_149_sent_back_and_submitted_again_unchanged(town: City) -> None:
    """A version that an officer sent back waits for an officer again, submitted again or drafted again by another."""
    body = benefit_document(terms=both_languages("请自带零钱。", "Please bring coins."))
    first = await submit(town, "benefits", "another-one", body)
    assert first.json()["state"] == "in_review"
    officer = town.actor(Audience.PRIVACY, "officer-1")
    path = "/v1/privacy/reviews/benefits.another-one.1/decision"
    sent_back = await officer.post(path, {"decision": "refuse", "reason": "Not needed."})
    assert sent_back.status_code == 200
    again = await administrator(town).post("/v1/admin/benefits/another-one/versions/1/submit")
    assert again.json()["state"] == "in_review"
    approved = await administrator(town, 2).post(
        "/v1/admin/benefits/another-one/versions/1/approve",
        {"sha256": (await administrator(town).get("/v1/admin/benefits/another-one")).json()["sha256"]},
    )
    assert approved.status_code == 409


@pytest.mark.parametrize("divisions", [("",), ("2",), ("210",), ("*",), ("2101%",), ("2101 ",)])
async def test_adv_150_a_token_with_half_a_division(town: City, divisions: tuple[str, ...]) -> None:
    """A prefix that is no division opens nothing: neither a whole country by "" nor half a province by "2"."""
    odd = town.actor(Audience.ADMINISTRATOR, "odd", staff_id="odd", divisions=divisions)
    assert (await odd.post("/v1/admin/benefits", benefit_document())).status_code in (401, 403)
    assert (await odd.post("/v1/admin/benefits/library-deposit/versions/1/suspend")).status_code in (401, 403)


@pytest.mark.parametrize(
    "smuggled", [{"state": "in_force"}, {"version": 2}, {"approved_by": "officer-1"}, {"in_force_from": "2020-01-01"}]
)
async def test_adv_151_an_import_that_claims_to_be_approved(town: City, smuggled: dict[str, Any]) -> None:
    admin = administrator(town)
    claimed = {"catalogue": {"benefits": [{**benefit_document(), **smuggled}]}}
    refused = await admin.post("/v1/admin/catalogue/import", claimed)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_field")
    with_more = {"catalogue": {"benefits": [benefit_document()]}, "approved": True}
    assert (await admin.post("/v1/admin/catalogue/import", with_more)).status_code == 422
    assert (await admin.get("/v1/admin/benefits/another-one")).status_code == 404


async def test_adv_152_a_draft_as_a_notice_board(town: City) -> None:
    """A draft that names a person is no public document under any address, and never live without an officer."""
    text = both_languages("张三 13812345678 积分 3 分。", "Zhang San has 3 points.")
    drafted = (await administrator(town).post("/v1/admin/benefits", benefit_document(description=text))).json()
    for path in (
        f"/v1/public/documents/{drafted['sha256']}",
        "/v1/public/benefits",
        "/log/policy/entries?start=0&end=99",
    ):
        answer = await town.client.get(path)
        assert "Zhang" not in answer.text, path
    assert (await town.client.get(f"/v1/public/documents/{drafted['sha256']}")).status_code == 404
    submitted = await administrator(town).post("/v1/admin/benefits/another-one/versions/1/submit")
    assert submitted.status_code == 422 or submitted.json()["state"] == "in_review"


@pytest.mark.parametrize(
    ("kind", "document_id"), [("sources", "volunteer-service"), ("providers", "city-library"), ("notices", None)]
)
async def test_adv_153_a_suspension_takes_no_points_and_stops_no_withdrawal(
    town: City, kind: str, document_id: str | None
) -> None:
    """One person stops anything at once; what people have earned stays, and so do their rights."""
    wang, admin = town.resident("wang"), administrator(town)
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    rows = (await admin.get(f"/v1/admin/{kind}?limit=50")).json()["data"]
    for name in [document_id] if document_id else [row["id"] for row in rows]:
        version = (await admin.get(f"/v1/admin/{kind}/{name}")).json()["version"]
        stopped = await admin.post(f"/v1/admin/{kind}/{name}/versions/{version}/suspend")
        assert stopped.status_code == 200, stopped.text
    assert await wang.total() == 63
    for consent in (await wang.get("/v1/me/consents")).json()["data"]:
        done = await wang.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
        assert done.json()["state"] == "withdrawn"


async def test_adv_154_small_steps_by_two_administrators_who_swap_roles(town: City) -> None:
    """Each drafts what the other approves: who touched any draft since the last version in force decides on none."""
    first, second = administrator(town), administrator(town, 2)
    path = "/v1/admin/benefits/another-one"
    await first.post("/v1/admin/benefits", benefit_document())
    await put_document(second, path, benefit_document(quota={"per_resident": {"count": 2, "period": "day"}}), "*")
    await put_document(first, path, benefit_document(), "*")
    assert (await first.post(f"{path}/versions/3/submit")).status_code == 200
    sha256 = (await first.get(path)).json()["sha256"]
    for person in (first, second):
        refused = await person.post(f"{path}/versions/3/approve", {"sha256": sha256})
        assert refused.status_code in (403, 409), refused.text
    officer = town.actor(Audience.PRIVACY, "officer-1")
    codes = {row["code"] for row in (await officer.get("/v1/privacy/refused-attempts")).json()["data"]}
    assert "four_eyes" in codes
    assert await publish_document(town, "benefits", "third", benefit_document(benefit_id="third")) == "in_force"


async def test_adv_155_a_scheme_whose_known_texts_change_places(town: City) -> None:
    """Each text was read before, but not there: "60 rides" for volunteering is read by an officer."""
    scheme = await scheme_of(town)
    first, third = scheme["indicators"][0], scheme["indicators"][2]
    first["unit"], third["unit"] = third["unit"], first["unit"]
    submitted = await submit(town, "schemes", scheme["version"], scheme)
    pointers = {row["pointer"] for row in submitted.json()["findings"] if row["code"] == "free_text"}
    assert submitted.json()["state"] == "in_review"
    assert pointers == {f"/indicators/{index}/unit/{language}" for index in (0, 2) for language in ("zh-CN", "en")}
