"""Key rotation, erasure at a counter, a changed subject, and the access log in the resident's language."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from consent import persons as people
from consent.crypto import vault
from consent.database import queries
from consent.kernel.errors import Conflict, NotFound
from service.compliance import full_erasure
from service.demo import seed
from service.settings import Settings
from service.storage import database
from tests.support import city
from tests.support.city import City
from tests.support.command_line import run_command

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.cluster, pytest.mark.processes]


async def test_rotated_keys_open_what_was_sealed_before(city_settings: Settings, demo_folder: Path) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("wang").volunteer(7_200, "v-wang")
    old = city_settings.keyring
    both = replace(old, encryption_keys={**old.encryption_keys, 2: secrets.token_bytes(32)}, current=2)
    async with city.running_city(replace(city_settings, keyring=both), demo_folder) as town:
        persons = len(await queries.fetch_all("SELECT person_id FROM person"))
        after, rounds = "", 0
        while True:
            after, changed = await people.rewrap(both, after, 7)
            rounds += changed
            if not after:
                break
        assert rounds == persons > 7
        assert {
            vault.key_version(bytes(row["wrapped_key"]))
            for row in await queries.fetch_all("SELECT wrapped_key FROM person")
        } == {2}
        assert (await people.rewrap(both, "", 1_000))[1] == 0
    new = replace(both, encryption_keys={2: both.encryption_keys[2]})
    async with city.running_city(replace(city_settings, keyring=new), demo_folder) as town:
        assert await town.resident("wang").total() == 63
        assert (await town.resident("wang").get("/v1/me/export")).json()["subject"] == "wang"


async def test_a_changed_subject_keeps_everything_and_the_old_one_has_nothing(town: City) -> None:
    await town.resident("before").volunteer(7_200, "v-before")
    await town.resident("taken").volunteer(60, "v-taken")
    async with queries.transaction():
        with pytest.raises(NotFound):
            await people.change_subject(town.app_context.keyring, "nobody", "after")
        with pytest.raises(Conflict):
            await people.change_subject(town.app_context.keyring, "before", "taken")
        await people.change_subject(town.app_context.keyring, "before", "after")
    assert await town.resident("after").total() == 63
    assert (await town.resident("after").get("/v1/me/export")).json()["subject"] == "after"
    assert (await town.resident("before").get("/v1/me/consents")).json()["data"] == []
    assert await town.resident("before").total() == 0


async def test_somebody_without_a_login_is_erased_at_the_counter(town: City) -> None:
    await town.resident("gone").volunteer(7_200, "v-gone")
    async with town.app_context.tombstones.transaction():
        at = await queries.now()
        assert await full_erasure.erase_subject(town.app_context, "nobody", at) is None
        assert await full_erasure.erase_subject(town.app_context, "gone", at)
    assert (await town.resident("gone").get("/v1/me/consents")).json()["data"] == []
    assert [tombstone.kind for tombstone in town.app_context.tombstones.read_all()][-1] == "erased"


async def test_counter_commands_change_subjects_rotate_keys_and_erase(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    settings = seed.settings_of(folder)
    await database.open_database(settings.database_url)
    await database.migrate_all()
    await database.close_database()
    async with city.running_city(settings, folder) as town:
        await seed.seed(town.app_context)
        await town.resident("before").volunteer(7_200, "v-before")
    (tmp_path / "subjects").write_text("before\nafter\n")
    subjects = ("--subjects-file", str(tmp_path / "subjects"))
    changed = run_command("change-subject", *subjects, "--data-dir", str(folder))
    assert (changed.returncode, changed.stdout) == (0, "done\n")
    again = run_command("change-subject", "--old", "before", "--new", "after", "--data-dir", str(folder))
    assert (again.returncode, "old subject" in again.stderr) == (2, True)
    rotated = run_command("rotate-keys", "--data-dir", str(folder))
    assert rotated.stdout.startswith("0 keys wrapped anew")
    erased = run_command("erase", "--subject", "after", "--data-dir", str(folder))
    assert json.loads(erased.stdout)["receipt"]["state"] == "erased"
    nobody = run_command("erase", "--subject", "after", "--data-dir", str(folder))
    assert (nobody.returncode, "nobody of this subject" in nobody.stderr) == (2, True)


async def test_the_access_log_speaks_the_residents_language(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    ticket = await wang.ticket()
    await town.venue().post("/v1/venue/checks", {"handle": ticket["handle"]})
    await town.venue().post("/v1/venue/redemptions", {"handle": ticket["handle"]})
    texts = {}
    for language in ("zh-CN", "en"):
        log = (await wang.get("/v1/me/access-log", {"Accept-Language": language})).json()["data"]
        texts[language] = {entry["text"] for entry in log}
    assert "City Library asked whether “Borrow without a deposit” applies: it applies." in texts["en"], texts["en"]
    assert len(texts["en"]) == len(texts["zh-CN"])
    for text in texts["zh-CN"]:
        assert text.endswith("。")
        assert not [letter for letter in text if letter.isascii() and letter.isalpha()], text
