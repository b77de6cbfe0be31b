"""Short codes of tickets: read out and typed, for one venue, once, as long as the handle, and rarely guessed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from consent.crypto.blind_index import CODE_ALPHABET
from service.http import rate_limits
from tests.support.city import City
from tests.support.means import STANDARD_TERMS, reader

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("member", ["short_code", "handle"])
async def test_a_short_code_redeems_like_the_handle_once(town: City, member: str) -> None:
    wang, venue = await reader(town), town.venue()
    ticket = await wang.ticket()
    code = ticket["short_code"]
    assert re.fullmatch(f"[{CODE_ALPHABET}]{{8}}", code)
    typed = f" {code[:4].lower()}-{code[4:]} "
    assert (await venue.post("/v1/venue/checks", {member: typed})).json()["applies"] is True
    assert (await venue.post("/v1/venue/redemptions", {member: typed})).status_code == 201
    for body in ({"short_code": code}, {"handle": ticket["handle"]}):
        assert (await venue.post("/v1/venue/redemptions", body)).content == STANDARD_TERMS
    assert "short_code" not in (await wang.get(f"/v1/me/tickets/{ticket['ticket_id']}")).json()


async def test_a_short_code_is_for_one_venue_and_ends_with_the_handle(town: City) -> None:
    wang, venue = await reader(town), town.venue()
    code = (await wang.ticket())["short_code"]
    elsewhere = town.venue("riverside-parking-1")
    assert (await elsewhere.post("/v1/venue/redemptions", {"short_code": code})).content == STANDARD_TERMS
    town.shift.by = timedelta(seconds=91)
    assert (await venue.post("/v1/venue/redemptions", {"short_code": code})).content == STANDARD_TERMS


async def test_one_of_handle_and_short_code_is_sent(town: City) -> None:
    venue = town.venue()
    for body in ({}, {"handle": "0" * 32, "short_code": "AAAA2222"}, {"short_code": "A"}):
        assert (await venue.post("/v1/venue/redemptions", body)).status_code == 422, body
    faults = (await venue.post("/v1/venue/redemptions", {})).json()["errors"]
    assert [fault["detail"] for fault in faults] == ["Send handle, short_code or binding_token, one of them."]


async def test_typed_codes_are_limited_for_each_venue_right_or_wrong(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "clock", lambda: 1_000_000_000.0)
    wang, venue = await reader(town), town.venue()
    town.app_context.limiter.rates["short_code"] = 2
    ticket = await wang.ticket()
    for code in ("AAAA2222", ticket["short_code"]):
        assert (await venue.post("/v1/venue/checks", {"short_code": code})).status_code == 200
    refused = await venue.post("/v1/venue/checks", {"short_code": ticket["short_code"]})
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]})).status_code == 201
