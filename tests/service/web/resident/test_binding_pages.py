"""Bindings as pages, without scripts: a code asked for, typed at the simulated barrier, used, seen and stopped (T9)."""

from __future__ import annotations

import re

import pytest

from service.auth.access_tokens import Audience
from tests.support.browsing import Browser
from tests.support.city import City

pytestmark = pytest.mark.anyio


async def driver(town: City) -> Browser:
    """Somebody to whom the minutes at the car park apply, signed in."""
    wang = town.resident("wang")
    await wang.volunteer(14_400, "v-wang")
    await wang.consent_to_provider("riverside-parking")
    return await Browser(town).sign_in(Audience.RESIDENT, "wang")


async def test_t9_a_car_leaves_the_car_park_without_a_scan_until_its_driver_stops_it(town: City) -> None:
    """T9: the plate is a field without a name, so that no browser sends it."""
    me = await driver(town)
    await me.go("/me/benefits/parking-free-minutes")
    await me.go(next(address for address, words in me.links if words.startswith("Using a barrier")))
    assert me.text.split("Ask for a code")[1].find("Park free for 30 more minutes") < 250, "the asked benefit is first"
    await me.send("/me/bindings", benefit="parking-free-minutes@riverside-parking-1")
    shown = re.search(r'class="code">(\w{4}) (\w{4})<', me.html)
    assert shown, me.text
    barrier = await Browser(town).sign_in(Audience.VENUE, "riverside-parking-1")
    await barrier.go("/desk/barrier")
    app, machine = barrier.forms[-2:]
    names = {name for form in (app, machine) for name, _value in form.fields}
    assert names <= {"_form", "_key", "code", "token", "act"}
    await barrier.submit(app, act="bind", code=shown[1] + shown[2])
    token = re.search(r'data-token="([^"]+)"', barrier.html)
    assert token, barrier.text
    await barrier.submit(barrier.forms[-1], act="arrive", token=token[1])
    assert "30 more free minutes" in barrier.text
    await me.go("/me/bindings")
    assert "In use" in me.text
    assert "none yet" not in me.text
    (stop,) = [form for form in me.forms if form.action.endswith("/stop")]
    await me.submit(stop)
    assert "Stopped. The machine now gives standard terms." in me.text
    await barrier.submit(barrier.forms[-1], act="arrive", token=token[1])
    assert "Standard terms apply" in barrier.text


async def test_a_wrong_code_is_explained_at_its_field(town: City) -> None:
    barrier = await Browser(town).sign_in(Audience.VENUE, "riverside-parking-1")
    await barrier.go("/desk/barrier")
    await barrier.submit(barrier.forms[-2], act="bind", code="AAAA2222")
    assert "This code is not valid here." in barrier.text
