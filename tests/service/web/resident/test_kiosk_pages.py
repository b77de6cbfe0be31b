"""The kiosk without scripts: each page leaves by itself, also one that shows an error."""

from __future__ import annotations

import pytest

from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio

LEAVES = "60;url=/me/kiosk/end"


async def test_an_error_at_the_kiosk_leaves_by_itself_and_has_no_other_way_out(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "kiosk-1")
    tiles = await me.client.get("/me/kiosk")
    assert (tiles.status_code, tiles.headers["refresh"]) == (200, LEAVES)
    await me.go("/me/kiosk")
    form = next(form for form in me.forms if form.action == "/me/kiosk/end")
    fields = {**dict(form.fields), "benefit": "library-deposit@city-library-main"}
    for answer in (
        await me.client.post("/me/kiosk", data=fields),  # without a permission
        await me.client.post("/me/kiosk", data={**fields, "_form": "00"}),
        await me.client.post("/me/kiosk", data={"_form": "00"}, headers={"sec-fetch-site": "cross-site"}),
        await me.client.get("/me/kiosk/no-such-ticket"),
    ):
        assert answer.status_code >= 400
        assert answer.headers["refresh"] == LEAVES, answer.text
        me.html = answer.text
        assert {href for href, _ in me.links if not href.startswith(("#", "/me/kiosk"))} == set(), answer.text


async def test_a_session_that_expired_at_the_kiosk_starts_again_at_its_sign_in(town: City) -> None:
    me = await Browser(town).sign_in(Audience.RESIDENT, "kiosk-2")
    await me.go("/me/kiosk")
    form = next(form for form in me.forms if form.action == "/me/kiosk/end")
    for name in [name for name in me.client.cookies if "resident" in name]:
        me.client.cookies.delete(name)
    answer = await me.client.post("/me/kiosk", data=dict(form.fields))
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/resident?next=%2Fme%2Fkiosk")
    assert "refresh" not in answer.headers
