"""Limits of effects over HTTP, and a live version of 0.1.0 above one of them."""

from __future__ import annotations

import copy

import pytest

from benefits.rules import effect_limits
from benefits.rules.effects import EFFECTS, amount_names
from benefits.rules.vocabulary import EffectKind
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import Body, DocumentKind, Finding
from tests.factories import BENEFIT_DOCUMENT, SERVICE_DOCUMENT, administrator, benefit_document, publish_document
from tests.support.city import City

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", [kind for kind in EffectKind if kind is not EffectKind.DELIVERY])
async def test_a_new_amount_above_its_limit_is_refused_with_its_place(town: City, kind: EffectKind) -> None:
    (name,) = amount_names(EFFECTS[kind])
    body = benefit_document(effect={"kind": str(kind), name: EFFECTS[kind].limit + 1})
    drafted = await administrator(town).post("/v1/admin/benefits", body)
    rows = [(row["pointer"], row["code"], row["rule"]) for row in drafted.json()["findings"]]
    assert rows == [(f"/effect/{name}", "out_of_range", "R3")]
    refused = await administrator(town).post("/v1/admin/benefits/another-one/versions/1/submit")
    assert (refused.status_code, refused.json()["code"]) == (422, "prohibited")


async def test_the_public_api_prints_every_limit(town: City) -> None:
    printed = (await town.client.get("/v1/public/scheme")).json()["limits"]
    limits = {name: value for name, value in vars(effect_limits).items() if name.endswith("_MAX")}
    assert {name.lower(): value for name, value in limits.items()}.items() <= printed.items()


async def pass_everything(kind: DocumentKind, body: Body) -> list[Finding]:
    """Stand in for the check of version 0.1.0, which knew no limit of this amount."""
    return []


async def test_a_live_benefit_above_a_limit_of_today_stays_in_force(town: City) -> None:
    days = effect_limits.LONGER_PERIOD_DAYS_MAX + 1
    body = {
        **copy.deepcopy(BENEFIT_DOCUMENT),
        "benefit_id": "long-loan",
        "effect": {"kind": "longer_period", "days": days},
    }
    at = await town.shift()
    async with queries.transaction():
        drafted = await lifecycle.draft(DocumentKind.BENEFITS, "long-loan", body, "old-1", at)
        await lifecycle.submit(DocumentKind.BENEFITS, "long-loan", 1, "old-1", at, pass_everything)
        await lifecycle.approve(
            await lifecycle.get(DocumentKind.BENEFITS, "long-loan", 1), drafted.sha256, "old-2", at, at
        )
    wu = town.resident("wu")
    await wu.volunteer(7_200, "v-wu")
    await wu.consent_to_provider("city-library")
    # Another version of its service does not stop it either.
    service = {**SERVICE_DOCUMENT, "evidence": "总馆大厅公示，2026 年版。"}
    assert await publish_document(town, "services", "book-loan", service) == "in_force"
    ticket = await wu.post("/v1/me/tickets", {"benefit_id": "long-loan", "venue_id": "city-library-main"})
    assert ticket.status_code == 201, ticket.text
    redeemed = await town.venue().post("/v1/venue/redemptions", {"handle": ticket.json()["handle"]})
    assert (redeemed.status_code, redeemed.json()["effect"]["days"]) == (201, days)
    # A next version must fit.
    again = await administrator(town).post("/v1/admin/benefits", {**body, "benefit_id": "longer-loan"})
    assert [row["code"] for row in again.json()["findings"]] == ["out_of_range"]
