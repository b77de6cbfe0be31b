"""Bindings for machines that scan nothing: the resident alone makes and stops one, each use counts and is seen (T9)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from service.compliance.replay import replay_tombstones
from service.http import rate_limits
from service.jobs import background
from tests.support.city import City
from tests.support.means import LIBRARY, STANDARD_TERMS, new_binding, offer, reader, requested_binding

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def redeem(town: City, token: str, venue_id: str = "city-library-main") -> Any:
    return await town.venue(venue_id).post("/v1/venue/redemptions", {"binding_token": token})


async def test_t9_forty_uses_in_a_day_of_quota_one_are_one_redemption(town: City) -> None:
    """T9: forty uses at once in a day of quota 1: one redemption; `checks` are a no before and after."""
    wang = await reader(town)
    binding_id, token = await new_binding(town, wang)
    check = await town.venue().post("/v1/venue/checks", {"binding_token": token})
    assert (check.status_code, check.content) == (200, STANDARD_TERMS)
    answers = await asyncio.gather(*(redeem(town, token) for _ in range(40)))
    assert sorted(answer.status_code for answer in answers) == [200] * 39 + [201]
    assert {answer.content for answer in answers if answer.status_code == 200} == {STANDARD_TERMS}
    assert (await town.venue().post("/v1/venue/checks", {"binding_token": token})).content == STANDARD_TERMS
    (own,) = (await wang.get("/v1/me/bindings")).json()["data"]
    assert (await wang.get(f"/v1/me/bindings/{binding_id}")).json() == own
    assert (await town.resident("li").get(f"/v1/me/bindings/{binding_id}")).status_code == 404
    assert (own["binding_id"], own["state"], len(own["uses"]), "code" in own) == (binding_id, "active", 1, False)
    log = (await wang.get("/v1/me/access-log")).json()["data"]
    assert sum("redeemed" in use["text"] or "核销" in use["text"] for use in log) == 1
    assert len((await town.venue().get("/v1/venue/redemptions")).json()["data"]) == 1


async def test_t9_it_works_again_the_next_day_and_a_use_can_be_reversed(town: City) -> None:
    """T9: the binding stays; each day's quota is a new one, and a reversal returns it."""
    wang = await reader(town)
    _, token = await new_binding(town, wang)
    first = await redeem(town, token)
    reversal = f"/v1/venue/redemptions/{first.json()['redemption_id']}/reversal"
    assert (await town.venue().post(reversal, {"reason_code": "mistaken_scan"})).status_code == 200
    assert (await redeem(town, token)).status_code == 201
    town.shift.by = timedelta(days=1)
    await background.run_cleanup(town.app_context)
    assert (await redeem(town, token)).status_code == 201
    (own,) = (await wang.get("/v1/me/bindings")).json()["data"]
    assert len(own["uses"]) == 3


async def test_t9_stopped_by_its_resident_it_is_standard_terms_from_then_on(town: City) -> None:
    """T9: one call of the resident stops it; nobody else's call does."""
    wang, li = await reader(town), await reader(town, "li")
    binding_id, token = await new_binding(town, wang)
    assert (await li.delete(f"/v1/me/bindings/{binding_id}")).status_code == 404
    assert (await wang.delete(f"/v1/me/bindings/{binding_id}")).status_code == 200
    assert (await redeem(town, token)).content == STANDARD_TERMS
    assert (await wang.delete(f"/v1/me/bindings/{binding_id}")).status_code == 404
    assert (await wang.get("/v1/me/bindings")).json()["data"] == []


async def test_a_withdrawal_ends_it_for_good_also_when_the_consent_is_given_again(town: City) -> None:
    wang = await reader(town)
    _, token = await new_binding(town, wang)
    waiting = await requested_binding(wang)
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    assert (await redeem(town, token)).content == STANDARD_TERMS
    await wang.link("volunteer-service", "v-wang")
    await wang.consent_to_provider("city-library")
    assert (await redeem(town, token)).content == STANDARD_TERMS
    late = await town.venue().post("/v1/venue/bindings", {"code": waiting["code"]})
    assert (late.status_code, late.json()["code"]) == (404, "code_unknown")
    assert {own["state"] for own in (await wang.get("/v1/me/bindings")).json()["data"]} == {"ended"}


