"""One rule for the way back: every page of residents but the five tabs has an arrow to the page above it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from service.auth.access_tokens import Audience
from service.web import routes
from service.web.resident import tabs
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio

ANSWERED_OTHERWISE = {"/me/export", "/me/slips/{slip_id}/print", "/me/consents/{consent_id}/receipt.json"}
"""Files."""
CLOSED = "/me/show/{ticket_id}"
"""A code fills its page, which is closed by a cross instead."""


def arrow(me: Browser) -> str:
    """The address of the arrow at the top; "" without one."""
    return next((address for address, text in me.links if text.startswith("Back to")), "")


async def test_every_page_below_a_tab_has_an_arrow_to_the_page_above_it(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "resident-9")
    person = town.resident("resident-9")
    consent = await person.consent_to_provider("city-library")
    records = (await person.get("/v1/me/records")).json()["data"]
    await me.go("/me/consents")
    await me.send("Read the notice: Riverside Parking")
    asked = urlsplit(me.url).path.rpartition("/")[2]
    ticket = await person.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
    values = {
        "{benefit_id}": "parking-free-minutes",
        "{consent_id}": consent["consent_id"],
        "{request_id}": asked,
        "{record_id}": records[0]["record_id"],
        "{ticket_id}": ticket.json()["ticket_id"],
    }
    seen = 0
    for route in routes.ROUTES:
        is_page = route.method == "GET" and not route.fragment and route.path not in ANSWERED_OTHERWISE
        if route.audience is not Audience.RESIDENT or not is_page or route.path.startswith("/me/kiosk"):
            continue
        path = route.path
        for name, value in values.items():
            path = path.replace(name, value)
        await me.go(path)
        assert (me.status, urlsplit(me.url).path) == (200, path)
        if path in tabs.TABS:
            assert arrow(me) == "", path
        elif route.path == CLOSED:
            assert ("/me/show", "Close") in me.links
        else:
            above = arrow(me)
            assert above == tabs.parent(path) != "", path
            await me.go(above)
            assert me.status == 200, path
            seen += 1
    assert seen > 15


@pytest.mark.parametrize(
    ("path", "above", "tab"),
    [
        ("/me", "", "/me"),
        ("/me/what-if", "/me", "/me"),
        ("/me/benefits/library-deposit", "/me/benefits", "/me/benefits"),
        ("/me/records/a1/objection", "/me/records", "/me"),
        ("/me/consents/c1/stop", "/me/consents", "/me/consents"),
        ("/me/consents/stop-all", "/me/consents", "/me/consents"),
        ("/me/complaints/new", "/me/complaints", "/me/mine"),
        ("/me/passes", "/me/show", "/me/show"),
        ("/design", "", "/design"),
    ],
)
def test_the_page_above_and_the_tab_of_a_page(path: str, above: str, tab: str) -> None:
    assert (tabs.parent(path), tabs.tab(path)) == (above, tab)
