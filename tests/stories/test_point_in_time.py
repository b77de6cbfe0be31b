"""PostgreSQL is restored to an instant between two acts, as the docs say: nothing that ended later comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from consent.transparency import sequencer
from consent.transparency.logs import Log
from service.compliance import new_log_epoch, replay
from service.demo import seed
from service.jobs import background
from service.settings import Settings
from tests.support import city, servers
from tests.support.archiving import archiving_postgres
from tests.support.city import record
from tests.support.seeding import seed_database

pytestmark = [pytest.mark.anyio, pytest.mark.processes]
LATE_RECORD = record("late-1", "v-stays", "volunteer_minutes", 600)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    return folder


async def seeded(server: servers.Postgres, demo_folder: Path, published: Path) -> Settings:
    """Seed a city on the server; return its settings, as the service's role."""
    owned = server.create()
    server.create_service_role()
    chosen = seed.settings_of(demo_folder)
    chosen = replace(
        chosen,
        database_url=owned,
        publisher=replace(chosen.publisher, folder=published),
        integrate_seconds=3_600,
    )
    await seed_database(chosen, service_role=servers.SERVICE_ROLE)
    return replace(chosen, database_url=server.url(servers.name_of(owned), servers.SERVICE_ROLE))


async def act_before(settings: Settings, demo_folder: Path) -> None:
    async with city.running_city(settings, demo_folder) as town:
        for name in ("stays", "stops", "leaves"):
            await town.resident(name).volunteer(7_200, f"v-{name}")
            await town.resident(name).consent_to_provider("city-library")
        await background.advance_logs(town.app_context)


async def act_after(settings: Settings, demo_folder: Path) -> None:
    """Withdraw, leave, join and earn; every act is acknowledged and published."""
    async with city.running_city(settings, demo_folder) as town:
        withdrawn = await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        assert withdrawn.json() == {"withdrawn": 2}
        assert (await town.resident("leaves").delete("/v1/me")).status_code == 200
        await town.resident("joins").volunteer(7_200, "v-joins")
        delivered = await town.source("volunteer-service").deliver(LATE_RECORD)
        assert delivered["accepted"] == 1
        await background.advance_logs(town.app_context)


async def test_what_ended_after_the_instant_stays_ended(demo_folder: Path, tmp_path: Path, published: Path) -> None:
    with archiving_postgres() as archive:
        settings = await seeded(archive.server, demo_folder, published)
        archive.back_up()
        await act_before(settings, demo_folder)
        instant = archive.server.psql("SELECT clock_timestamp()").split("\n")[2].strip()
        await act_after(settings, demo_folder)
        archive.archive_until_now()
        archive.server.stop()
        name = servers.name_of(settings.database_url)
        with archive.restored(instant) as server:
            older = replace(settings, database_url=server.url(name, servers.SERVICE_ROLE))
            async with city.running_city(older, demo_folder) as town:
                await require_ended(town)
                await require_usable(town)
                await new_log_epoch.begin(town.app_context, Log.CONSENT, "The disk was lost, and with it some minutes.")
                await background.advance_logs(town.app_context)
                assert (await sequencer.head(Log.CONSENT)).frozen is None


async def require_ended(town: city.City) -> None:
    """The tombstones were replayed, and what was committed after the instant is lost."""
    stops, leaves = town.resident("stops"), town.resident("leaves")
    consents = (await stops.get("/v1/me/consents")).json()["data"]
    assert [consent["state"] for consent in consents] == ["withdrawn", "withdrawn"]
    assert await stops.total() == 0
    assert (await stops.get("/v1/me/records")).json()["data"] == []
    assert (await leaves.get("/v1/me/consents")).json()["data"] == []
    assert await leaves.total() == 0
    assert (await town.resident("joins").get("/v1/me/consents")).json()["data"] == []
    assert await town.resident("stays").total() == 63
    again = await replay.replay_tombstones(town.app_context, from_the_start=True)
    assert (again.read, again.withdrawn, again.erased) == (3, 0, 0)


async def require_usable(town: city.City) -> None:
    """The logs are frozen behind their checkpoints; everything else works, and sources deliver what was lost."""
    for log in Log:
        await background.advance_logs(town.app_context)
        head = await sequencer.head(log)
        assert (head.frozen is not None) == (log is Log.CONSENT)
        assert not head.withheld
    late = record("late-2", "v-stops", "volunteer_minutes", 60)
    refused = await town.source("volunteer-service").deliver(late)
    assert refused["results"][0]["code"] == "not_authorised"
    assert (await town.source("volunteer-service").deliver(LATE_RECORD))["accepted"] == 1
    assert await town.resident("stays").total() > 63
    joins = town.resident("joins")
    await joins.volunteer(7_200, "v-joins")
    assert await joins.total() == 63
    assert (await joins.post("/v1/me/withdrawals", {"scope": "all"})).json() == {"withdrawn": 1}
