"""Benefits and tickets as their resident reads them: what is missing, when again, what became of a code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.benefits.scoring import recount
from tests.factories import benefit_document, publish_document
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def benefit(who: Resident, benefit_id: str) -> dict[str, Any]:
    rows = (await who.get("/v1/me/benefits?limit=200")).json()["data"]
    row_of_benefit: dict[str, Any] = next(row for row in rows if row["benefit_id"] == benefit_id)
    return row_of_benefit


async def ready(town: City) -> Resident:
    """Return a resident with 63 points to whom the library may say that its benefit applies."""
    wang = town.resident("wang")
    await wang.link("green-travel", "bike-9001")
    day = f"{await town.last_year()}-06-01"
    await town.source().deliver(record("r", "bike-9001", quantity=126, occurred_on=day))
    await wang.consent_to_provider("city-library")
    return wang


async def test_a_row_has_the_condition_and_the_least_that_is_missing(town: City) -> None:
    wang = town.resident("wang")
    row = await benefit(wang, "parking-free-minutes")
    assert row["condition"] == {
        "any": [{"measure": "total", "at_least": 100}, {"measure": "green_living", "at_least": 50}]
    }
    assert row["needs"] == [{"measure": "green_living", "points": 50}]
    row = await benefit(wang, "checkup-window")
    assert [line["points"] for line in row["needs"]] == [120, 20]
    assert row["available_again_on"] is None


SIXTY = {"measure": "total", "at_least": 60}
HELPING = {"measure": "social_responsibility", "at_least": 10}
TREES: dict[str, dict[str, Any]] = {
    "tree-any": {"any": [SIXTY, HELPING]},
    "tree-all": {"all": [SIXTY, HELPING]},
    "tree-any-of-all": {"any": [{"all": [SIXTY, HELPING]}, {"measure": "green_living", "at_least": 70}]},
    "tree-all-of-any": {"all": [{"any": [SIXTY, HELPING]}, {"measure": "green_living", "at_least": 50}]},
}
NEEDS = {
    "tree-any": [],
    "tree-all": [{"measure": "social_responsibility", "points": 10}],
    "tree-any-of-all": [{"measure": "green_living", "points": 7}],
    "tree-all-of-any": [],
}


async def test_b7_a_condition_is_the_tree_that_was_published_and_decides_as_it_reads(town: City) -> None:
    """The flat `conditions` of "any" and "all" are alike: from `condition` alone a client can decide what applies."""
    wang = await ready(town)
    for benefit_id, condition in TREES.items():
        document = benefit_document(benefit_id=benefit_id, condition=condition)
        assert await publish_document(town, "benefits", benefit_id, document) == "in_force"
    points = (await wang.get("/v1/me/points")).json()
    have = {"total": points["total"], **{row["dimension"]: row["points"] for row in points["dimensions"]}}
    rows = {benefit_id: await benefit(wang, benefit_id) for benefit_id in TREES}
    assert {benefit_id: row["condition"] for benefit_id, row in rows.items()} == TREES
    assert rows["tree-any"]["conditions"] == rows["tree-all"]["conditions"]
    applies = {benefit_id: row["applies"] for benefit_id, row in rows.items()}
    assert applies == {benefit_id: recount.is_met(tree, have) for benefit_id, tree in TREES.items()}
    assert list(applies.values()) == [True, False, False, True]
    assert {benefit_id: row["needs"] for benefit_id, row in rows.items()} == NEEDS
    public = (await town.client.get("/v1/public/benefits?limit=200")).json()["data"]
    assert {row["benefit_id"]: row["condition"] for row in public if row["benefit_id"] in TREES} == TREES


@pytest.mark.both_engines
async def test_a_used_benefit_says_when_it_can_be_used_again_and_its_ticket_that_it_was_used(town: City) -> None:
    wang, desk = await ready(town), town.venue("city-library-main")
    body = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
    issued = (await wang.post("/v1/me/tickets", body)).json()
    path = f"/v1/me/tickets/{issued['ticket_id']}"
    opened = (await wang.get(path)).json()
    assert (opened["state"], opened["handle"], opened["qr_svg"]) == ("open", issued["handle"], issued["qr_svg"])
    assert (await benefit(wang, "library-deposit"))["available_again_on"] is None
    redeemed = await desk.post("/v1/venue/redemptions", {"handle": issued["handle"]})
    assert redeemed.json()["applies"] is True
    used = (await wang.get(path)).json()
    assert (used["state"], used["runs_until"]) == ("used", redeemed.json()["runs_until"])
    assert "handle" not in used
    assert "qr_svg" not in used
    again = (await benefit(wang, "library-deposit"))["available_again_on"]
    assert again == (await town.today() + timedelta(days=1)).isoformat()
    # Nobody else reads it, and what the venue takes back can be used again.
    assert (await town.resident("li").get(path)).status_code == 404
    assert (await wang.get("/v1/me/tickets/unknown")).status_code == 404
    reversal = f"/v1/venue/redemptions/{redeemed.json()['redemption_id']}/reversal"
    assert (await desk.post(reversal, {"reason_code": "mistaken_scan"})).status_code == 200
    assert (await wang.get(path)).json()["reversed"] is True
    assert (await benefit(wang, "library-deposit"))["available_again_on"] is None


async def test_a_ticket_expires_or_ends_with_its_consent(town: City) -> None:
    wang = await ready(town)
    body = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
    issued = (await wang.post("/v1/me/tickets", body)).json()
    path = f"/v1/me/tickets/{issued['ticket_id']}"
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    withdrawn = (await wang.get(path)).json()
    assert withdrawn["state"] == "withdrawn"
    assert "handle" not in withdrawn
    town.shift.by = timedelta(seconds=91)
    assert (await wang.get(path)).json()["state"] == "expired"


async def test_the_history_has_a_row_for_each_month(town: City) -> None:
    wang = await ready(town)
    rows = (await wang.get("/v1/me/points/history?months=24")).json()["data"]
    today = await town.today()
    assert len(rows) == 24
    assert rows[-1]["month"] == f"{today:%Y-%m}"
    assert rows[-1]["total"] == 63
    assert next(row for row in rows if row["month"] == f"{today.year - 1}-05")["total"] == 0
    assert sum(part["points"] for part in rows[-1]["dimensions"]) == 63
    assert len((await wang.get("/v1/me/points/history")).json()["data"]) == 24
    for months in ("0", "61", "x", "-1", "1.5"):
        assert (await wang.get(f"/v1/me/points/history?months={months}")).status_code == 400
    assert (await town.resident("nobody").get("/v1/me/points/history?months=2")).json()["data"][1]["total"] == 0
