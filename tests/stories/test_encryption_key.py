"""The encryption key is replaced by command while the service runs, and doctor says what is left to do."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from consent import persons
from consent.database import queries
from service.auth import keyring_file
from service.auth.keyring_file import EncryptionStep
from service.compliance import key_fingerprints, keyring_rotation
from service.compliance.keyring_rotation import KeyElsewhere
from service.demo import seed
from service.settings import Settings
from tests.support import city
from tests.support.command_line import run_command
from tests.support.keyrings import doctor_lines, with_file

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def test_a_city_replaces_its_encryption_key(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        await town.resident("wang").volunteer(7_200, "v-wang")
        await key_fingerprints.require_known(city_settings)
        added = await keyring_rotation.add_encryption_key(keyring_path, make_current=False)
        assert (added.step, added.version) == (EncryptionStep.ADDED, 2)
        (line,) = await doctor_lines(with_file(city_settings, keyring_path))
        assert line == "warning: encryption key 2 waits to be the current one"
        await keyring_rotation.add_encryption_key(keyring_path, make_current=True)
    rotated = with_file(city_settings, keyring_path)
    async with city.running_city(rotated, demo_folder) as town:
        await key_fingerprints.require_known(rotated)
        # A key of before opens what is there; a new resident is under the new key.
        assert await town.resident("wang").total() == 63
        await town.resident("zhang").volunteer(60, "v-zhang")
        used = await persons.count_by_key_version()
        assert used[1] > 0
        assert used[2] == 1
        assert [line.split(":")[0] for line in await doctor_lines(rotated)] == ["warning"]
        assert await persons.rewrap_all(rotated.keyring) == used[1]
        assert await doctor_lines(rotated) == ["warning: no row uses encryption key 1"]
    without = replace(rotated.keyring, encryption_keys={2: rotated.keyring.encryption_keys[2]})
    async with city.running_city(replace(rotated, keyring=without), demo_folder) as town:
        assert await town.resident("wang").total() == 63
        assert await doctor_lines(replace(rotated, keyring=without)) == ["ok: "]


async def test_a_row_whose_key_is_missing_is_an_error(city_settings: Settings, demo_folder: Path) -> None:
    async with city.running_city(city_settings, demo_folder):
        number = sum((await persons.count_by_key_version()).values())
        other = replace(city_settings.keyring, encryption_keys={2: secrets.token_bytes(32)}, current=2)
        lines = await doctor_lines(replace(city_settings, keyring=other))
    assert f"failed: no key of the keyring opens {number} persons: version 1" in lines


@pytest.mark.both_engines
async def test_a_host_without_the_newest_key_makes_no_other(
    city_settings: Settings, demo_folder: Path, keyring_path: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.json"
    shutil.copy(keyring_path, second)
    async with city.running_city(city_settings, demo_folder):
        await keyring_rotation.add_encryption_key(keyring_path, make_current=True)
        with pytest.raises(KeyElsewhere, match="another host has made the key encryption-2"):
            await keyring_rotation.add_encryption_key(second, make_current=True)
        assert keyring_file.read(second).current == 1
        names = [row["key_name"] for row in await queries.fetch_all("SELECT key_name FROM known_key")]
        assert names.count("encryption-2") == 1


@pytest.mark.processes
def test_the_command_adds_the_key_and_wraps_persons_keys(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    seed.settings_of(folder)
    assert run_command("migrate", "--data-dir", str(folder)).returncode == 0
    first = run_command("rotate-keys", "encryption", "--add-only", "--data-dir", str(folder))
    assert (first.returncode, "key 2 is in keyring.json for reading" in first.stdout) == (0, True), first.stderr
    second = run_command("rotate-keys", "encryption", "--data-dir", str(folder))
    assert (second.returncode, "key 2 is the current one" in second.stdout) == (0, True), second.stderr
    assert json.loads((folder / "keyring.json").read_text())["current"] == 2
    wrapped = run_command("rotate-keys", "--data-dir", str(folder))
    assert wrapped.stdout.startswith("0 keys wrapped anew under key 2")
