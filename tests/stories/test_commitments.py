"""Commitments, budgets, deliveries: what a resident accepts, what a provider can pay, what a venue confirms (T12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from benefits.passes import jose
from consent.database import queries
from consent.documents import lifecycle
from consent.domain.document_kinds import DocumentKind
from tests.factories import publish_document
from tests.support.city import City, Resident
from tests.support.means import LIBRARY, STANDARD_TERMS, offer, reader
from tests.support.offline import seconds, take_passes
from tests.support.passes import new_key

pytestmark = pytest.mark.anyio

AT_LIBRARY = offer(LIBRARY)


async def change_benefit(town: City, **members: Any) -> None:
    """Publish a new version of the library's benefit with some members replaced."""
    version = await lifecycle.in_force(DocumentKind.BENEFITS, "library-deposit", await town.app_context.clock())
    assert version is not None
    await publish_document(town, "benefits", "library-deposit", {**version.body, **members})


async def shown_benefit(who: Resident) -> dict[str, Any]:
    rows = (await who.get("/v1/me/benefits?scene=library")).json()["data"]
    benefit: dict[str, Any] = next(row for row in rows if row["benefit_id"] == "library-deposit")
    return benefit


RETURN_IT = {"kind": "return_item", "within_days": 30}


async def test_t12_terms_changed_between_reading_and_taking_the_ticket_are_409_with_the_new_terms(town: City) -> None:
    """T12: a ticket, a slip, a binding and a pass need the hash of the present terms; the refusal has the new ones."""
    wang = await reader(town)
    await change_benefit(town, commitment=RETURN_IT)
    read = await shown_benefit(wang)
    assert read["commitment"] == RETURN_IT
    await change_benefit(town, commitment={**RETURN_IT, "within_days": 20})
    accepted = {"accepted_terms_sha256": read["terms_sha256"]}
    keys = {"keys": [jose.public_jwk(new_key().public_key())]}
    for path, members in (("tickets", {}), ("slips", {}), ("bindings", {}), ("passes", keys)):
        path, chosen = f"/v1/me/{path}", {**AT_LIBRARY, **members}
        for body in (chosen, {**chosen, **accepted}):
            refused = await wang.post(path, body)
            assert (refused.status_code, refused.json()["code"]) == (409, "terms_changed"), path
            assert refused.json()["commitment"]["within_days"] == 20
            again = {"accepted_terms_sha256": refused.json()["terms_sha256"]}
        assert (await wang.post(path, {**chosen, **again})).status_code == 201, path
    ticket = (await wang.post("/v1/me/tickets", {**AT_LIBRARY, **again})).json()
    assert (ticket["commitment"], ticket["terms"]) == ({**RETURN_IT, "within_days": 20}, read["terms"])
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": ticket["handle"]})).status_code == 201


async def test_an_accepted_commitment_is_in_the_persons_history_and_nothing_records_if_it_was_done(town: City) -> None:
    wang = await reader(town)
    before = await wang.total()
    await change_benefit(town, commitment=RETURN_IT)
    terms = (await shown_benefit(wang))["terms_sha256"]
    assert (await wang.post("/v1/me/tickets", {**AT_LIBRARY, "accepted_terms_sha256": terms})).status_code == 201
    log = (await wang.get("/v1/me/access-log")).json()["data"]
    assert [use["outcome"] for use in log].count("accepted") == 1
    events = [row["event"] for row in (await wang.get("/v1/me/export")).json()["events"]]
    (accepted,) = [event["facts"] for event in events if event["kind"] == "commitment.accepted"]
    assert (accepted["commitment"], accepted["within_days"], accepted["terms_sha256"]) == ("return_item", 30, terms)
    assert await wang.total() == before


async def test_a_slip_from_before_a_change_of_the_commitment_gives_standard_terms(town: City) -> None:
    wang = await reader(town)
    slip = (await wang.post("/v1/me/slips", AT_LIBRARY)).json()
    await change_benefit(town, commitment=RETURN_IT)
    scanned = await town.venue().post("/v1/venue/redemptions", {"handle": slip["short_code"]})
    assert scanned.content == STANDARD_TERMS


