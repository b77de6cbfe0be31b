"""Undo of a withdrawal while keys are replaced, after the restore of an older copy, and after others came meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent import persons, reindexing
from consent.database import queries
from consent.verification import logs
from service.compliance import key_fingerprints, keyring_rotation, replay
from service.compliance.keyring_rotation import WAIT
from service.settings import Settings
from tests.support import city
from tests.support.city import City, MovedClock, Resident, record
from tests.support.copies import copied
from tests.support.interruptions import Stopped, stopped_at_commit
from tests.support.keyrings import with_file

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def stop(who: Resident, consent: dict[str, Any]) -> None:
    assert (await who.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")).status_code == 200


async def undo(who: Resident, consent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = await who.post(f"/v1/me/withdrawals/{consent['consent_id']}/undo")
    return answer.status_code, answer.json()


async def copies() -> list[queries.Row]:
    return await queries.fetch_all("SELECT * FROM withdrawal_copy")


async def faults(town: City) -> list[str]:
    """The faults that `verify-log` reports."""
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    return [f"{report.fault.where}: {report.fault.what}" for report in reports.values() if report.fault]


# Keys are replaced meanwhile -----------------------------------------------------------------------------------------


async def withdrawn_with_records(town: City) -> dict[str, Any]:
    """A withdrawn consent with a record, one retracted now, and one retracted by version 0.2.0, without a seal."""
    wang, source = town.resident("wang"), town.source()
    given = await wang.link("green-travel", "bike-9001")
    await source.deliver(*(record(name, "bike-9001", quantity=40) for name in ("stays", "gone", "old")))
    for name in ("old", "gone"):
        await queries.execute("UPDATE record_index SET sealed_source_record_id = NULL")
        answer = await source.post(f"/v1/source/records/{name}/retraction", {"reason_code": "entered_twice"})
        assert answer.status_code in (200, 204), answer.text
    await stop(wang, given)
    return given


async def step(path: Path, *, commits: int | None = None, late: bool = False) -> None:
    """Take the next step of the index key's rotation; with `commits`, die before that commit."""
    moment = await queries.now() + (WAIT if late else timedelta(0))
    if commits is None:
        await keyring_rotation.rotate_index(path, moment)
        return
    with stopped_at_commit(commits), pytest.raises(Stopped):
        await keyring_rotation.rotate_index(path, moment)


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("stage", ["added", "half written", "switched", "half removed", "removed"])
async def test_an_undo_at_any_step_of_the_index_keys_rotation(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "BATCH", 8)
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        given = await withdrawn_with_records(town)
        await step(keyring_path)
        if stage == "half written":
            await step(keyring_path, commits=3)
        if stage in ("switched", "half removed", "removed"):
            await step(keyring_path)
        if stage == "half removed":
            await step(keyring_path, commits=2, late=True)
        if stage == "removed":
            await step(keyring_path, late=True)

    restarted = with_file(city_settings, keyring_path)
    async with city.running_city(restarted, demo_folder) as town:
        await key_fingerprints.require_known(restarted)
        wang, source = town.resident("wang"), town.source()
        assert await wang.total() == 0
        status, back = await undo(wang, given)
        assert (status, await wang.total()) == (201, 20), back
        # The rotation comes to its end, and every row that the undo has written takes part.
        while len(with_file(city_settings, keyring_path).keyring.index_keys) > 1:
            await step(keyring_path, late=True)
    last = with_file(city_settings, keyring_path)
    assert list(last.keyring.index_keys) == [2]
    async with city.running_city(last, demo_folder) as town:
        wang, source = town.resident("wang"), town.source()
        assert await wang.total() == 20
        again = await source.deliver(*(record(name, "bike-9001", quantity=40) for name in ("stays", "gone", "new")))
        assert [result.get("code") for result in again["results"]].count("not_authorised") == 0
        assert again["accepted"] == 1, again
        assert await faults(town) == []


