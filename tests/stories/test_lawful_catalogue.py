"""A lawful catalogue of 22 departments and 38 policies: an officer is needed for names and baselines alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from benefits.rules.vocabulary import ProviderKind, Scene
from service.auth.access_tokens import Audience
from tests.factories import administrator
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
DEPARTMENTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "lawful_catalogue.yaml").read_text(encoding="utf-8")
)
DIVISION = "2102"
READ_BY_AN_OFFICER: dict[str, set[str]] = {
    "providers": {"name_new"},
    "venues": {"name_new"},
    "services": {"name_new"},
    "benefits": set(),
}
"""The findings that each kind may have. Every first baseline is read, with or without a finding."""


def documents() -> dict[str, list[dict[str, Any]]]:
    """The catalogue's documents by kind, in the order of their references; benefits without texts."""
    catalogue: dict[str, list[dict[str, Any]]] = {kind: [] for kind in READ_BY_AN_OFFICER}
    for department in DEPARTMENTS:
        provider = {"provider_id": department["id"], "division": DIVISION}
        catalogue["providers"].append({**provider, "kind": department["kind"], "name": department["name"]})
        venue_id = f"{department['id']}-desk"
        venue = {"venue_id": venue_id, "client_id": venue_id, "name": department["venue"]}
        catalogue["venues"].append({**provider, **venue})
        for service in department["services"]:
            service_id = f"{department['id']}-{service['kind']}".replace("_", "-")
            described = {name: service[name] for name in ("kind", "name", "baseline")}
            evidence = f"{department['name']['zh-CN']}收费与服务公示 2025 年版"
            catalogue["services"].append(
                {"service_id": service_id, "provider_id": department["id"], **described, "evidence": evidence}
            )
            catalogue["benefits"] += [benefit(service_id, *policy) for policy in service["policies"]]
    return catalogue


def benefit(
    service_id: str, policy_id: str, scene: str, effect: dict[str, Any], points: int, allowance: list[Any]
) -> dict[str, Any]:
    """The structured part of a policy; added places have a total quota of as many."""
    quota: dict[str, Any] = {"per_resident": {"count": allowance[0], "period": allowance[1]}}
    if "extra_capacity" in effect:
        quota["total"] = {"count": effect["extra_capacity"], "period": "week"}
    return {
        "benefit_id": policy_id, "scene": scene, "service_id": service_id, "division": DIVISION, "effect": effect,
        "condition": {"measure": "total", "at_least": points}, "quota": quota,
        "valid": {"from": "2026-01-01", "until": "2028-12-31"}, "assessment_id": "PIA-2026-300",
    }  # fmt: skip


def test_the_catalogue_is_as_large_and_wide_as_it_says() -> None:
    assert {kind: len(bodies) for kind, bodies in documents().items()} == {
        "providers": 22, "venues": 22, "services": 25, "benefits": 38,
    }  # fmt: skip
    assert {body["scene"] for body in documents()["benefits"]} == set(Scene)
    assert {body["kind"] for body in documents()["providers"]} == set(ProviderKind)


async def test_only_names_and_baselines_need_an_officer(town: City) -> None:
    admin, other = administrator(town), administrator(town, 2)
    officer = town.actor(Audience.PRIVACY, "officer-9", staff_id="officer-9")
    for kind, bodies in documents().items():
        for body in bodies:
            if kind == "benefits":
                composed = await admin.post("/v1/admin/benefits/compose", {"document": body})
                body |= composed.json()["texts"]
            document_id = body[f"{kind[:-1]}_id"]
            drafted = await admin.post(f"/v1/admin/{kind}", body)
            assert drafted.status_code == 201, drafted.text
            path = f"/v1/admin/{kind}/{document_id}/versions/1"
            submitted = (await admin.post(f"{path}/submit")).json()
            codes = {
                row["code"] for row in submitted.get("findings", submitted.get("errors")) if row["severity"] != "advice"
            }
            assert codes == READ_BY_AN_OFFICER[kind], (document_id, submitted)
            assert submitted["state"] == ("submitted" if kind == "benefits" else "in_review")
            if kind != "benefits":
                review = f"/v1/privacy/reviews/{kind}.{document_id}.1/decision"
                decided = await officer.post(review, {"decision": "approve", "reason": "Read it."})
                assert decided.status_code == 200, decided.text
            approved = await other.post(f"{path}/approve", {"sha256": drafted.json()["sha256"]})
            assert approved.json()["state"] == "in_force", approved.text