async def test_a_pass_from_before_a_change_of_the_commitment_gives_standard_terms(town: City) -> None:
    wang = await reader(town)
    (before,) = await take_passes(wang)
    await change_benefit(town, commitment=RETURN_IT)
    code = {"pass": before.code(await seconds(town))}
    assert (await town.venue().post("/v1/venue/redemptions/pass", code)).content == STANDARD_TERMS


async def test_a_binding_binds_to_the_terms_that_were_accepted_when_its_code_was_asked_for(town: City) -> None:
    """A commitment that came before the code was typed gives standard terms; another binding accepts it."""
    wang, venue = await reader(town), town.venue()
    code = (await wang.post("/v1/me/bindings", AT_LIBRARY)).json()["code"]
    await change_benefit(town, commitment=RETURN_IT)
    created = await venue.post("/v1/venue/bindings", {"code": code})
    assert created.status_code == 201, created.text
    used = {"binding_token": created.json()["binding_token"]}
    assert (await venue.post("/v1/venue/redemptions", used)).content == STANDARD_TERMS
    accepted = {"accepted_terms_sha256": (await shown_benefit(wang))["terms_sha256"]}
    code = (await wang.post("/v1/me/bindings", {**AT_LIBRARY, **accepted})).json()["code"]
    used = {"binding_token": (await venue.post("/v1/venue/bindings", {"code": code})).json()["binding_token"]}
    assert (await venue.post("/v1/venue/redemptions", used)).status_code == 201


async def test_a_benefit_without_a_commitment_needs_no_acceptance_but_refuses_a_wrong_one(town: City) -> None:
    wang = await reader(town)
    assert (await wang.post("/v1/me/tickets", AT_LIBRARY)).status_code == 201
    refused = await wang.post("/v1/me/tickets", {**AT_LIBRARY, "accepted_terms_sha256": "0" * 64})
    assert (refused.status_code, refused.json()["commitment"]) == (409, None)


async def test_tickets_stop_when_the_money_of_the_month_is_used_and_begin_again_next_month(town: City) -> None:
    wang = await reader(town)
    await change_benefit(
        town, budget={"monthly_fen": 2_500, "unit_cost_fen": 1_000}, quota={"total": {"count": 9, "period": "day"}}
    )
    for _ in range(2):
        ticket = await wang.ticket()
        assert (await town.venue().post("/v1/venue/redemptions", {"handle": ticket["handle"]})).status_code == 201
    refused = await wang.post("/v1/me/tickets", AT_LIBRARY)
    assert (refused.status_code, refused.json()["quota_used"]) == (409, True)
    first = (await town.today()).replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    assert (await shown_benefit(wang))["available_again_on"] == following.isoformat()
    rows = await queries.fetch_all("SELECT quota_key, taken FROM quota_use ORDER BY quota_key")
    assert [row["taken"] for row in rows] == [2, 2]


async def test_a_venue_confirms_a_delivery_once_and_its_resident_reads_the_day(town: City) -> None:
    wang, venue = await reader(town), town.venue()
    ticket = await wang.ticket()
    redeemed = (await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).json()
    path = f"/v1/venue/redemptions/{redeemed['redemption_id']}"
    today = (await town.today()).isoformat()
    assert (await town.venue("riverside-parking-1").post(f"{path}/delivered")).status_code == 404
    for _ in range(2):
        assert (await venue.post(f"{path}/delivered")).json() == {
            "redemption_id": redeemed["redemption_id"], "delivered_on": today,
        }  # fmt: skip
    assert (await wang.get(f"/v1/me/tickets/{ticket['ticket_id']}")).json()["delivered_on"] == today
    assert (await venue.get("/v1/venue/redemptions")).json()["data"][0]["delivered_on"] == today


async def test_a_redemption_that_was_taken_back_is_not_delivered(town: City) -> None:
    wang, venue = await reader(town), town.venue()
    ticket = await wang.ticket()
    redeemed = (await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).json()
    path = f"/v1/venue/redemptions/{redeemed['redemption_id']}"
    assert (await venue.post(f"{path}/reversal", {"reason_code": "mistaken_scan"})).status_code == 200
    assert (await venue.post(f"{path}/delivered")).json()["code"] == "conflict"