@pytest.mark.both_engines
async def test_a_code_is_for_one_venue_once_and_for_fifteen_minutes(town: City) -> None:
    wang = await reader(town)
    code = (await requested_binding(wang))["code"]
    parking = town.venue("riverside-parking-1")
    assert (await parking.post("/v1/venue/bindings", {"code": code})).status_code == 404
    for path in ("/v1/venue/redemptions", "/v1/venue/checks"):
        assert (await town.venue().post(path, {"short_code": code})).content == STANDARD_TERMS
    (own,) = (await wang.get("/v1/me/bindings")).json()["data"]
    assert (own["state"], own["code"]) == ("waiting", code)
    typed = f" {code[:4].lower()}-{code[4:]}"
    assert (await town.venue().post("/v1/venue/bindings", {"code": typed})).status_code == 201
    assert (await town.venue().post("/v1/venue/bindings", {"code": code})).status_code == 404
    second = (await requested_binding(wang))["code"]
    town.shift.by = timedelta(minutes=15)
    assert (await town.venue().post("/v1/venue/bindings", {"code": second})).status_code == 404
    await background.run_cleanup(town.app_context)
    assert [own["state"] for own in (await wang.get("/v1/me/bindings")).json()["data"]] == ["active"]
    assert await queries.fetch_all("SELECT * FROM binding_code") == []


async def test_codes_of_bindings_are_limited_like_short_codes(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "clock", lambda: 1_000_000_000.0)
    town.app_context.limiter.rates["short_code"] = 2
    venue = town.venue()
    answers = [await venue.post("/v1/venue/bindings", {"code": f"AAAA222{last}"}) for last in "234"]
    assert [answer.status_code for answer in answers] == [404, 404, 429]


async def test_a_token_is_random_and_for_one_venue_and_nothing_stored_shows_it(town: City) -> None:
    wang = await reader(town)
    (_, first), (_, second) = await new_binding(town, wang), await new_binding(town, wang)
    assert len({first, second}) == 2
    assert (await redeem(town, first, "riverside-parking-1")).content == STANDARD_TERMS
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": first})).content == STANDARD_TERMS
    for table in ("ticket", "lasting_ticket", "binding_code"):
        rows = await queries.fetch_all(f"SELECT * FROM {table}")
        assert first not in str(rows), table


async def test_only_somebody_to_whom_the_benefit_applies_can_ask_for_one(town: City) -> None:
    li = town.resident("li")
    assert (await li.post("/v1/me/bindings", offer(LIBRARY))).json()["code"] == "consent_needed"
    await li.consent_to_provider("city-library")
    assert (await li.post("/v1/me/bindings", offer(LIBRARY))).json()["code"] == "benefit_not_available"
    assert (await li.post("/v1/me/bindings", {**offer(LIBRARY), "venue_id": "riverside-parking-1"})).status_code == 404


async def test_one_person_has_ten_at_most_and_a_waiting_one_is_replaced(town: City) -> None:
    wang = await reader(town)
    old = await requested_binding(wang)
    for _ in range(10):
        await new_binding(town, wang)
    assert (await town.venue().post("/v1/venue/bindings", {"code": old["code"]})).status_code == 404
    refused = await wang.post("/v1/me/bindings", offer(LIBRARY))
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_it_ends_after_ninety_days(town: City) -> None:
    wang = await reader(town)
    _, token = await new_binding(town, wang)
    town.shift.by = timedelta(days=90)
    assert (await redeem(town, token)).content == STANDARD_TERMS
    town.shift.by = timedelta(days=91, hours=2)
    await background.run_cleanup(town.app_context)
    assert await queries.fetch_all("SELECT * FROM lasting_ticket") == []
    assert await queries.fetch_all("SELECT * FROM ticket") == []


async def test_export_names_it_and_erasure_deletes_it(town: City) -> None:
    wang = await reader(town)
    binding_id, token = await new_binding(town, wang)
    waiting = await requested_binding(wang)
    exported = (await wang.get("/v1/me/export")).json()["lasting_tickets"]
    assert [(row["id"], row["code"]) for row in exported] == [
        (binding_id, None), (waiting["binding_id"], waiting["code"]),
    ]  # fmt: skip
    assert (await wang.delete("/v1/me")).status_code == 200
    assert (await redeem(town, token)).content == STANDARD_TERMS
    for table in ("ticket", "lasting_ticket", "binding_code"):
        assert await queries.fetch_all(f"SELECT * FROM {table}") == [], table


@pytest.mark.both_engines
async def test_a_stop_is_repeated_on_a_copy_of_the_database_that_has_the_binding_again(town: City) -> None:
    wang = await reader(town)
    binding_id, token = await new_binding(town, wang)
    tables = {name: await queries.fetch_all(f"SELECT * FROM {name}") for name in ("ticket", "lasting_ticket")}
    assert (await wang.delete(f"/v1/me/bindings/{binding_id}")).status_code == 200
    for name, rows in tables.items():
        marks = ", ".join(f"${place}" for place in range(1, len(rows[0]) + 1))
        for row in rows:
            await queries.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", *row.values())
    summary = await replay_tombstones(town.app_context, from_the_start=True)
    assert summary.tickets_stopped == 1
    assert (await redeem(town, token)).content == STANDARD_TERMS
    assert await queries.fetch_all("SELECT * FROM lasting_ticket") == []
