"""A redemption in two round trips: the same as the long way in every row, and never where something is unusual."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from benefits.redemption import express
from consent.database import queries
from consent.records import gate
from consent.verification import logs
from tests.factories import administrator
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

ROWS = {
    "redemption": "benefit_id, benefit_version, venue_id, day, state, runs_until, reversal_reason",
    "quota_use": "quota_key, taken, ends_on",
    "event": "number, kind, at",
}
REDEEMED = "benefit.redeemed"


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which way each redemption went, in order."""
    taken: list[str] = []
    original: Callable[..., Awaitable[Any]] = express.redeem

    async def noted(*values: Any, **named: Any) -> Any:
        found = await original(*values, **named)
        taken.append("swift" if found is not None else "usual")
        return found

    monkeypatch.setattr(express, "redeem", noted)
    return taken


async def ready(town: City, name: str = "wu") -> tuple[Any, str]:
    who = town.resident(name)
    await who.volunteer(7_200, f"v-{name}")
    await who.consent_to_provider("city-library")
    return who, (await who.ticket())["handle"]


async def rows() -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table, columns in ROWS.items():
        where = f" WHERE kind = '{REDEEMED}'" if table == "event" else ""
        found[table] = await queries.fetch_all(f"SELECT {columns} FROM {table}{where}")
    return found


async def test_both_ways_leave_the_same_rows(town: City, ways: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _, handle = await ready(town)
    venue = town.venue()
    first = await venue.post("/v1/venue/redemptions", {"handle": handle}, key="one")
    assert first.status_code == 201
    assert ways == ([] if queries.is_sqlite() else ["swift"])
    swift = await rows()
    again = await venue.post("/v1/venue/redemptions", {"handle": handle}, key="one")
    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    taken_back = await venue.post(
        f"/v1/venue/redemptions/{first.json()['redemption_id']}/reversal", {"reason_code": "mistaken_scan"}
    )
    assert taken_back.status_code == 200
    async with queries.transaction():
        for table in ("redemption", "quota_use", "ticket"):
            await queries.execute(f"DELETE FROM {table}")
    monkeypatch.setattr(queries, "supports_multi_table_writes", lambda: False)
    handle = (await town.resident("wu").ticket())["handle"]
    other = await venue.post("/v1/venue/redemptions", {"handle": handle})
    assert {**other.json(), "redemption_id": ""} == {**first.json(), "redemption_id": ""}
    usual = await rows()
    assert usual["redemption"] == swift["redemption"]
    assert usual["quota_use"] == swift["quota_use"]
    assert [one["kind"] for one in usual["event"]] == [REDEEMED, REDEEMED]
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)


async def test_a_redemption_shows_in_the_access_log_once(town: City, ways: list[str]) -> None:
    who, handle = await ready(town)
    await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    uses = (await who.get("/v1/me/access-log")).json()["data"]
    assert [one["outcome"] for one in uses if one["what"] == "library-deposit"] == ["applies", "issued"]
    assert "usual" not in ways


async def test_what_is_unusual_goes_the_usual_way(town: City, ways: list[str]) -> None:
    who, handle = await ready(town)
    venue = town.venue()
    ordinary = b'{"applies":false}'
    assert (await venue.post("/v1/venue/redemptions", {"handle": "0" * 32})).content == ordinary
    foreign = await town.venue("riverside-parking-1").post("/v1/venue/redemptions", {"handle": handle})
    assert foreign.content == ordinary
    # Points that must be computed first: what was delivered since made the stored ones void.
    await town.source("volunteer-service").deliver(
        {"record_id": "more", "account": "v-wu", "kind": "volunteer_minutes", "quantity": 60,
         "occurred_on": f"{await town.last_year()}-12-31"}
    )  # fmt: skip
    assert (await venue.post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    # Spent, and the day's quota with it.
    assert (await venue.post("/v1/venue/redemptions", {"handle": handle})).content == ordinary
    assert "swift" not in ways
    # Suspended between issue and scan: any act on the catalogue is seen in the look itself.
    other, handle = await ready(town, "chen")
    assert (await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")).status_code == 200
    assert (await venue.post("/v1/venue/redemptions", {"handle": handle})).content == ordinary
    assert "swift" not in ways
    assert (await other.get("/v1/me/points")).status_code == 200
    assert (await who.get("/v1/me/points")).status_code == 200


async def test_what_changes_between_look_and_statement_undoes_all_of_it(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite has no statement that writes several tables")
    who, handle = await ready(town)
    original = gate.permit_at_once
    consents = (await who.get("/v1/me/consents")).json()["data"]
    provider = next(one["consent_id"] for one in consents if one["purpose"] == "benefit.check")

    async def late(*values: Any) -> bool:
        answer = await who.post(f"/v1/me/consents/{provider}/withdraw")
        assert answer.status_code == 200
        return await original(*values)

    monkeypatch.setattr(gate, "permit_at_once", late)
    scanned = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert scanned.content == b'{"applies":false}'
    assert await queries.fetch_all("SELECT 1 FROM redemption") == []
    assert await queries.fetch_all("SELECT 1 FROM quota_use WHERE taken > 0") == []
    assert await queries.fetch_all(f"SELECT 1 FROM event WHERE kind = '{REDEEMED}'") == []


@pytest.mark.parametrize("awaited", ["person", "ticket"])
async def test_what_is_suspended_while_the_statement_waits_undoes_all_of_it(
    town: City, ways: list[str], awaited: str
) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite has no statement that writes several tables")
    _, handle = await ready(town)
    other = await asyncpg.connect(town.app_context.settings.database_url.replace("postgres://", "postgresql://", 1))
    holding = other.transaction()
    await holding.start()
    assert await other.fetch(f"SELECT 1 FROM {awaited} WHERE person_id = (SELECT person_id FROM ticket) FOR UPDATE")
    scanning = asyncio.create_task(town.venue().post("/v1/venue/redemptions", {"handle": handle}))
    for _ in range(200):
        if await other.fetch("SELECT 1 FROM pg_locks WHERE NOT granted"):
            break
        await asyncio.sleep(0.02)
    suspended = await administrator(town).post("/v1/admin/benefits/library-deposit/versions/1/suspend")
    assert suspended.status_code == 200
    assert not scanning.done()
    await holding.rollback()
    await other.close()
    assert (await scanning).content == b'{"applies":false}'
    assert ways == ["usual"]
    assert await queries.fetch_all("SELECT 1 FROM redemption") == []
    assert await queries.fetch_all("SELECT 1 FROM quota_use WHERE taken > 0") == []


async def test_many_handles_of_one_person_at_once_keep_the_chain_whole(town: City) -> None:
    who = town.resident("wu")
    await who.volunteer(7_200, "v-wu")
    await who.consent_to_provider("city-library")
    venue, handles = town.venue(), [(await who.ticket())["handle"] for _ in range(12)]
    answers = await asyncio.gather(*(venue.post("/v1/venue/redemptions", {"handle": one}) for one in handles))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]  # one a day
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert reports["chains"].fault is None
