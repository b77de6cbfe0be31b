"""Published leaves are lost for good: the log begins a new epoch, which says so, and nothing else changes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from consent.database import queries
from consent.events import ledger
from consent.kernel.canonical_json import sha256_of
from consent.kernel.fault_points import FaultPoint
from consent.rights import folder_repair
from consent.rights.tombstones import Tombstones
from consent.transparency import log_epochs, publication, sequencer
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteKey, open_note
from consent.transparency.log_epochs import NothingLost, ReasonUnfit
from consent.transparency.logs import Log
from consent.transparency.publication import FolderBehind
from consent.verification import logs
from service.compliance import new_log_epoch, verify_receipt
from service.compliance.new_log_epoch import DatabaseDamaged
from service.compliance.verify_receipt import ReceiptRefused
from service.jobs import background
from service.logs import archive, witness
from service.observability import metrics
from service.settings import Settings
from service.storage import database
from tests.support import city, dying_epoch
from tests.support.browsing import Browser
from tests.support.city import City
from tests.support.copies import copied
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.processes import Process

pytestmark = pytest.mark.anyio

REASON = "The database's disk was lost on 28 November; the newest backup is of the night before."


@dataclass(frozen=True)
class Loss:
    """An older copy of a city's database, and what was published: sizes by log, and what people and others have of it.

    `early` is a receipt from before the copy, `late` one of a consent that the copy lacks.
    """

    older: Settings
    published: dict[Log, int]
    early: dict[str, Any]
    late: dict[str, Any]
    jwks: dict[str, Any]
    log_key: str
    archive: Path


@pytest.fixture
async def loss(city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Loss:
    """A city that published leaves of both logs after its backup; the newest database is gone."""
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("stays").volunteer(7_200, "v-stays")
        first = await town.resident("early").consent_to_provider("city-library")
        await advance(town)
        early = await receipt(town, "early", first["consent_id"])
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        late = town.resident("late")
        given = await late.consent_to_provider("city-library")
        await town.resident("stays").post("/v1/me/withdrawals", {"scope": "all"})
        await grow_policy(town, "lost")
        await archive.write(town.app_context, tmp_path / "archive")
        return Loss(
            older,
            {log: (await sequencer.head(log)).size for log in Log},
            early,
            await receipt(town, "late", given["consent_id"]),
            (await town.client.get("/.well-known/jwks.json")).json(),
            (await listed(town, "consent"))["verifier_key"],
            tmp_path / "archive",
        )


async def receipt(town: City, name: str, consent_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await town.resident(name).get(f"/v1/me/consents/{consent_id}/receipt")).json()
    return answer


async def advance(town: City) -> None:
    await background.log_keys_and_barred_uses(town.app_context)
    await background.advance_logs(town.app_context)


async def grow_policy(town: City, name: str) -> None:
    """Publish one more leaf of the policy log."""
    async with queries.transaction():
        await ledger.enqueue_policy_leaf("key", f"key:{name}", 1, "0" * 64, await queries.now())
    await advance(town)


async def begin_both(town: City) -> None:
    for log in Log:
        await new_log_epoch.begin(town.app_context, log, REASON)
    await advance(town)


async def listed(town: City, log: str) -> dict[str, Any]:
    """Return what the public API says of a log."""
    data = (await town.client.get("/v1/public/logs")).json()["data"]
    return next(row for row in data if row["name"] == log)


async def faults(town: City) -> list[str]:
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    return [f"{report.fault.where}: {report.fault.what}" for report in reports.values() if report.fault]


@pytest.mark.both_engines(everyday=False)
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
            assert f'credit_easy_log_epoch{{log="{log}"}} 2.0' in metrics.text().decode()
        assert await faults(town) == []
        # The withdrawal of the lost days counts, although its leaf is lost.
        assert await town.resident("stays").total() == 0
    async with city.running_city(loss.older, demo_folder) as town:
        assert [(await sequencer.head(log)).frozen for log in Log] == [None, None]
        for log in Log:
            with pytest.raises(NothingLost):
                await new_log_epoch.begin(town.app_context, log, REASON)


async def test_everybody_can_read_that_leaves_were_lost_when_and_why(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        await begin_both(town)
        for log in Log:
            row = await listed(town, log)
            (ended,) = row["previous"]
            assert (row["epoch"], ended["epoch"], ended["reason"]) == (2, 1, REASON)
            assert ended["size"] == loss.published[log] > ended["first_lost"] > 0
            old_key, new_key = NoteKey.parse(ended["verifier_key"]), NoteKey.parse(row["verifier_key"])
            assert Checkpoint.parse(open_note(ended["checkpoint"], old_key)).size == ended["size"]
            assert Checkpoint.parse(open_note(ended["next_checkpoint"], new_key)).size == ended["first_lost"]
            for epoch, note in ((1, ended["checkpoint"]), (2, (await town.client.get(f"/log/{log}/checkpoint")).text)):
                assert (await town.client.get(f"/log/{log}/epochs/{epoch}/checkpoint")).text == note
            assert (await town.client.get(f"/log/{log}/epochs/3/checkpoint")).status_code == 404
            assert (await town.client.get(f"/log/{log}/check")).json()["sound"]
            # The policy log has the announcement; its document is served by its hash.
            document = (await town.client.get(f"/v1/public/documents/{ended['announcement']}")).json()
            assert sha256_of(document) == ended["announcement"]
            assert (document["log"], document["epoch"], document["reason"]) == (log, 2, REASON)
            assert (document["previous"]["size"], document["first"]["size"]) == (ended["size"], ended["first_lost"])
        entries = (await town.client.get("/log/policy/entries")).json()["data"]
        announced = [entry["leaf"]["id"] for entry in entries if entry["leaf"]["kind"] == "log_epoch"]
        assert len(announced) == len(set(announced)) == 2
        for language, words in (("en", "were lost and cannot be restored"), ("zh-CN", "永久丢失")):
            browser = await Browser(town, language).go("/logs")
            assert browser.text.count(words) == 2
            assert browser.text.count(REASON) == 2


async def test_tiles_that_are_left_are_served_and_lost_ones_are_named(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        left, published = (await sequencer.head(Log.CONSENT)).size, loss.published[Log.CONSENT]
        assert published < 256
        await begin_both(town)
        tile = f"tile/0/000.p/{left}"
        for path, caching in ((f"epochs/1/{tile}", "immutable"), (f"epochs/2/{tile}", "immutable"), (tile, "no-cache")):
            answer = await town.client.get(f"/log/consent/{path}")
            assert (answer.status_code, len(answer.content)) == (200, left * 32)
            assert caching in answer.headers["cache-control"]
        lost = await town.client.get(f"/log/consent/epochs/1/tile/0/000.p/{published}")
        assert (lost.status_code, lost.json()["code"]) == (410, "leaves_lost")
        for absent in (f"1/tile/0/000.p/{published + 1}", "2/tile/0/001", "1/tile/x/000", f"0/{tile}", f"01/{tile}"):
            assert (await town.client.get(f"/log/consent/epochs/{absent}")).status_code == 404, absent


async def test_receipts_of_the_ended_epoch_verify_and_say_what_was_lost(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        await begin_both(town)
        public = (await town.client.get("/v1/public/logs")).json()
        renewed = await receipt(town, "early", loss.early["receipt"]["record_id"])
        gone = await town.resident("late").get(f"/v1/me/consents/{loss.late['receipt']['record_id']}/receipt")
        assert gone.status_code == 404
    for answer, words in (
        (loss.early, "in epoch 1, which ended; it is in the running epoch too"),
        (loss.late, "the log has lost it since, and this receipt is its proof"),
        (renewed, "leaves"),
    ):
        assert verify_receipt.verify(answer, loss.jwks, None, public)[-1].endswith(words)
    # Without the list of epochs, the key of the ended one verifies as before.
    assert len(verify_receipt.verify(loss.late, loss.jwks, [loss.log_key])) == 3
    with pytest.raises(ReceiptRefused):
        verify_receipt.verify(renewed, loss.jwks, [loss.log_key])


async def test_an_announcement_that_hides_leaves_is_proven_false_by_a_receipt(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        await begin_both(town)
        public = (await town.client.get("/v1/public/logs")).json()
        signer = town.app_context.settings.publisher.signer_of(Log.CONSENT)
    (ended,) = next(row for row in public["data"] if row["name"] == "consent")["previous"]
    true_note = ended["checkpoint"]
    for size in (ended["size"] - 1, ended["size"]):
        ended["checkpoint"] = signer.sign(Checkpoint(signer.name, size, bytes(32)).text())
        with pytest.raises(ReceiptRefused, match="hides leaves"):
            verify_receipt.verify(loss.late, loss.jwks, None, public)
    ended["checkpoint"] = true_note
    verify_receipt.verify(loss.late, loss.jwks, None, public)
    next(row for row in public["data"] if row["name"] == "consent")["previous"] = []
    with pytest.raises(ReceiptRefused, match="does not admit"):
        verify_receipt.verify(loss.late, loss.jwks, None, public)


@pytest.mark.both_engines(everyday=False)
async def test_verify_log_checks_both_epochs_and_counts_what_was_lost(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        await begin_both(town)
        settings = town.app_context.settings
        reports = await logs.check_all(settings.keyring, settings.publisher)
        for log in Log:
            ended = reports[f"{log} epoch 1"]
            assert (ended.fault, ended.size) == (None, loss.published[log])
            assert ended.lost == ended.size - ended.checked > 0
            assert (reports[log].fault, reports[log].lost) == (None, 0)
        # A tree that does not continue what the epochs have signed is a fault of the log, announced or not.
        start = (await log_epochs.starts(Log.CONSENT))[0]
        signer = settings.publisher.signer_of(Log.CONSENT, 2)
        other = replace(start, first=signer.sign(Checkpoint(signer.name, start.leaves, bytes(32)).text()))
        await queries.execute("DROP TRIGGER log_epoch_no_update") if queries.is_sqlite() else None
        if queries.is_sqlite():
            await queries.execute(
                "UPDATE log_epoch SET document = $1 WHERE log = 'consent'", json.dumps(other.document())
            )
            assert sorted(await faults(town)) == [
                "consent epoch 1: epoch 2 is not announced",
                "consent: the signed root is not the root of these leaves",
            ]


@pytest.mark.both_engines
async def test_nothing_begins_without_a_loss_a_reason_or_a_sound_database(
    city_settings: Settings, loss: Loss, demo_folder: Path, tmp_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        for log in Log:
            with pytest.raises(NothingLost):
                await new_log_epoch.begin(town.app_context, log, REASON)
            assert (await sequencer.head(log)).frozen is None
        for unfit in ("", "   short ", "x" * 501, "two\nlines of text", "a control\x07 character"):
            with pytest.raises(ReasonUnfit):
                await new_log_epoch.begin(town.app_context, Log.CONSENT, unfit)
    folder = loss.older.publisher.folder
    async with city.running_city(loss.older, demo_folder) as town:
        tiles_of = "log = 'consent' AND level = 0 AND number = 0"
        (tile,) = await queries.fetch_all(f"SELECT hashes FROM log_tile WHERE {tiles_of}")
        harmed = bytes([tile["hashes"][0] ^ 1]) + bytes(tile["hashes"])[1:]
        await queries.execute(f"UPDATE log_tile SET hashes = $1 WHERE {tiles_of}", harmed)
        with pytest.raises(DatabaseDamaged, match="the hash is not the one of its leaves"):
            await new_log_epoch.begin(town.app_context, Log.CONSENT, REASON)
        await queries.execute(f"UPDATE log_tile SET hashes = $1 WHERE {tiles_of}", bytes(tile["hashes"]))
        shutil.copytree(folder / "checkpoints", tmp_path / "kept")
        shutil.rmtree(folder / "checkpoints" / "consent")
        (folder / "consent.checkpoint").unlink()
        with pytest.raises(FolderBehind):
            await new_log_epoch.begin(town.app_context, Log.CONSENT, REASON)
        shutil.copytree(tmp_path / "kept", folder / "checkpoints", dirs_exist_ok=True)
        assert publication.epoch_starts(loss.older.publisher, Log.CONSENT) == []
        await begin_both(town)
        assert await faults(town) == []


# Hosts, deaths, and further losses ----------------------------------------------------------------------------------


@pytest.mark.both_engines(everyday=False)
async def test_of_two_hosts_on_one_database_one_begins_the_epoch(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        begun = await asyncio.gather(
            *(new_log_epoch.begin(town.app_context, Log.CONSENT, f"{REASON} {host}") for host in "ab"),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in begun) == ["LogEpochStart", "NothingLost"]
        assert len(await log_epochs.starts(Log.CONSENT)) == 1
        await begin_policy_and_check(town)


async def begin_policy_and_check(town: City) -> None:
    """Begin an epoch of the policy log too, publish, and check both logs."""
    await new_log_epoch.begin(town.app_context, Log.POLICY, REASON)
    await town.resident("new").consent_to_provider("city-library")
    await advance(town)
    assert [(await sequencer.head(log)).frozen for log in Log] == [None, None]
    assert await faults(town) == []


@pytest.mark.processes
async def test_of_two_equal_databases_one_goes_further(
    loss: Loss, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "second").mkdir()
    copies = (loss.older, copied(loss.older, tmp_path / "second", request))
    running = [dying_epoch.start(settings, demo_folder, Log.CONSENT, REASON) for settings in copies]
    codes = [process.wait() for process in running]
    # Both begin the same tree, so the slower one may find its epoch begun; or it is refused.
    assert codes in ([0, 0], [0, dying_epoch.REFUSED], [dying_epoch.REFUSED, 0])
    assert len(publication.epoch_starts(loss.older.publisher, Log.CONSENT)) == 1
    frozen = []
    for settings in copies:
        async with city.running_city(settings, demo_folder) as town:
            await town.resident("new").consent_to_provider("city-library")
            await advance(town)
            frozen.append((await sequencer.head(Log.CONSENT)).frozen is not None)
    assert sorted(frozen) == [False, True]


@pytest.mark.processes
@pytest.mark.both_engines
@pytest.mark.parametrize("point", [FaultPoint.FILE_DRAFTED, FaultPoint.EPOCH_BEGUN, FaultPoint.FILE_REPLACED])
async def test_a_command_that_was_killed_is_run_again(loss: Loss, demo_folder: Path, point: FaultPoint) -> None:
    died = dying_epoch.start(loss.older, demo_folder, Log.CONSENT, f"{REASON} 1", point).wait()
    assert died == -signal.SIGKILL
    begun = publication.epoch_starts(loss.older.publisher, Log.CONSENT)
    assert len(begun) == (0 if point is FaultPoint.FILE_DRAFTED else 1)
    async with city.running_city(loss.older, demo_folder) as town:
        await advance(town)
        assert (await sequencer.head(Log.CONSENT)).frozen is not None
        start = await new_log_epoch.begin(town.app_context, Log.CONSENT, f"{REASON} 2")
        assert (start.epoch, start.reason[-1]) == (2, "1" if begun else "2")
        assert publication.epoch_starts(loss.older.publisher, Log.CONSENT) == [start]
        with pytest.raises(NothingLost):
            await new_log_epoch.begin(town.app_context, Log.CONSENT, REASON)
        await begin_policy_and_check(town)


@pytest.mark.processes
async def test_a_serving_process_notices_the_new_epoch(loss: Loss, demo_folder: Path) -> None:
    served = Process(demo_folder, loss.older.database_url, loss.older.publisher.folder)
    try:
        before = httpx2.get(f"{served.base}/log/consent/checkpoint").text
        for log in Log:
            assert dying_epoch.start(loss.older, demo_folder, log, REASON).wait() == 0
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            rows = httpx2.get(f"{served.base}/v1/public/logs").json()["data"]
            checks = [httpx2.get(f"{served.base}/log/{log}/check").json() for log in Log]
            entries = httpx2.get(f"{served.base}/log/policy/entries").json()["data"]
            announced = [entry for entry in entries if entry["leaf"]["kind"] == "log_epoch"]
            if len(announced) == 2 and all(check["sound"] for check in checks):
                break
            assert time.monotonic() < deadline, (checks, rows)
            await asyncio.sleep(POLL_SECONDS)
        assert [row["epoch"] for row in rows] == [2, 2]
        after = httpx2.get(f"{served.base}/log/policy/checkpoint").text
        assert before.split("\n")[0] + "/2" == httpx2.get(f"{served.base}/log/consent/checkpoint").text.split("\n")[0]
        assert after.split("\n")[0].endswith("/policy/2")
    finally:
        served.kill()


async def test_a_second_loss_begins_a_third_epoch(
    loss: Loss, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "second").mkdir()
    oldest = copied(loss.older, tmp_path / "second", request)
    async with city.running_city(loss.older, demo_folder) as town:
        left = (await sequencer.head(Log.CONSENT)).size
        await begin_both(town)
        given = await town.resident("second").consent_to_provider("city-library")
        await advance(town)
        second = await receipt(town, "second", given["consent_id"])
    async with city.running_city(oldest, demo_folder) as town:
        assert (await sequencer.head(Log.CONSENT)).frozen is not None
        start = await new_log_epoch.begin(town.app_context, Log.CONSENT, REASON)
        assert (start.epoch, start.first_lost) == (3, left)
        await begin_policy_and_check(town)
        assert [epoch.shared_leaves for epoch in await log_epochs.epochs(Log.CONSENT)][:2] == [left, left]
        public = (await town.client.get("/v1/public/logs")).json()
        for answer, words in (
            (loss.late, "lost it since"),
            (second, "lost it since"),
            (loss.early, "running epoch too"),
        ):
            assert words in verify_receipt.verify(answer, loss.jwks, None, public)[-1]


@pytest.mark.both_engines(everyday=False)
async def test_a_database_that_diverged_after_a_failover_may_begin_an_epoch(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await advance(town)
        shared = (await sequencer.head(Log.CONSENT)).size
    promoted = copied(city_settings, tmp_path, request)
    async with city.running_city(promoted, demo_folder) as town:
        await town.resident("li").consent_to_provider("city-library")
        await sequencer.integrate(Log.CONSENT, await town.app_context.clock())
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("wu").consent_to_provider("city-library")
        await advance(town)
    async with city.running_city(promoted, demo_folder) as town:
        assert "not those that were published" in ((await sequencer.head(Log.CONSENT)).frozen or "")
        start = await new_log_epoch.begin(town.app_context, Log.CONSENT, REASON)
        assert (start.first_lost, start.published) == (shared, start.leaves)
        await advance(town)
        assert await faults(town) == []


async def test_a_lost_folder_is_written_again_with_its_epochs(loss: Loss, demo_folder: Path) -> None:
    async with city.running_city(loss.older, demo_folder) as town:
        await begin_both(town)
    folder = loss.older.publisher.folder
    shutil.rmtree(folder)
    folder.mkdir()
    await database.open_database(loss.older.database_url)
    store = Tombstones(folder)
    await folder_repair.adopt(loss.older.publisher, store)
    store.close()
    known = {log: await log_epochs.starts(log) for log in Log}
    await database.close_database()
    assert {log: publication.epoch_starts(loss.older.publisher, log) for log in Log} == known
    async with city.running_city(loss.older, demo_folder) as town:
        await town.resident("new").consent_to_provider("city-library")
        await advance(town)
        assert [(await sequencer.head(log)).frozen for log in Log] == [None, None]
        assert await faults(town) == []


async def test_an_archive_of_the_ended_epoch_stays_and_witnesses_stop(loss: Loss, demo_folder: Path) -> None:
    base, remembered = f"file://{loss.archive}/log/consent", loss.archive.parent / "seen"
    old_key, at = NoteKey.parse(loss.log_key), datetime(2026, 11, 29, tzinfo=UTC)
    witness.cosign_log(base, [old_key], remembered, None, at)
    before = remembered.read_text()
    async with city.running_city(loss.older, demo_folder) as town:
        await begin_both(town)
        await archive.write(town.app_context, loss.archive)
        assert (await archive.write(town.app_context, loss.archive)).files == 0
        row = await listed(town, "consent")
    with pytest.raises(NoteInvalid, match="it began a new epoch"):
        witness.cosign_log(base, [old_key], remembered, None, at)
    assert remembered.read_text() == before == row["previous"][0]["checkpoint"]
    # The old epoch's tiles are still there, the lost ones too, and the new epoch is a log like any other.
    ended = f"{base}/epochs/1"
    assert witness.cosign_log(ended, [old_key], remembered, None, at)[1].size == loss.published[Log.CONSENT]
    assert (loss.archive / f"log/consent/epochs/1/tile/0/000.p/{loss.published[Log.CONSENT]}").exists()
    fresh = loss.archive.parent / "seen-2"
    witness.cosign_log(base, [NoteKey.parse(row["verifier_key"])], fresh, None, at)
