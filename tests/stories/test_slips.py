"""Slips of paper: one venue, one benefit, once, at most 30 days, decided when they are scanned (T8)."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from benefits import ticket_retention
from consent.database import queries
from service.jobs import background
from tests.support.city import City
from tests.support.means import STANDARD_TERMS, new_slip, reader

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def scan(town: City, code: str, venue_id: str = "city-library-main") -> Any:
    return await town.venue(venue_id).post("/v1/venue/redemptions", {"handle": code})


@pytest.mark.both_engines
async def test_t8_scanned_after_29_days_it_redeems_once_as_scanned_or_typed(town: City) -> None:
    """T8: a slip is used on its 29th day; the desk types sixteen characters in groups, or scans them."""
    wang = await reader(town)
    slip = await new_slip(wang)
    code = slip["short_code"]
    town.shift.by = timedelta(days=29)
    await background.run_cleanup(town.app_context)
    typed = "-".join(code[at : at + 4] for at in range(0, 16, 4)).lower()
    assert (await town.venue().post("/v1/venue/checks", {"short_code": typed})).json()["applies"] is True
    answers = await asyncio.gather(*(scan(town, code) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    (own,) = (await wang.get("/v1/me/slips")).json()["data"]
    assert (own["state"], "short_code" in own) == ("used", False)
    assert own == (await wang.get(f"/v1/me/slips/{slip['slip_id']}")).json()
    assert (await wang.get(f"/v1/me/slips/{slip['slip_id']}.pdf")).status_code == 404
    town.shift.by += timedelta(days=1, hours=1)
    await background.run_cleanup(town.app_context)
    for table in ("ticket", "lasting_ticket"):
        assert await queries.fetch_all(f"SELECT * FROM {table}") == [], table


async def test_t8_consent_withdrawn_after_printing_gives_standard_terms(town: City) -> None:
    """T8: printed, the consent withdrawn, scanned after 29 days: standard terms; also if consent is given again."""
    wang = await reader(town)
    slip = await new_slip(wang)
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    await wang.link("volunteer-service", "v-wang")
    await wang.consent_to_provider("city-library")
    town.shift.by = timedelta(days=29)
    assert (await scan(town, slip["short_code"])).content == STANDARD_TERMS
    (own,) = (await wang.get("/v1/me/slips")).json()["data"]
    assert own["state"] == "ended"


async def test_t8_it_is_for_one_venue_and_thirty_days_and_ends_when_it_is_stopped(town: City) -> None:
    """T8: another venue, the 30th day and a stop give the same standard terms."""
    wang, li = await reader(town), await reader(town, "li")
    slip, stopped = await new_slip(wang), await new_slip(wang)
    assert (await scan(town, slip["short_code"], "riverside-parking-1")).content == STANDARD_TERMS
    assert (await li.delete(f"/v1/me/slips/{stopped['slip_id']}")).status_code == 404
    assert (await li.get(f"/v1/me/slips/{stopped['slip_id']}.pdf")).status_code == 404
    assert (await wang.delete(f"/v1/me/slips/{stopped['slip_id']}")).status_code == 200
    assert (await scan(town, stopped["short_code"])).content == STANDARD_TERMS
    town.shift.by = timedelta(days=30)
    assert (await scan(town, slip["short_code"])).content == STANDARD_TERMS


async def test_its_quota_is_that_of_the_day_on_which_it_is_scanned(town: City) -> None:
    wang = await reader(town)
    first, second = await new_slip(wang), await new_slip(wang)
    assert (await scan(town, first["short_code"])).status_code == 201
    assert (await scan(town, second["short_code"])).content == STANDARD_TERMS
    town.shift.by = timedelta(days=1)
    assert (await scan(town, second["short_code"])).status_code == 201


async def test_its_code_is_sealed_and_indexed_without_a_key(town: City) -> None:
    wang = await reader(town)
    slip = await new_slip(wang)
    assert re.fullmatch(r"[2-9A-HJKMNP-Z]{16}", slip["short_code"])
    for table in ("ticket", "lasting_ticket"):
        assert slip["short_code"] not in str(await queries.fetch_all(f"SELECT * FROM {table}")), table
    exported = (await wang.get("/v1/me/export")).json()["lasting_tickets"]
    assert [(row["id"], row["kind"], row["code"]) for row in exported] == [
        (slip["slip_id"], "slip", slip["short_code"])
    ]


async def test_a_redeemed_slip_is_reversed_and_gives_its_quota_back(town: City) -> None:
    wang = await reader(town)
    first, second = await new_slip(wang), await new_slip(wang)
    redeemed = (await scan(town, first["short_code"])).json()
    path = f"/v1/venue/redemptions/{redeemed['redemption_id']}/reversal"
    assert (await town.venue().post(path, {"reason_code": "mistaken_scan"})).status_code == 200
    assert (await scan(town, first["short_code"])).content == STANDARD_TERMS
    assert (await scan(town, second["short_code"])).status_code == 201


async def test_the_self_audit_counts_a_slip_only_after_its_end(town: City) -> None:
    """A slip may know its person until it ends; two days old it is not overdue."""
    await new_slip(await reader(town))
    checks = (ticket_retention.TICKETS, ticket_retention.LASTING_TICKETS)
    for passed, overdue in ((timedelta(days=2), 0), (timedelta(days=30, hours=26), 1)):
        at = await queries.now() + passed
        assert [await check.count(queries.to_micros(at - check.age)) for check in checks] == [overdue] * 2
