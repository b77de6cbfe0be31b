"""Benefits of closed sentences over HTTP: composed and published in every scene without a word typed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from benefits.publishing.sentences.vocabulary import MEMBERS, VOCABULARY
from benefits.rules.vocabulary import Scene
from service.demo import seed
from tests.factories import administrator, benefit_document, publish_document
from tests.support.city import Actor, City

pytestmark = pytest.mark.anyio
BENEFITS = seed.documents("benefits")
STRUCTURED = [{name: value for name, value in body.items() if name not in MEMBERS} for body in BENEFITS]


async def composed(who: Actor, document: dict[str, Any], **choose: list[str]) -> dict[str, Any]:
    """The answer of the call that composes texts; it must succeed."""
    answer = await who.post("/v1/admin/benefits/compose", {"document": document, "choose": choose})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("scene", Scene)
async def test_a_benefit_of_every_scene_is_published_without_a_free_sentence(town: City, scene: Scene) -> None:
    admin = administrator(town)
    structured = next(body for body in STRUCTURED if body["scene"] == scene)
    document = {**copy.deepcopy(structured), "benefit_id": f"composed-{scene}".replace("_", "-")}
    if "total" in document.get("quota", {}):
        # The demonstration's own benefit takes places of the same service; both together stay below the share.
        if scene is Scene.MEDICAL_CONVENIENCE:
            document["effect"]["extra_capacity"] = 10
        document["quota"]["total"]["count"] = 10
    document |= (await composed(admin, document))["texts"]
    assert set(MEMBERS) <= set(document)
    drafted = await admin.post("/v1/admin/benefits", document)
    assert (drafted.status_code, drafted.json()["findings"]) == (201, []), drafted.text
    path = f"/v1/admin/benefits/{document['benefit_id']}/versions/1"
    assert (await admin.post(f"{path}/submit")).json()["state"] == "submitted"
    approved = await administrator(town, 2).post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
    assert approved.json()["state"] == "in_force"


async def test_every_benefit_in_force_passes_again_without_review(town: City) -> None:
    admin = administrator(town)
    for row in (await admin.get("/v1/admin/benefits?state=in_force&limit=200")).json()["data"]:
        document = (await admin.get(f"/v1/admin/benefits/{row['id']}")).json()["document"]
        findings = (await admin.post("/v1/admin/benefits/findings", document)).json()["findings"]
        assert findings == [], row["id"]


async def test_chosen_sentences_are_composed_and_seen_again(town: City) -> None:
    admin, document = administrator(town), benefit_document()
    first = await composed(admin, document)
    used = {row["key"] for row in first["sentences"]["terms"] if row["used"]}
    assert used == {row["key"] for row in first["sentences"]["terms"] if row["recommended"]}
    chosen = ["rule.own-use", "rule.valid-days"]
    second = await composed(admin, document, terms=chosen, title=[])
    assert "title" not in second["texts"]
    assert second["texts"]["terms"] == {
        "zh-CN": "仅限本人使用。有效期自 2026 年 1 月 1 日起，至 2028 年 12 月 31 日止。",
        "en": "It is for your own use only. It is valid from 1 January 2026 to 31 December 2028.",
    }
    again = await composed(admin, {**document, **second["texts"]})
    assert [row["key"] for row in again["sentences"]["terms"] if row["used"]] == chosen
    # A sentence that does not suit the benefit is left out; where none suits, the recommended ones stand.
    other = await composed(admin, document, terms=["rule.no-interest"])
    assert other["texts"]["terms"] == first["texts"]["terms"]


@pytest.mark.parametrize(
    ("change", "choose", "pointer", "code"),
    [
        ({"effect": None}, {}, "/document/effect", "object_expected"),
        ({"effect": {"kind": "fee_discount", "percent": 50}}, {}, "/document/effect/percent", "out_of_range"),
        ({"service_id": "no-such-service"}, {}, "/document/service_id", "not_in_force"),
        ({"quota": {"per_resident": {"count": 0, "period": "day"}}}, {}, "/document/quota", "greater_than_equal"),
        ({"valid": {"from": "2026-02-30", "until": "2026-12-31"}}, {}, "/document/valid/from", "civil_day_expected"),
        ({"condition": {"below": 5}}, {}, "/document/condition", "condition_unknown"),
        ({}, {"terms": ["rule.nobody-else"]}, "/choose/terms/0", "enum"),
        ({}, {"evidence": ["rule.own-use"]}, "/choose/evidence", "unknown_field"),
    ],
)
async def test_a_faulty_structure_is_named_by_its_place(
    town: City, change: dict[str, Any], choose: dict[str, list[str]], pointer: str, code: str
) -> None:
    body = {"document": benefit_document(**change), "choose": choose}
    refused = await administrator(town).post("/v1/admin/benefits/compose", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "body_invalid")
    (error,) = refused.json()["errors"]
    assert error["pointer"].startswith(pointer)
    assert error["code"] == code
    assert error["detail"]


async def test_only_effect_and_service_are_needed(town: City) -> None:
    document = {"effect": {"kind": "longer_period", "days": 10}, "service_id": "book-loan"}
    texts = (await composed(administrator(town), document))["texts"]
    assert texts["title"] == {"zh-CN": "借期延长 10 天", "en": "Borrow for 10 more days"}
    assert "points" not in texts["description"]["en"]
    missing = await administrator(town).post("/v1/admin/benefits/compose", {"document": {}})
    assert {row["pointer"] for row in missing.json()["errors"]} == {"/document/effect", "/document/service_id"}


async def test_a_new_partner_composes_on_its_drafts(town: City) -> None:
    """A draft that is not whole is no ground for a text."""
    admin = administrator(town)
    provider: dict[str, Any] = {"provider_id": "north-bridge", "kind": "car_park", "division": "210102"}
    provider |= {"name": {"zh-CN": "北桥停车", "en": "North Bridge Parking"}}
    venue: dict[str, Any] = {"venue_id": "north-bridge-1", "provider_id": "north-bridge", "division": "210102"}
    venue |= {"name": {"zh-CN": "北桥一号停车场", "en": "North Bridge car park 1"}, "client_id": "north-bridge-1"}
    service: dict[str, Any] = {"service_id": "north-bridge-stay", "provider_id": "north-bridge", "kind": "parking"}
    service |= {"name": {"zh-CN": "北桥停车短时停车", "en": "Short-stay parking at North Bridge Parking"}}
    benefit = {"service_id": "north-bridge-stay", "effect": {"kind": "free_minutes", "minutes": 20}}
    for kind, body in (("providers", provider), ("venues", venue), ("services", service)):
        drafted = await admin.post(f"/v1/admin/{kind}", body)
        assert drafted.status_code == 201, drafted.text
    refused = await admin.post("/v1/admin/benefits/compose", {"document": benefit})
    assert [row["code"] for row in refused.json()["errors"]] == ["not_in_force"]
    service |= {"baseline": {"price_fen": 500, "free_minutes": 15}, "evidence": "the tariff at the entrance"}
    etag = (await admin.get("/v1/admin/services/north-bridge-stay")).headers["etag"]
    headers = admin.headers({"if-match": etag, "idempotency-key": "the-whole-service"})
    saved = await town.client.put("/v1/admin/services/north-bridge-stay", json=service, headers=headers)
    assert saved.is_success, saved.text
    texts = (await composed(admin, benefit))["texts"]
    assert "Everybody still gets 15 minutes free." in texts["description"]["en"]
    assert "North Bridge car park 1" in texts["offline_path"]["en"]


async def test_the_vocabulary_is_listed_for_administrators_alone(town: City) -> None:
    listed = (await administrator(town).get("/v1/admin/sentences")).json()["data"]
    assert [row["sentence_id"] for row in listed] == [sentence.sentence_id for sentence in VOCABULARY.sentences]
    quota = next(row for row in listed if row["sentence_id"] == "quota.per-resident")
    assert quota["places"] == [
        {"fact": "quota.per_resident.count", "unit": "times"},
        {"fact": "quota.per_resident.period"},
    ]
    for who in (town.resident("wang"), town.venue(), town.source()):
        assert (await who.get("/v1/admin/sentences")).status_code == 403
        body = {"document": benefit_document()}
        assert (await who.post("/v1/admin/benefits/compose", body)).status_code == 403


async def test_texts_must_be_written_again_once_the_baseline_is_another(town: City) -> None:
    admin = administrator(town)
    parking = (await admin.get("/v1/admin/services/car-parking")).json()["document"]
    more = {**parking, "baseline": {**parking["baseline"], "free_minutes": 20}, "evidence": "2026 年价目牌"}
    assert await publish_document(town, "services", "car-parking", more) == "in_force"
    document = (await admin.get("/v1/admin/benefits/parking-free-minutes")).json()["document"]
    findings = (await admin.post("/v1/admin/benefits/findings", document)).json()["findings"]
    assert {(row["code"], row["pointer"]) for row in findings} == {
        ("free_text", "/description/zh-CN"),
        ("free_text", "/description/en"),
    }
    document |= (await composed(admin, document))["texts"]
    assert "20 分钟" in document["description"]["zh-CN"]
    assert (await admin.post("/v1/admin/benefits/findings", document)).json()["findings"] == []
