"""Every attempt of `data/adversarial.json` over HTTP, by its id: refused or flagged as it must be."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from service import app
from service.auth.access_tokens import Audience
from tests.factories import (
    PROVIDER_DOCUMENT,
    SERVICE_DOCUMENT,
    administrator,
    benefit_document,
    both_languages,
    publish_document,
)
from tests.support.city import City, record

pytestmark = pytest.mark.anyio
LISTED = json.loads((Path(__file__).parents[1] / "data" / "adversarial.json").read_text(encoding="utf-8"))
SHARED = Path(__file__).parents[3] / "shared" / "guardrails" / "adversarial.json"


HOSPITAL = {
    "service_id": "er",
    "provider_id": "second-hospital",
    "name": both_languages("服务", "Service"),
    "baseline": {"price_fen": 0, "counters": 2, "wait_minutes": 30},
    "evidence": "大厅公示",
}
SEATS = {
    **SERVICE_DOCUMENT,
    "service_id": "seats",
    "kind": "reading_room",
    "baseline": {"price_fen": 0, "capacity": 60},
}

# Each refused document with the finding that refuses it: (kind, document, code, rule).
REFUSED: dict[str, list[tuple[str, dict[str, Any], str, str]]] = {
    "ADV-01": [
        ("benefits", benefit_document(condition={"points": {"lt": 300}}), "condition_unknown", "R2"),
        ("benefits", benefit_document(effect={"kind": "deposit_surcharge", "fen": 20_000}), "effect_unknown", "R3"),
        ("benefits", benefit_document(effect={"kind": "deposit_waiver", "up_to_fen": -100}), "out_of_range", "R3"),
    ],
    "ADV-02": [
        ("benefits", benefit_document(condition={"not": {"tier": "silver"}}), "condition_unknown", "R2"),
        ("benefits", benefit_document(effect={"kind": "longer_period", "days": -23}), "out_of_range", "R3"),
    ],
    "ADV-04": [
        ("providers", {**PROVIDER_DOCUMENT, "kind": "public_security"}, "enum", "R5"),
        ("services", {**SERVICE_DOCUMENT, "service_id": "id-cards", "kind": "identity_card"}, "enum", "R5"),
    ],
    "ADV-07": [
        ("services", {**HOSPITAL, "kind": "emergency"}, "enum", "R5"),
        (
            "benefits",
            benefit_document(title=both_languages("急诊优先", "Emergency department first")),
            "prohibited_domain",
            "R13",
        ),
        (
            "benefits",
            benefit_document(title=both_languages("發熱門診 快速通道", "Quick lane")),
            "prohibited_domain",
            "R13",
        ),
        ("benefits", benefit_document(effect={"kind": "queue_priority", "position": 1}), "effect_unknown", "R3"),
    ],
    "ADV-08": [
        ("providers", {**PROVIDER_DOCUMENT, "kind": "school"}, "enum", "R5"),
        ("benefits", benefit_document(condition={"measure": "parent_total", "at_least": 500}), "measure_unknown", "R2"),
        (
            "benefits",
            benefit_document(title=both_languages("幼儿园入学加分", "Kindergarten places")),
            "prohibited_domain",
            "R13",
        ),
    ],
    "ADV-09": [
        ("providers", {**PROVIDER_DOCUMENT, "kind": "employer"}, "enum", "R5"),
        (
            "benefits",
            benefit_document(title=both_languages("快速面试", "Fast job interview")),
            "prohibited_domain",
            "R13",
        ),
    ],
    "ADV-10": [
        ("providers", {**PROVIDER_DOCUMENT, "kind": "bank"}, "enum", "R5"),
        ("benefits", benefit_document(effect={"kind": "interest", "percent": 2}), "effect_unknown", "R3"),
        (
            "benefits",
            benefit_document(title=both_languages("信易贷：优先授信", "Loan approval")),
            "prohibited_domain",
            "R13",
        ),
    ],
    "ADV-11": [
        ("providers", {**PROVIDER_DOCUMENT, "kind": "utility"}, "enum", "R5"),
        ("services", {**SERVICE_DOCUMENT, "service_id": "power", "kind": "reconnection"}, "enum", "R5"),
        (
            "benefits",
            benefit_document(title=both_languages("低保优先受理", "Social assistance first")),
            "prohibited_domain",
            "R13",
        ),
        (
            "benefits",
            benefit_document(title=both_languages("公租房优先", "Public housing first")),
            "prohibited_domain",
            "R13",
        ),
    ],
    "ADV-13": [
        ("benefits", benefit_document(effect={"kind": "publication", "names": 10}), "effect_unknown", "R3"),
        ("benefits", benefit_document(condition={"measure": "total", "equals": 0}), "condition_unknown", "R2"),
    ],
    "ADV-16": [
        ("services", {key: value for key, value in SERVICE_DOCUMENT.items() if key != "baseline"}, "missing", "R4"),
        ("services", {**SERVICE_DOCUMENT, "service_id": "vague", "baseline": {}}, "baseline_empty", "R4"),
        ("benefits", benefit_document(service_id="no-such-service"), "not_in_force", "form"),
    ],
}


def test_the_list_has_all_twenty_attempts() -> None:
    assert [entry["id"] for entry in LISTED] == [f"ADV-{number:02d}" for number in range(1, 21)]
    if SHARED.exists():
        assert json.loads(SHARED.read_text(encoding="utf-8")) == LISTED


@pytest.mark.parametrize(
    ("number", "kind", "document", "code", "rule"),
    [(name, *attempt) for name, tried in REFUSED.items() for attempt in tried],
)
async def test_a_prohibited_document_is_refused_at_publication(
    town: City, number: str, kind: str, document: dict[str, Any], code: str, rule: str
) -> None:
    assert next(entry for entry in LISTED if entry["id"] == number)["expected"] == "refused_at_publish"
    admin = administrator(town)
    id_member = f"{kind.removesuffix('s')}_id"
    document = {**document, id_member: f"{document[id_member]}-x"}
    drafted = await admin.post(f"/v1/admin/{kind}", document)
    assert (code, rule) in [(row["code"], row["rule"]) for row in drafted.json()["findings"]], drafted.text
    path = f"/v1/admin/{kind}/{document[id_member]}/versions/1"
    refused = await admin.post(f"{path}/submit")
    assert (refused.status_code, refused.json()["code"]) == (422, "prohibited")
    assert (code, rule) in [(row["code"], row["rule"]) for row in refused.json()["errors"]]
    approved = await administrator(town, 2).post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
    assert approved.status_code in (409, 422)
    assert (await admin.get(path)).json()["state"] == "draft"
    attempts = (await town.actor(Audience.PRIVACY, "officer-1").get("/v1/privacy/refused-attempts")).json()["data"]
    # A mistake of order, such as a service that is not there yet, is no attempt.
    assert (("administrator", "prohibited") in [(row["door"], row["code"]) for row in attempts]) is (rule != "form")


async def test_adv_12_a_badge_waits_for_an_officer(town: City) -> None:
    admin = administrator(town)
    labelled = benefit_document(
        terms=both_languages(
            "叫号屏显示“诚信市民”，并佩戴金色挂绳。", "The call screen shows “Honest citizen”; a gold lanyard."
        )
    )
    await admin.post("/v1/admin/benefits", labelled)
    submitted = await admin.post("/v1/admin/benefits/another-one/versions/1/submit")
    assert submitted.json()["state"] == "in_review"
    assert {row["code"] for row in submitted.json()["findings"]} == {"public_labelling", "free_text"}
    public = (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]
    assert "another-one" not in [row["benefit_id"] for row in public]


async def test_adv_15_nobody_can_reserve_it_all(town: City) -> None:

    assert await publish_document(town, "services", "seats", copy.deepcopy(SEATS)) == "in_force"
    admin = administrator(town)
    quota = {"total": {"count": 6, "period": "week"}}
    all_of_it = benefit_document(service_id="seats", effect={"kind": "extra_window", "extra_capacity": 60}, quota=quota)
    await admin.post("/v1/admin/benefits", all_of_it)
    refused = await admin.post("/v1/admin/benefits/another-one/versions/1/submit")
    assert [(row["code"], row["rule"]) for row in refused.json()["errors"]] == [("capacity_share", "R10")]
    # Neither in slices: what waits counts as what is live.
    for number, status in ((1, 200), (2, 200), (3, 422)):
        slice_ = {**all_of_it, "benefit_id": f"slice-{number}", "effect": {"kind": "extra_window", "extra_capacity": 6}}
        await admin.post("/v1/admin/benefits", slice_)
        assert (await admin.post(f"/v1/admin/benefits/slice-{number}/versions/1/submit")).status_code == status


async def test_adv_17_a_consent_is_no_entry_ticket(town: City) -> None:
    admin = administrator(town)
    notice = (await admin.get("/v1/admin/notices?limit=1")).json()["data"][0]["id"]
    body = (await admin.get(f"/v1/admin/notices/{notice}")).json()["document"]
    for more in ({"required": True}, {"preselected": True}, {"purposes": ["points.compute", "benefit.check"]}):
        drafted = await admin.post("/v1/admin/notices", {**body, "notice_id": f"n-{next(iter(more))}", **more})
        assert {row["rule"] for row in drafted.json()["findings"]} == {"R9"}
        path = f"/v1/admin/notices/n-{next(iter(more))}/versions/1"
        assert (await admin.post(f"{path}/submit")).json()["code"] == "prohibited"
    silent = copy.deepcopy(body)
    silent["notice_id"] = "n-silent"
    silent["languages"]["en"]["consequences_of_refusal"] = "You cannot log in."
    findings = (await admin.post("/v1/admin/notices", silent)).json()["findings"]
    assert ("refusal_must_cost_nothing", "R9") in [(row["code"], row["rule"]) for row in findings]


async def test_adv_03_and_20_records_that_cannot_be_written(town: City) -> None:
    await town.resident("wang").link("green-travel", "bike-9001")
    source = town.source()
    extra = await source.post("/v1/source/records", {"records": [{**record("r", "bike-9001"), "points": -20}]})
    assert extra.status_code == 422
    kinds = (
        "traffic_violation",
        "court_defaulter",
        "petition",
        "online_speech",
        "water_arrears",
        "religion",
        "illness",
        "blood_donation",
        "family_member",
    )
    done = await source.deliver(*(record(f"r-{kind}", "bike-9001", kind) for kind in kinds))
    assert {row["code"] for row in done["results"]} == {"kind_not_allowed"}
    for quantity in (0, -20):
        refused = await source.deliver(record("r", "bike-9001", quantity=quantity))
        assert refused["results"][0]["code"] == "invalid_quantity"
    assert (await town.resident("wang").get("/v1/me/records")).json()["data"] == []


async def test_adv_05_06_14_and_18_questions_that_have_no_call(town: City) -> None:
    admin, venue = administrator(town), town.venue()
    for path in (
        "residents?sort=-points&limit=100",
        "residents",
        "leaderboard",
        "points",
        "residents/export",
        "connectors",
    ):
        assert (await admin.get(f"/v1/admin/{path}")).status_code == 404, path
    for body in (
        {"national_id": "210102199001011234"},
        {"phone": "13800000000"},
        {"name": "王小明"},
        {"handle": "0" * 32, "include": "points,tier,dimensions"},
    ):
        for call in ("checks", "redemptions"):
            assert (await venue.post(f"/v1/venue/{call}", body)).status_code == 422, body
    text = json.dumps(app.document())
    for word in ("leaderboard", "percentile", '"rank', "national_id", '"phone', "webhook", "callback_url"):
        assert word not in text, word
    calls = [call for path in app.document()["paths"].values() for call in path.values()]
    sorting = [parameter["name"] for call in calls for parameter in call.get("parameters", [])]
    assert not {"sort", "order_by", "order", "q", "search"} & set(sorting)


async def test_adv_19_a_token_used_elsewhere_or_twice(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    handle = (await wang.ticket())["handle"]
    ordinary = (await town.venue().post("/v1/venue/checks", {"handle": "f" * 32})).content
    elsewhere = await town.venue("riverside-parking-gate").post("/v1/venue/redemptions", {"handle": handle})
    assert elsewhere.status_code in (200, 403)
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    again = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert again.content == ordinary == b'{"applies":false}'


def test_every_entry_has_its_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8").lower().replace("_", "-")
    for entry in LISTED:
        number = entry["id"].removeprefix("ADV-")
        assert entry["id"] in REFUSED or f"adv-{number}" in text or f"-{number}-" in text, entry["id"]
