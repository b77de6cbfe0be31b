"""Desks of two venues sign in through one client of the pages; each redeems for its own venue alone."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
from tests.support.city import Actor, City

pytestmark = pytest.mark.anyio


def desk(town: City, venue_client_id: str) -> Actor:
    """Return a desk with an account of its own; its token's client is that of the pages."""
    return town.actor(Audience.VENUE, f"account-at-{venue_client_id}", venue_client_id=venue_client_id)


async def test_two_venues_work_through_one_client(town: City) -> None:
    person = town.resident("desk-visitor")
    await person.volunteer(6_600, "card-desk")
    await person.consent_to_provider("city-library")
    library, parking = desk(town, "city-library-main"), desk(town, "riverside-parking-1")
    for actor, benefit_id in ((library, "library-deposit"), (parking, "parking-free-minutes")):
        listed = (await actor.get("/v1/venue/benefits")).json()["data"]
        assert benefit_id in {row["benefit_id"] for row in listed}
    handle = (await person.ticket())["handle"]
    wrong = await parking.post("/v1/venue/redemptions", {"handle": handle})
    assert (wrong.status_code, wrong.json()) == (200, {"applies": False})
    right = await library.post("/v1/venue/redemptions", {"handle": handle})
    assert (right.status_code, right.json()["applies"]) == (201, True)
    machine = town.venue("city-library-main")
    assert (await machine.get("/v1/venue/redemptions?day=" + (await town.today()).isoformat())).json()["data"]


async def test_an_account_at_a_venue_nobody_registered_opens_nothing(town: City) -> None:
    answer = await desk(town, "nowhere").post("/v1/venue/redemptions", {"handle": "0" * 32})
    assert answer.status_code == 403
