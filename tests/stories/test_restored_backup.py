"""An older copy of the database is restored: nothing that ended comes back, on both engines."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from consent.database import queries, write_plan
from consent.database.migrate import MigrationsMissing
from consent.database.write_plan import Plan
from consent.kernel.fault_points import FaultPoint
from consent.rights import folder_repair
from consent.rights.folder_repair import DatabaseBehind
from consent.rights.tombstones import Tombstones
from consent.transparency import sequencer
from consent.transparency.log_folder import WrongFolder
from consent.transparency.logs import Log
from service.compliance import replay
from service.demo import seed
from service.jobs import background
from service.settings import Settings
from service.storage import database
from service.storage.pool import preparing
from tests.support import city
from tests.support.answers import PER_REQUEST_HEADERS
from tests.support.copies import copied
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.processes import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def test_nothing_that_ended_comes_back(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        for name in ("stays", "stops", "leaves", "returns"):
            who = town.resident(name)
            await who.volunteer(7_200, f"v-{name}")
            await who.consent_to_provider("city-library")
        await background.advance_logs(town.app_context)
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        for name in ("leaves", "returns"):
            await town.resident(name).delete("/v1/me")
        await town.resident("returns").volunteer(60, "v-returns")
        await background.advance_logs(town.app_context)

    async with city.running_city(older, demo_folder) as town:
        head = await sequencer.head(Log.CONSENT)
        assert head.frozen is not None
        assert not head.withheld
        assert await town.resident("stays").total() == 63
        for name in ("stops", "leaves", "returns"):
            who = town.resident(name)
            assert await who.total() == 0, name
            assert (await who.get("/v1/me/records")).json()["data"] == []
        assert {
            consent["state"] for consent in (await town.resident("stops").get("/v1/me/consents")).json()["data"]
        } == {"withdrawn"}
        assert (await town.resident("leaves").get("/v1/me/consents")).json()["data"] == []
        late = await town.source("volunteer-service").deliver(city.record("x", "v-leaves", "volunteer_minutes", 60))
        assert late["results"][0]["code"] == "not_authorised"
        again = await replay.replay_tombstones(town.app_context)
        assert (again.withdrawn, again.erased) == (0, 0)
        await background.advance_logs(town.app_context)
        assert (await sequencer.head(Log.CONSENT)).size == head.size

    async with city.running_city(city_settings, demo_folder) as town:
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        assert await town.resident("returns").total() == 1
        await replay.replay_tombstones(town.app_context)
        assert await town.resident("returns").total() == 1


@pytest.mark.both_engines
async def test_stopped_hints_stay_stopped_and_a_later_choice_stays(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        for name in ("stops", "changes"):
            await town.resident(name).replace("/v1/me/notifications", {"city_app": True})
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        for name in ("stops", "changes"):
            await town.resident(name).replace("/v1/me/notifications", {"city_app": False})
        await town.resident("changes").replace("/v1/me/notifications", {"city_app": True})
        await replay.replay_tombstones(town.app_context, from_the_start=True)
        assert (await town.resident("changes").get("/v1/me/notifications")).json()["city_app"] is True
    async with city.running_city(older, demo_folder) as town:
        assert (await town.resident("stops").get("/v1/me/notifications")).json()["city_app"] is False
        assert (await town.resident("stops").get("/v1/me/export")).json()["city_app_hints"] == []


@pytest.mark.parametrize("ending", ["withdraw", "withdraw all", "erase"])
async def test_what_ends_after_the_copy_and_before_the_next_publication_stays_ended(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest, ending: str
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        who = town.resident("wu")
        consent = await who.link("volunteer-service", "v-wu")
        await town.source("volunteer-service").deliver(city.record("v-1", "v-wu", "volunteer_minutes", 7_200))
        assert await who.total() > 0
        await background.advance_logs(town.app_context)
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        who = town.resident("wu")
        if ending == "withdraw":
            answer = await who.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
        elif ending == "withdraw all":
            answer = await who.post("/v1/me/withdrawals", {"scope": "all"})
        else:
            answer = await who.delete("/v1/me")
        assert answer.status_code == 200, answer.text

    async with city.running_city(older, demo_folder) as town:
        # The log has nothing to object: this copy continues the published checkpoint.
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        who = town.resident("wu")
        states = [row["state"] for row in (await who.get("/v1/me/consents")).json()["data"]]
        assert states == ([] if ending == "erase" else ["withdrawn"])
        assert await who.total() == 0
        late = await town.source("volunteer-service").deliver(city.record("v-2", "v-wu", "volunteer_minutes", 60))
        assert late["results"][0]["code"] == "not_authorised"
        await background.advance_logs(town.app_context)
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        again = await replay.replay_tombstones(town.app_context)
        assert (again.read, again.withdrawn, again.erased) == (0, 0, 0)
        everything = await replay.replay_tombstones(town.app_context, from_the_start=True)
        assert (everything.read, everything.withdrawn, everything.erased) == (1, 0, 0)


async def refuse_last_statement() -> None:
    """Let the database refuse the last statement of a withdrawal."""
    if queries.is_sqlite():
        await queries.execute_script(
            "CREATE TRIGGER refuse BEFORE DELETE ON snapshot BEGIN SELECT RAISE(ABORT, 'refused'); END;"
        )
        return
    await queries.execute_script(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;"
        "CREATE TRIGGER refuse BEFORE DELETE ON snapshot FOR EACH ROW EXECUTE FUNCTION refuse();"
    )


@pytest.mark.database_owner
async def test_what_was_refused_is_not_replayed_after_a_restore(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("wu").volunteer(7_200, "v-wu")
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        await refuse_last_statement()
        assert await town.resident("wu").total() == 63
        refused = await town.resident("wu").post("/v1/me/withdrawals", {"scope": "all"})
        assert refused.status_code >= 500, refused.text
        assert (town.app_context.tombstones.folder / "tombstones.d").exists()
        assert list(town.app_context.tombstones.read_all()) == []
    for settings in (city_settings, older):
        async with city.running_city(settings, demo_folder) as town:
            assert await town.resident("wu").total() == 63


@pytest.mark.processes
@pytest.mark.parametrize(
    "step", [FaultPoint.AFTER_COMMIT, pytest.param(FaultPoint.ENDING_RECORDED, marks=pytest.mark.campaign)]
)
async def test_a_withdrawal_whose_process_died_is_replayed_on_every_copy(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest, step: FaultPoint
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("wu").volunteer(7_200, "v-wu")
    older = copied(city_settings, tmp_path, request)
    folder = city_settings.publisher.folder
    died = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-m", "tests.support.dying_withdrawal", demo_folder, city_settings.database_url, folder, step],
        check=False,
        cwd=ROOT,
    )
    assert died.returncode == -signal.SIGKILL
    for settings in (city_settings, older):
        async with city.running_city(settings, demo_folder) as town:
            consents = (await town.resident("wu").get("/v1/me/consents")).json()["data"]
            assert [row["state"] for row in consents] == ["withdrawn"]
            assert await town.resident("wu").total() == 0


@pytest.mark.both_engines
async def test_a_lost_folder_is_written_again_from_the_newest_database(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        for name in ("stays", "stops", "leaves"):
            await town.resident(name).volunteer(7_200, f"v-{name}")
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        await town.resident("leaves").delete("/v1/me")
        await town.resident("leaves").consent_to_provider("city-library")
        await background.advance_logs(town.app_context)
    folder = city_settings.publisher.folder
    shutil.move(folder, tmp_path / "lost")
    folder.mkdir()
    with pytest.raises(WrongFolder, match="adopt-log-folder"):
        async with city.running_city(city_settings, demo_folder):
            pass
    await database.open_database(city_settings.database_url)
    store = Tombstones(folder)
    # One withdrawal, and the first events of the erased person: a consent to the source.
    assert (await folder_repair.adopt(city_settings.publisher, store)).tombstones == 2
    store.close()
    await database.close_database()
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stays").consent_to_provider("city-library")
        await background.advance_logs(town.app_context)
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        assert len((await town.resident("leaves").get("/v1/me/consents")).json()["data"]) == 1
        assert await town.resident("stays").total() == 63
    async with city.running_city(older, demo_folder) as town:
        assert [await town.resident(name).total() for name in ("stays", "stops", "leaves")] == [63, 0, 0]
        assert (await town.resident("leaves").get("/v1/me/consents")).json()["data"] == []
        with pytest.raises(DatabaseBehind):
            await folder_repair.adopt(older.publisher, town.app_context.tombstones)


async def test_two_databases_after_a_failover_cannot_both_publish(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await background.advance_logs(town.app_context)
    promoted = copied(city_settings, tmp_path, request)
    for settings, name in ((city_settings, "wu"), (promoted, "li")):
        async with city.running_city(settings, demo_folder) as town:
            await town.resident(name).consent_to_provider("city-library")
            await background.advance_logs(town.app_context)
            frozen = (await sequencer.head(Log.CONSENT)).frozen
            assert (frozen is not None) == (settings is promoted)
            # People are served by both, and what they end stays ended.
            assert (await town.resident(name).post("/v1/me/withdrawals", {"scope": "all"})).json() == {"withdrawn": 1}


async def test_a_running_service_catches_up_with_what_has_ended(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    published = city_settings.publisher.folder
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stays").volunteer(7_200, "v-stays")
        await town.resident("stops").volunteer(7_200, "v-stops")
        assert await town.resident("stops").total() == 63  # stored, and so it stands in the copy
        await background.advance_logs(town.app_context)
    older = copied(city_settings, tmp_path, request)
    shutil.copytree(published, tmp_path / "before")
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stops").post("/v1/me/withdrawals", {"scope": "all"})
        await background.advance_logs(town.app_context)
    shutil.copytree(published, tmp_path / "since")

    for since in ("tombstones.d", "checkpoints"):
        shutil.rmtree(published / since)
    shutil.copytree(tmp_path / "before", published, dirs_exist_ok=True)
    async with city.running_city(replace(older, integrate_seconds=0.05), demo_folder) as town:
        assert (await sequencer.head(Log.CONSENT)).frozen is None
        assert await town.resident("stops").total() == 63
        # The published checkpoint is ahead: the database under the service was restored from a backup.
        shutil.copytree(tmp_path / "since", published, dirs_exist_ok=True)
        for _ in range(400):
            head = await sequencer.head(Log.CONSENT)
            if head.frozen is not None and not head.withheld:
                break
            await asyncio.sleep(0.05)
        consents = (await town.resident("stops").get("/v1/me/consents")).json()["data"]
        assert {consent["state"] for consent in consents} == {"withdrawn"}
        assert await town.resident("stops").total() == 0
        assert await town.resident("stays").total() == 63


@pytest.mark.both_engines
@pytest.mark.parametrize("executor", ["single", "stepwise"])
async def test_nothing_is_used_while_records_are_withheld(
    town: city.City, executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who, other, venue = town.resident("wu"), town.resident("li"), town.venue()
    for resident in (who, other):
        await resident.volunteer(7_200, f"v-{resident.token[-8:]}")
        await resident.consent_to_provider("city-library")
    used, live, late = [(await resident.ticket())["handle"] for resident in (who, who, other)]
    assert (await venue.post("/v1/venue/redemptions", {"handle": used}, key="first")).status_code == 201
    assert await who.total() == 63
    await other.post("/v1/me/withdrawals", {"scope": "all"})
    if executor == "stepwise":
        monkeypatch.setattr(queries, "supports_multi_table_writes", lambda: False)
        town.app_context.catalogue.current = None
    await queries.execute("UPDATE log_head SET withheld = 1 WHERE log = 'consent'")
    before = await city.row_counts()

    answers = set()
    for path in ("/v1/venue/checks", "/v1/venue/redemptions"):
        for handle in (live, used, late, "0" * 32, "nonsense"):
            answer = await venue.post(path, {"handle": handle})
            named = {name: value for name, value in answer.headers.items() if name not in PER_REQUEST_HEADERS}
            body = {name: value for name, value in answer.json().items() if name != "request_id"}
            answers.add((answer.status_code, json.dumps(named), json.dumps(body), len(answer.content)))
    ((status, headers, problem, _),) = answers
    assert (status, json.loads(problem)["code"]) == (503, "records_withheld")
    assert "retry-after" in json.loads(headers)
    body = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
    for refused in (
        await who.get("/v1/me/points"),
        await who.get("/v1/me/points/explanation"),
        await who.get("/v1/me/benefits"),
        await who.post("/v1/me/tickets", body),
    ):
        assert (refused.status_code, refused.json()["code"]) == (503, "records_withheld")
    assert await city.row_counts() == before
    # A stored answer is replayed, and reveals nothing new.
    assert (await venue.post("/v1/venue/redemptions", {"handle": used}, key="first")).status_code == 201

    await queries.execute("UPDATE log_head SET withheld = 0 WHERE log = 'consent'")
    assert await who.total() == 63
    assert (await venue.post("/v1/venue/checks", {"handle": live})).json() == {"applies": False}  # one a day


@pytest.mark.both_engines
async def test_a_freeze_between_load_and_commit_undoes_all_of_it(
    town: city.City, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = town.resident("wu")
    await who.volunteer(7_200, "v-wu")
    await who.consent_to_provider("city-library")
    handle = (await who.ticket())["handle"]
    original = write_plan.commit

    async def late(plan: Plan) -> None:
        await queries.execute("UPDATE log_head SET withheld = 1 WHERE log = 'consent'")
        await original(plan)

    monkeypatch.setattr(write_plan, "commit", late)
    scanned = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert (scanned.status_code, scanned.json()["code"]) == (503, "records_withheld")
    assert await queries.fetch_all("SELECT 1 FROM redemption") == []


async def test_a_copy_that_is_not_behind_freezes_no_log(city_settings: Settings, demo_folder: Path) -> None:
    for _ in range(2):
        async with city.running_city(city_settings, demo_folder) as town:
            await town.resident("wang").request_notice(purpose="benefit.check", provider_id="city-library")
            await background.advance_logs(town.app_context)
            assert (await sequencer.head(Log.CONSENT)).frozen is None


@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_stopping_one_source_or_provider(city_settings: Settings, demo_folder: Path) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        wang = town.resident("wang")
        await wang.volunteer(7_200, "v-wang")
        await wang.consent_to_provider("city-library")
        await wang.consent_to_provider("riverside-parking")
        stopped = await wang.post("/v1/me/withdrawals", {"scope": "provider", "provider_id": "city-library"})
        assert stopped.json() == {"withdrawn": 1}
        two = await wang.post("/v1/me/withdrawals", {"scope": "source", "source_id": "volunteer-service"})
        assert two.json() == {"withdrawn": 1}
        states = {
            consent.get("provider_id"): consent["state"]
            for consent in (await wang.get("/v1/me/consents")).json()["data"]
        }
        assert states == {"city-library": "withdrawn", "riverside-parking": "given", None: "withdrawn"}
        for body in (
            {"scope": "source"},
            {"scope": "all", "source_id": "x1"},
            {"scope": "provider", "source_id": "x1"},
        ):
            assert (await wang.post("/v1/me/withdrawals", body)).status_code == 422, body


@pytest.mark.both_engines
async def test_a_database_without_migrations_is_refused_until_they_are_applied(
    empty_database_url: str, demo_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that was away at the start, or comes back with another database, is not served before `migrate`."""
    settings = replace(seed.settings_of(demo_folder), database_url=empty_database_url)
    if empty_database_url.startswith("sqlite"):
        with pytest.raises(MigrationsMissing, match="run `credit-easy migrate`"):
            async with city.running_city(settings, demo_folder):
                pass
        return
    async with city.running_city(settings, demo_folder) as town:
        for path in ("/readyz", "/v1/public/benefits"):
            assert (await town.client.get(path)).status_code == 503, path
        reasons = [record.__dict__.get("fields", {}).get("reason", "") for record in caplog.records]
        assert any("run `credit-easy migrate`" in reason for reason in reasons), reasons
        with preparing():
            await database.migrate_all(settings.keyring)
        async with asyncio.timeout(WAIT_SECONDS):
            while (await town.client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
