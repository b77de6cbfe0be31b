"""Published leaves are lost for good: the log begins a new epoch, which says so, and nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from consent.database import queries
from consent.events import ledger
from consent.transparency import sequencer
from consent.transparency.checkpoint import Checkpoint
from consent.transparency.log_epochs import NothingLost
from consent.transparency.logs import Log
from consent.verification import logs
from service.compliance import new_log_epoch
from service.jobs import background
from service.settings import Settings
from tests.support import city
from tests.support.city import City
from tests.support.copies import copied

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

REASON = "The database's disk was lost on 28 November; the newest backup is of the night before."


@dataclass(frozen=True)
class Loss:
    """An older copy of a city's database, and what was published after it: sizes by log, a receipt, the key set."""

    older: Settings
    published: dict[Log, int]
    receipt: dict[str, Any]
    jwks: dict[str, Any]
    log_key: str


@pytest.fixture
async def loss(city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Loss:
    """A city that published leaves of both logs after its backup; the newest database is gone."""
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stays").volunteer(7_200, "v-stays")
        await advance(town)
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        late = town.resident("late")
        given = await late.consent_to_provider("city-library")
        await town.resident("stays").post("/v1/me/withdrawals", {"scope": "all"})
        async with queries.transaction():
            await ledger.enqueue_policy_leaf("key", "key:lost", 1, "0" * 64, await queries.now())
        await advance(town)
        return Loss(
            older,
            {log: (await sequencer.head(log)).size for log in Log},
            (await late.get(f"/v1/me/consents/{given['consent_id']}/receipt")).json(),
            (await town.client.get("/.well-known/jwks.json")).json(),
            (await listed(town, "consent"))["verifier_key"],
        )


async def advance(town: City) -> None:
    await background.log_keys_and_barred_uses(town.app_context)
    await background.advance_logs(town.app_context)


async def listed(town: City, log: str) -> dict[str, Any]:
    """Return what the public API says of a log."""
    data = (await town.client.get("/v1/public/logs")).json()["data"]
    return next(row for row in data if row["name"] == log)


async def faults(town: City) -> list[str]:
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    return [f"{report.fault.where}: {report.fault.what}" for report in reports.values() if report.fault]


async def test_a_log_that_lost_leaves_for_good_begins_a_new_epoch(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        publisher = town.app_context.settings.publisher
        before = {log: await sequencer.head(log) for log in Log}
        assert all(head.frozen and head.size < loss.published[log] for log, head in before.items())
        for log in Log:
            start = await new_log_epoch.begin(town.app_context, log, REASON)
            assert (start.epoch, start.published, start.leaves) == (2, loss.published[log], before[log].size)
            assert start.first_lost == before[log].size
        await town.resident("new").consent_to_provider("city-library")
        await advance(town)
        for log in Log:
            head = await sequencer.head(log)
            assert (head.frozen, head.withheld) == (None, False)
            assert head.size > before[log].size
            assert Checkpoint.of_stored(head.note or "").origin == f"{publisher.signer.name}/{log}/2"
        assert await faults(town) == []
        # The withdrawal of the lost days counts, although its leaf is lost.
        assert await town.resident("stays").total() == 0
    async with city.running_city(loss.older, demo_folder) as town:
        assert [(await sequencer.head(log)).frozen for log in Log] == [None, None]
        for log in Log:
            with pytest.raises(NothingLost):
                await new_log_epoch.begin(town.app_context, log, REASON)
