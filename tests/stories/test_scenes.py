"""Every scene of the plan: a lawful benefit in the demo city, a tempting one that the gate refuses; what-if."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benefits.rules.vocabulary import Scene
from service.demo import seed
from tests.factories import PROVIDER_DOCUMENT, administrator, benefit_document, both_languages
from tests.support.city import City

pytestmark = pytest.mark.anyio
SCENES = json.loads((Path(__file__).parents[1] / "data" / "scenes.json").read_text(encoding="utf-8"))
SHARED = Path(__file__).parents[3] / "shared" / "data" / "scenes.json"
LAWFUL = seed.documents("benefits")

# Scene (or the plan's name where there is none by design): (kind, document, code, rule).
TEMPTING: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "library": ("benefits", benefit_document(effect={"kind": "fee_discount", "percent": 10}), "no_improvement", "R3"),
    "parking": (
        "benefits",
        benefit_document(effect={"kind": "extra_window", "extra_capacity": 40}, service_id="car-parking"),
        "capacity_share",
        "R10",
    ),
    "medical_convenience": (
        "benefits",
        benefit_document(title=both_languages("急诊优先就诊", "Emergency room first")),
        "prohibited_domain",
        "R13",
    ),
    "tourism": (
        "benefits",
        benefit_document(effect={"kind": "fee_discount", "percent": 50}, service_id="garden-tour"),
        "out_of_range",
        "R3",
    ),
    "mobility": (
        "services",
        {
            "service_id": "metro-gate",
            "provider_id": "city-bikes",
            "kind": "metro_boarding",
            "name": both_languages("快速进站", "Fast gate"),
            "baseline": {"price_fen": 0},
            "evidence": "公示",
        },
        "enum",
        "R5",
    ),
    "lodging": ("benefits", benefit_document(condition={"measure": "total", "below": 60}), "condition_unknown", "R2"),
    "rental": (
        "benefits",
        benefit_document(title=both_languages("公租房優先配租", "Public housing first")),
        "prohibited_domain",
        "R13",
    ),
    "shopping": ("benefits", benefit_document(effect={"kind": "display_rank", "place": 1}), "effect_unknown", "R3"),
    "fitness": ("benefits", benefit_document(offline_path=both_languages("无", "none")), "alternative_missing", "R14"),
    "approvals": (
        "benefits",
        benefit_document(title=both_languages("身份证加急办理", "ID card at once")),
        "prohibited_domain",
        "R13",
    ),
    "bills": (
        "benefits",
        benefit_document(title=both_languages("恢复供电优先", "Reconnection first")),
        "prohibited_domain",
        "R13",
    ),
    "信易贷": ("providers", {**PROVIDER_DOCUMENT, "kind": "bank"}, "enum", "R5"),
    "信易税": ("providers", {**PROVIDER_DOCUMENT, "kind": "tax_office"}, "enum", "R5"),
}


def test_every_scene_of_the_plan_is_there() -> None:
    assert {scene["scene"] for scene in SCENES if scene["scene"]} == {str(scene) for scene in Scene}
    assert {scene["scene"] for scene in LAWFUL} == {str(scene) for scene in Scene}
    assert {scene["scene"] or scene["name"] for scene in SCENES} == set(TEMPTING)
    if SHARED.exists():
        assert json.loads(SHARED.read_text(encoding="utf-8")) == SCENES


async def test_every_scene_has_a_lawful_benefit_in_force(town: City) -> None:
    shown = (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]
    assert {benefit["scene"] for benefit in shown} == {str(scene) for scene in Scene}


@pytest.mark.parametrize("scene", TEMPTING)
async def test_every_scene_has_something_tempting_that_is_refused(town: City, scene: str) -> None:
    kind, document, code, rule = TEMPTING[scene]
    admin, id_member = administrator(town), f"{kind.removesuffix('s')}_id"
    assert (await admin.post(f"/v1/admin/{kind}", document)).status_code == 201
    refused = await admin.post(f"/v1/admin/{kind}/{document[id_member]}/versions/1/submit")
    assert (refused.status_code, refused.json()["code"]) == (422, "prohibited")
    errors = [(row["code"], row["rule"]) for row in refused.json()["errors"]]
    assert (code, rule) in errors, errors
    assert all(row["detail"] and row["severity"] for row in refused.json()["errors"])


async def test_what_if_i_volunteered_ten_more_hours(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(3_300, "v-wang", await town.today())
    before = await wang.total()
    ten_hours = {"deeds": [{"kind": "volunteer_minutes", "quantity": 3_900}, {"kind": "tree_planted", "quantity": 3}]}
    answer = (await wang.post("/v1/me/points/what-if", ten_hours)).json()
    assert answer["total"] == before < answer["would_be"]
    assert "library-deposit" in answer["benefits"]
    assert sum(dimension["points"] for dimension in answer["dimensions"]) == answer["would_be"]
    assert await wang.total() == before
    nobody = (await town.resident("nobody").post("/v1/me/points/what-if", ten_hours)).json()
    assert nobody["total"] == 0 < nobody["would_be"]
    wrong_ones: list[dict[str, Any]] = [
        {"deeds": []},
        {"deeds": [{"kind": "traffic_violation", "quantity": 1}]},
        {"deeds": [{"kind": "bike_trip", "quantity": -1}]},
    ]
    for wrong in wrong_ones:
        assert (await wang.post("/v1/me/points/what-if", wrong)).status_code == 422
