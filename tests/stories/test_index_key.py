"""The index key is replaced while residents, sources and venues act: nobody is lost, and nobody is there twice."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from consent import index_versions, persons, reindexing
from consent.consents.presentation_ticket import check, sign
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.kernel.errors import IndexKeyMissing
from consent.verification import rows
from service.auth import keyring_file
from service.compliance import full_erasure, key_fingerprints, keyring_rotation
from service.compliance.key_fingerprints import KeyMismatch
from service.compliance.keyring_rotation import WAIT, IndexStep, KeyElsewhere
from service.demo import seed
from service.settings import Settings
from tests.support import city
from tests.support.city import record
from tests.support.command_line import run_command
from tests.support.interruptions import Stopped, stopped_at_commit
from tests.support.keyrings import doctor_lines, with_file

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]
INDEXED = {
    "subject": ("person_id", "person_id"),
    "linked_account": ("source_id", "link_id"),
    "record_index": ("source_id", "record_id"),
}
"""Tables with a row for each index key, and the columns that name a value."""


async def versions_of_values() -> dict[str, Counter[tuple[int, ...]]]:
    """The number of values by the versions of their rows, for each table."""
    counted = {}
    for table, key in INDEXED.items():
        stored: dict[tuple[str, ...], list[int]] = {}
        for row in await queries.fetch_all(f"SELECT * FROM {table}"):
            stored.setdefault(tuple(row[column] for column in key), []).append(row["index_version"])
        counted[table] = Counter(tuple(sorted(versions)) for versions in stored.values())
    return counted


async def test_a_city_replaces_its_index_key(city_settings: Settings, demo_folder: Path, keyring_path: Path) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        wang = town.resident("wang")
        await wang.volunteer(7_200, "v-wang")
        await wang.consent_to_provider("city-library")
        ticket, first = (
            await wang.ticket(),
            await wang.request_notice(purpose="benefit.check", provider_id="riverside-parking"),
        )
        pending = await town.resident("sun").consent_to_source("green-travel", "g-sun")
        lost, gone = town.resident("lost"), town.resident("gone")
        await lost.volunteer(60, "v-lost")
        source = town.source("volunteer-service")
        retracted = await source.post("/v1/source/records/v-lost.minutes/retraction", {"reason_code": "entered_twice"})
        assert retracted.status_code in (200, 204), retracted.text
        await gone.volunteer(60, "v-gone")
        assert (await town.client.delete("/v1/me", headers=gone.headers())).status_code == 200
        added = await keyring_rotation.rotate_index(keyring_path, await queries.now())
        assert (added.step, added.version) == (IndexStep.ADDED, 2)

    both = with_file(city_settings, keyring_path)
    async with city.running_city(both, demo_folder) as town:
        await key_fingerprints.require_known(both)
        assert await town.resident("wang").total() == 63
        await town.resident("zhang").volunteer(60, "v-zhang")
        counted = await versions_of_values()
        assert (counted["subject"][(1, 2)], counted["linked_account"][(1, 2)]) == (1, 1)
        assert await doctor_lines(both) == ["warning: index key 2 is not the current one yet"]
        at = await queries.now()
        switched = await keyring_rotation.rotate_index(keyring_path, at)
        assert switched.step is IndexStep.SWITCHED
        assert switched.written is not None
        assert switched.written.rows >= sum(counted["record_index"].values())
        assert switched.written.unknown == 0
        assert all(set(table) == {(1, 2)} for table in (await versions_of_values()).values())

    current = with_file(city_settings, keyring_path)
    assert (current.keyring.index_version, list(current.keyring.index_keys)) == (2, [1, 2])
    async with city.running_city(current, demo_folder) as town:
        await key_fingerprints.require_known(current)
        wang, venue = town.resident("wang"), town.venue()
        # Tickets, codes and handles under the first key are still good.
        assert (await wang.post("/v1/me/consents", {"ticket": first["ticket"]})).status_code == 201
        confirmed = await town.source().post(
            "/v1/source/links/confirm", {"code": pending["link"]["code"], "account": "g-sun"}
        )
        assert confirmed.status_code == 200, confirmed.text
        redeemed = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="lost-answer")
        assert redeemed.status_code == 201, redeemed.text
        assert redeemed.json()["applies"] is True
        waiting = await keyring_rotation.rotate_index(keyring_path, await queries.now())
        assert (waiting.step, waiting.until is not None) == (IndexStep.WAITING, True)
        ended = (await town.source("volunteer-service").get("/v1/source/links?state=ended")).json()["data"]
        assert [link["account"] for link in ended] == ["v-gone"]
        removed = await keyring_rotation.rotate_index(keyring_path, await queries.now() + WAIT)
        assert removed.step is IndexStep.REMOVED
        assert all(set(table) == {(2,)} for table in (await versions_of_values()).values())

    last = with_file(city_settings, keyring_path)
    assert list(last.keyring.index_keys) == [2]
    async with city.running_city(last, demo_folder) as town:
        await key_fingerprints.require_known(last)
        assert await doctor_lines(last) == ["ok: "]
        wang, venue = town.resident("wang"), town.venue()
        assert await wang.total() == 63
        # The answer is replayed and the quota of the day is still used.
        again = await venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="lost-answer")
        assert (again.status_code, again.json()) == (201, redeemed.json())
        refused = await wang.post("/v1/me/tickets", {"benefit_id": "library-deposit", "venue_id": "city-library-main"})
        assert refused.status_code == 409, refused.text
        day = f"{await town.last_year()}-03-05"
        source = town.source("volunteer-service")
        answer = await source.deliver(
            record("v-wang.minutes", "v-wang", "volunteer_minutes", 7_200, day),
            record("v-lost.minutes", "v-lost", "volunteer_minutes", 60, day),
        )
        assert answer["accepted"] == 0, answer
        ended = (await source.get("/v1/source/links?state=ended")).json()["data"]
        assert [link["account"] for link in ended] == ["v-gone"]
        opened, fault = await rows.check_sealed_columns(last.keyring)
        assert (opened > 0, fault) == (True, None)


async def test_two_hosts_at_any_two_steps_know_one_person(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder):
        await key_fingerprints.require_known(city_settings)
        at = await queries.now()
        hosts = [city_settings.keyring]
        for moment in (at, at, at + 2 * WAIT):
            before, after = hosts[-1], await next_keyring(keyring_path, hosts, moment)
            for order in ((before, after), (after, before)):
                for name in ("subject", "account"):
                    await one_owner(order, f"{name}-{len(hosts)}-{order[0].index_version}-{id(order[0])}")
            hosts.append(after)


async def next_keyring(keyring_path: Path, hosts: list[Keyring], moment: object) -> Keyring:
    """Take a step and return its keyring; before the last step, the host of before is one that knows both keys."""
    await keyring_rotation.rotate_index(keyring_path, moment)  # type: ignore[arg-type]
    return keyring_file.read(keyring_path)


async def one_owner(hosts: tuple[Keyring, Keyring], subject: str) -> None:
    """Create a person on one host, and again on the other."""
    created = []
    for keyring in hosts:
        try:
            async with queries.transaction():
                created.append((await persons.get_or_create(keyring, subject, await queries.now())).person_id)
        except IndexKeyMissing:
            # The rotation is ahead of this host, which may not write.
            continue
    assert len(set(created)) == 1
    stored = await queries.fetch_all("SELECT DISTINCT person_id FROM subject WHERE person_id = $1", created[0])
    assert len(stored) == 1


async def test_first_consents_of_one_person_at_two_hosts_at_once(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder):
        await key_fingerprints.require_known(city_settings)
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        old, both = city_settings.keyring, keyring_file.read(keyring_path)

        async def first(keyring: Keyring, subject: str) -> str:
            async with queries.transaction():
                return (await persons.get_or_create(keyring, subject, await queries.now())).person_id

        for number in range(8):
            ids = await asyncio.gather(*(first(each, f"race-{number}") for each in (old, both, both, old)))
            assert len(set(ids)) == 1
        people = await queries.fetch_all("SELECT person_id FROM person")
        mapped = await queries.fetch_all("SELECT DISTINCT person_id FROM subject")
        assert {row["person_id"] for row in people} == {row["person_id"] for row in mapped}


@pytest.mark.both_engines(everyday=False)
async def test_a_host_that_the_rotation_left_behind_may_not_write(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        await town.resident("wang").volunteer(60, "v-wang")
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        # The city still runs with the first keyring: it reads, and says 503 to what would be lost.
        assert await town.resident("wang").total() == 1
        answer = await town.resident("late").post(
            "/v1/me/consent-requests", {"language": "en", "purpose": "benefit.check", "provider_id": "city-library"}
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"]
        with pytest.raises(KeyMismatch, match="version 2 is missing"):
            await key_fingerprints.require_known(city_settings)
        assert "version 2 is missing" in "".join(await doctor_lines(city_settings))


@pytest.mark.both_engines(everyday=False)
async def test_an_index_key_that_no_row_knows_does_not_start(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder):
        await key_fingerprints.require_known(city_settings)
        unknown = replace(city_settings.keyring, index_key=bytes(range(32)), index_version=2)
        with pytest.raises(KeyMismatch, match="KEYRING"):
            await key_fingerprints.require_known(replace(city_settings, keyring=unknown))
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        both = keyring_file.read(keyring_path)
        await key_fingerprints.require_known(replace(city_settings, keyring=both))
        alone = replace(both.under(2), other_index_keys={})
        for early in (both.under(2), alone):
            # Rows of before have no index under the new key yet.
            with pytest.raises(KeyMismatch, match="KEYRING"):
                await key_fingerprints.require_known(replace(city_settings, keyring=early))
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        with pytest.raises(KeyMismatch, match="version 1 is missing"):
            await key_fingerprints.require_known(replace(city_settings, keyring=alone))


@pytest.mark.both_engines(everyday=False)
async def test_a_host_without_the_next_index_key_makes_no_other(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.json"
    shutil.copy(keyring_path, second)
    async with city.running_city(city_settings, demo_folder):
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        with pytest.raises(KeyElsewhere, match="index-2"):
            await keyring_rotation.rotate_index(second, await queries.now())
        assert list(keyring_file.read(second).index_keys) == [1]


@pytest.mark.parametrize("step", ["write", "remove"])
async def test_a_re_index_that_was_killed_is_continued(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "BATCH", 6)
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        await town.resident("wang").volunteer(60, "v-wang")
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
        if step == "remove":
            await keyring_rotation.rotate_index(keyring_path, await queries.now())
        moment = await queries.now() + (WAIT if step == "remove" else WAIT * 0)
        for number in (1, 2, 5, 9):
            before = keyring_file.read(keyring_path)
            with stopped_at_commit(number), pytest.raises(Stopped):
                await keyring_rotation.rotate_index(keyring_path, moment)
            assert keyring_file.read(keyring_path) == before
            state = await index_versions.load()
            assert state.complete == (1 if step == "write" else 2)
        await keyring_rotation.rotate_index(keyring_path, moment)
        expected = {(1, 2)} if step == "write" else {(2,)}
        assert all(set(table) == expected for table in (await versions_of_values()).values())
        assert await doctor_lines(with_file(city_settings, keyring_path)) != []


async def test_acts_during_the_re_index_are_complete_too(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindexing, "BATCH", 3)
    async with city.running_city(city_settings, demo_folder):
        await key_fingerprints.require_known(city_settings)
        await keyring_rotation.rotate_index(keyring_path, await queries.now())
    async with city.running_city(with_file(city_settings, keyring_path), demo_folder) as town:
        leaving = [town.resident(f"leaving-{number}") for number in range(4)]
        for number, resident in enumerate(leaving):
            await resident.volunteer(60, f"v-leaving-{number}")

        async def come(number: int) -> None:
            await town.resident(f"new-{number}").volunteer(60, f"v-new-{number}")

        async def leave(number: int) -> None:
            answer = await town.client.delete("/v1/me", headers=leaving[number].headers())
            assert answer.status_code == 200

        _, *_ = await asyncio.gather(
            keyring_rotation.rotate_index(keyring_path, await queries.now()),
            *map(come, range(4)),
            *map(leave, range(4)),
        )
        assert all(set(table) == {(1, 2)} for table in (await versions_of_values()).values())
        orphans = await queries.fetch_all(
            "SELECT person_id FROM subject WHERE person_id NOT IN (SELECT person_id FROM person)"
        )
        assert orphans == []


async def test_an_erasure_during_the_rotation_leaves_no_row(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        await town.resident("wang").volunteer(60, "v-wang")
        for _ in range(2):
            await keyring_rotation.rotate_index(keyring_path, await queries.now())
    settings = with_file(city_settings, keyring_path)
    async with city.running_city(settings, demo_folder) as town:
        known = await persons.find(settings.keyring, "wang")
        assert known is not None
        async with town.app_context.tombstones.transaction():
            assert await full_erasure.erase_subject(town.app_context, "wang", await queries.now())
        for table in INDEXED:
            left = await queries.fetch_all(
                f"SELECT * FROM {table} WHERE person_id = $1",
                known.person_id,
            )
            assert left == [], table


@pytest.mark.both_engines(everyday=False)
async def test_a_ticket_of_a_notice_of_another_key_is_refused_after_the_rotation(keyring_path: Path) -> None:
    keyring_file.add_index_key(keyring_path)
    both = keyring_file.read(keyring_path)
    ticket = sign(both, "0" * 32, "person")
    assert check(both.under(2), ticket, "person") == "0" * 32
    alone = replace(both.under(2), other_index_keys={})
    with pytest.raises(Exception, match="not a ticket"):
        check(alone, ticket, "person")


@pytest.mark.processes
def test_the_command_names_each_step(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    seed.settings_of(folder)
    assert run_command("migrate", "--data-dir", str(folder)).returncode == 0
    command = ("rotate-keys", "index", "--data-dir", str(folder))
    printed = [run_command(*command).stdout for _ in range(3)]
    for line, words in zip(printed, ("is not used yet", "is the current one", "is needed until"), strict=True):
        assert words in line, printed