@pytest.mark.both_engines(everyday=False)
@pytest.mark.parametrize("stage", ["added", "wrapped again"])
async def test_an_undo_while_the_encryption_key_is_replaced(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, stage: str
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        given = await withdrawn_with_records(town)
        await keyring_rotation.add_encryption_key(keyring_path, make_current=True)
    rotated = with_file(city_settings, keyring_path)
    if stage == "wrapped again":
        alone = replace(rotated.keyring, encryption_keys={2: rotated.keyring.encryption_keys[2]})
        async with city.running_city(rotated, demo_folder):
            assert await persons.rewrap_all(rotated.keyring) > 0
        rotated = replace(rotated, keyring=alone)
    async with city.running_city(rotated, demo_folder) as town:
        wang = town.resident("wang")
        assert (await undo(wang, given))[0] == 201
        assert await wang.total() == 20
        assert (await town.source().deliver(record("stays", "bike-9001", quantity=40)))["duplicates"] == 1


async def test_an_account_that_went_to_somebody_else_under_the_new_key_alone_is_theirs(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        given = await withdrawn_with_records(town)
        claim = await town.resident("zhang").consent_to_source("green-travel", "bike-9001")
        await step(keyring_path)
        await step(keyring_path)
        # The old key is not written under any more, and the withdrawn link has not been written again.
        await step(keyring_path, commits=2, late=True)
    restarted = with_file(city_settings, keyring_path)
    async with city.running_city(restarted, demo_folder) as town:
        await town.resident("li").link("green-travel", "bike-9001")
        status, problem = await undo(town.resident("wang"), given)
        assert (status, problem["code"]) == (409, "account_linked_elsewhere")
        body = {"code": claim["link"]["code"], "account": "bike-9001"}
        answer = await town.source().post("/v1/source/links/confirm", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "account_linked_elsewhere")
        assert await town.resident("wang").total() == 0


# Others came meanwhile -----------------------------------------------------------------------------------------------


async def test_a_record_that_the_source_has_delivered_for_somebody_else_since_is_theirs(town: City) -> None:
    wang, li, source = town.resident("wang"), town.resident("li"), town.source()
    given = await wang.link("green-travel", "bike-9001")
    await source.deliver(record("r", "bike-9001", quantity=40), record("s", "bike-9001", quantity=20))
    await stop(wang, given)
    await li.link("green-travel", "bike-9002")
    assert (await source.deliver(record("r", "bike-9002", quantity=40)))["accepted"] == 1
    assert (await undo(wang, given))[0] == 201
    assert (await wang.total(), await li.total()) == (10, 20)
    assert await faults(town) == []


async def test_the_export_shows_the_copy_while_there_is_one(town: City) -> None:
    wang = town.resident("wang")
    given = await withdrawn_with_records(town)
    await wang.consent_to_provider("city-library")
    exported = (await wang.get("/v1/me/export")).json()
    (copy,) = exported["withdrawal_copies"]
    shown = (await wang.get(f"/v1/me/consents/{given['consent_id']}")).json()
    assert (copy["consent_id"], copy["deleted_after"]) == (given["consent_id"], shown["undo_until"])
    assert [row["source_record_id"] for row in copy["records"]] == ["stays"]
    assert {row["source_record_id"] for row in copy["replaced_records"]} == {"old", "gone"}
    assert exported["records"] == []
    assert (await undo(wang, given))[0] == 201
    assert (await wang.get("/v1/me/export")).json()["withdrawal_copies"] == []


# An older copy of the database is restored ---------------------------------------------------------------------------


@asynccontextmanager
async def restored(older: Settings, folder: Path, hours: float) -> AsyncIterator[City]:
    """A city on an older copy, so many hours later."""
    shift = MovedClock()
    shift.by = timedelta(hours=hours)
    async with city.running_city(older, folder, shift=shift) as town:
        yield town


@pytest.mark.parametrize("copied_after", ["consent", "withdrawal"])
@pytest.mark.parametrize("hours", [22, 25])
async def test_a_restored_copy_gives_no_more_time_for_an_undo(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest, copied_after: str,
    hours: int,
) -> None:  # fmt: skip
    async with city.running_city(city_settings, demo_folder) as town:
        wang = town.resident("wang")
        given = await wang.link("green-travel", "bike-9001")
        await town.source().deliver(record("r", "bike-9001", quantity=40))
        library = await wang.consent_to_provider("city-library")
    older = copied(city_settings, tmp_path, request) if copied_after == "consent" else None
    async with city.running_city(city_settings, demo_folder) as town:
        wang = town.resident("wang")
        for consent in (given, library):
            await stop(wang, consent)
        before = [(await wang.get(f"/v1/me/consents/{row['consent_id']}")).json() for row in (given, library)]
    async with restored(older or copied(city_settings, tmp_path, request), demo_folder, hours) as town:
        wang = town.resident("wang")
        assert await wang.total() == 0
        for consent, earlier in zip((given, library), before, strict=True):
            now = (await wang.get(f"/v1/me/consents/{consent['consent_id']}")).json()
            assert (now["state"], now["ended_at"]) == ("withdrawn", earlier["ended_at"])
            assert now.get("undo_until") == (earlier["undo_until"] if hours < 24 else None)
        assert len(await copies()) == (1 if hours < 24 else 0)
        assert await faults(town) == []
        for consent in (given, library):
            assert (await undo(wang, consent))[0] == (201 if hours < 24 else 404)
        assert await wang.total() == (20 if hours < 24 else 0)


@pytest.mark.both_engines(everyday=False)
async def test_the_command_that_replays_deletes_copies_whose_day_is_over(town: City) -> None:
    await withdrawn_with_records(town)
    await replay.replay_tombstones(town.app_context, from_the_start=True)
    assert len(await copies()) == 1
    town.shift.by = timedelta(hours=24, minutes=1)
    await replay.replay_tombstones(town.app_context, from_the_start=True)
    assert await copies() == []
