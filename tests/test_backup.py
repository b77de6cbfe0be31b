"""An older copy of the database is restored: nothing that ended comes back, on both engines."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from consent import database, sequencer
from consent.ledger import Log
from consent.tombstones import Tombstones
from service import erasures, housekeeping
from service.settings import Settings
from tests import cities, servers

pytestmark = pytest.mark.anyio


def copied(settings: Settings, folder: Path, request: pytest.FixtureRequest) -> Settings:
    """The settings of a copy of the database, with the same outside folder."""
    if settings.database_url.startswith("sqlite://"):
        older = folder / "older.sqlite3"
        shutil.copy(settings.database_url.removeprefix("sqlite://"), older)
        return replace(settings, database_url=f"sqlite://{older}")
    server: servers.Postgres = request.getfixturevalue("postgres")
    return replace(settings, database_url=server.create(servers.name_of(settings.database_url)))


async def test_nothing_that_ended_comes_back(
    town_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with cities.town(town_settings, demo_folder) as town:
        for name in ("stays", "stops", "leaves", "returns"):
            who = town.resident(name)
            await who.volunteer(7_200, f"v-{name}")
            await who.consent_to_provider("city-library")
        await housekeeping.advance(town.city)
    older = copied(town_settings, tmp_path, request)
    async with cities.town(town_settings, demo_folder) as town:
        await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        for name in ("leaves", "returns"):
            await town.resident(name).delete("/v1/me")
        await town.resident("returns").volunteer(60, "v-returns")
        await housekeeping.advance(town.city)

    async with cities.town(older, demo_folder) as town:
        head = await sequencer.head(Log.CONSENT)
        assert head.frozen is not None
        assert not head.withheld
        assert await town.resident("stays").total() == 63
        for name in ("stops", "leaves", "returns"):
            who = town.resident(name)
            assert await who.total() == 0, name
            assert (await who.get("/v1/me/records")).json()["data"] == []
        assert {one["state"] for one in (await town.resident("stops").get("/v1/me/consents")).json()["data"]} == {
            "withdrawn"
        }
        assert (await town.resident("leaves").get("/v1/me/consents")).json()["data"] == []
        late = await town.source("volunteer-service").deliver(cities.record("x", "v-leaves", "volunteer_minutes", 60))
        assert late["results"][0]["code"] == "not_authorised"
        again = await erasures.replay(town.city)
        assert (again.withdrawn, again.erased) == (0, 0)
        await housekeeping.advance(town.city)
        assert (await sequencer.head(Log.CONSENT)).size == head.size

    async with cities.town(town_settings, demo_folder) as town:
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        assert await town.resident("returns").total() == 1
        await erasures.replay(town.city)
        assert await town.resident("returns").total() == 1


async def test_a_copy_that_is_not_behind_goes_on(town_settings: Settings, demo_folder: Path) -> None:
    for _ in range(2):
        async with cities.town(town_settings, demo_folder) as town:
            await town.resident("wang").ask(purpose="benefit.check", provider_id="city-library")
            await housekeeping.advance(town.city)
            assert (await sequencer.head(Log.CONSENT)).frozen is None


@pytest.mark.parametrize("town_settings", ["sqlite"], indirect=True)
async def test_stopping_one_source_or_provider(town_settings: Settings, demo_folder: Path) -> None:
    async with cities.town(town_settings, demo_folder) as town:
        wang = town.resident("wang")
        await wang.volunteer(7_200, "v-wang")
        await wang.consent_to_provider("city-library")
        await wang.consent_to_provider("riverside-parking")
        one = await wang.post("/v1/me/withdrawals", {"scope": "provider", "provider_id": "city-library"})
        assert one.json() == {"withdrawn": 1}
        two = await wang.post("/v1/me/withdrawals", {"scope": "source", "source_id": "volunteer-service"})
        assert two.json() == {"withdrawn": 1}
        states = {one.get("provider_id"): one["state"] for one in (await wang.get("/v1/me/consents")).json()["data"]}
        assert states == {"city-library": "withdrawn", "riverside-parking": "given", None: "withdrawn"}
        for body in (
            {"scope": "source"},
            {"scope": "all", "source_id": "x1"},
            {"scope": "provider", "source_id": "x1"},
        ):
            assert (await wang.post("/v1/me/withdrawals", body)).status_code == 422, body


def test_tombstones_name_nobody_and_survive_a_torn_line(tmp_path: Path) -> None:
    kept, at = Tombstones(tmp_path), datetime(2026, 11, 23, tzinfo=UTC)
    assert list(kept.read()) == []
    kept.withdrawn("c1", at)
    with kept.path.open("a") as file:
        file.write('{"kind": "withdr')
    kept.erased("i1", at)
    assert [(one.kind, one.name) for one in kept.read()] == [("withdrawn", "c1"), ("erased", "i1")]
    assert kept.path.stat().st_mode & 0o077 == 0
    assert set(json.loads(kept.path.read_text().splitlines()[0])) == {"kind", "name", "at"}


async def test_a_database_without_tables_is_not_held_against_anything(
    empty_database_url: str, demo_folder: Path
) -> None:
    from service import demo, store

    settings = replace(demo.settings_of(demo_folder), database_url=empty_database_url)
    async with cities.town(settings, demo_folder) as town:
        ready = await town.client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["migrations"]) == (503, False)
        assert await store.missing_migrations()
        assert await database.rows("SELECT 1 AS one") == [{"one": 1}]
