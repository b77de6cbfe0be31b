"""Stopping on a page: it says "stopped" only where the call succeeded, or where nothing was left to stop."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from service.auth.access_tokens import Audience
from tests.support.browsing import Browser, Form
from tests.support.city import City

pytestmark = pytest.mark.anyio
STOPS = (
    "/me/passes/stop",
    "/me/bindings/unknown/stop",
    "/me/slips/unknown/stop",
    "/me/bookings/unknown/cancel",
)


async def signed_in(town: City, path: str) -> tuple[Browser, Form]:
    """A resident and a form that is posted to the path."""
    me = await Browser(town).sign_in(Audience.RESIDENT, "wang")
    await me.go("/me/leave")
    token = next(value for form in me.forms for name, value in form.fields if name == "_form")
    return me, Form(path, "post", fields=[("_form", token)])


@pytest.mark.parametrize("path", STOPS)
async def test_what_was_refused_is_not_confirmed(town: City, path: str) -> None:
    me, form = await signed_in(town, path)
    town.app_context.limiter.rates["resident"] = 0
    await me.submit(form)
    assert me.status == 429
    assert urlsplit(me.url).path == path


@pytest.mark.parametrize("path", STOPS)
async def test_what_has_ended_already_is_confirmed(town: City, path: str) -> None:
    me, form = await signed_in(town, path)
    await me.submit(form)
    assert me.status == 200
    assert "done" in parse_qs(urlsplit(me.url).query)
