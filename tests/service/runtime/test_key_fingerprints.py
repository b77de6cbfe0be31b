"""Fingerprints of keys: a start with another key than the database's ends before anybody seems unknown."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent import persons
from consent.database import queries
from consent.transparency import sequencer
from consent.transparency.checkpoint import NoteSigner
from consent.transparency.logs import Log
from service.auth import key_files
from service.compliance import key_fingerprints
from service.compliance.key_fingerprints import KeyMismatch
from service.demo import seed
from service.runtime import first_start
from service.runtime.exit_codes import ExitCode, StartFailed
from service.settings import Settings
from service.storage import database

Change = Callable[[Settings], Settings]
pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


@pytest.fixture
async def seeded(city_settings: Settings) -> AsyncIterator[Settings]:
    """The settings of a seeded city whose database knows no fingerprints yet, opened."""
    await database.open_database(city_settings.database_url)
    try:
        await queries.execute("DELETE FROM known_key")
        yield city_settings
    finally:
        await database.close_database()


def with_keyring(settings: Settings, **changes: object) -> Settings:
    return replace(settings, keyring=replace(settings.keyring, **changes))  # type: ignore[arg-type]


def other_index_key(settings: Settings) -> Settings:
    return with_keyring(settings, index_key=secrets.token_bytes(32))


def other_encryption_key(settings: Settings) -> Settings:
    return with_keyring(settings, encryption_keys={1: secrets.token_bytes(32)})


def other_log_key(settings: Settings) -> Settings:
    signer = NoteSigner(settings.publisher.signer.name, Ed25519PrivateKey.generate())
    return replace(settings, publisher=replace(settings.publisher, signer=signer))


CASES = [(other_index_key, "index-1"), (other_encryption_key, "encryption-1"), (other_log_key, "log")]


@pytest.mark.parametrize(("changed", "name"), CASES)
async def test_another_key_than_the_known_is_refused(seeded: Settings, changed: Change, name: str) -> None:
    await key_fingerprints.require_known(seeded)
    before = await key_fingerprints.stored()
    assert set(before.values()) == {"index-1", "encryption-1", "log", "signing"}
    with pytest.raises(KeyMismatch, match=f"CREDIT_EASY_.* {name} .*Rotating keys") as refused:
        await key_fingerprints.require_known(changed(seeded))
    assert len(str(refused.value).splitlines()) == 1
    assert await key_fingerprints.stored() == before
    await key_fingerprints.require_known(seeded)


@pytest.mark.parametrize(("changed", "name"), CASES)
async def test_a_first_key_must_fit_what_is_stored(seeded: Settings, changed: Change, name: str) -> None:
    await sequencer.integrate(Log.CONSENT, await queries.now())
    assert await sequencer.publish(Log.CONSENT, seeded.publisher) is not None
    with pytest.raises(KeyMismatch, match=name):
        await key_fingerprints.require_known(changed(seeded))
    assert await key_fingerprints.stored() == {}


@pytest.mark.both_engines
async def test_a_further_encryption_key_and_another_signing_key_are_added(seeded: Settings, tmp_path: Path) -> None:
    await key_fingerprints.require_known(seeded)
    keys = {**seeded.keyring.encryption_keys, 2: secrets.token_bytes(32)}
    key_files.create_signing_key(tmp_path / "next.pem")
    rotated = replace(
        with_keyring(seeded, encryption_keys=keys, current=2),
        signing_key=key_files.load_signing_key(tmp_path / "next.pem"),
    )
    await key_fingerprints.require_known(rotated)
    names = sorted((await key_fingerprints.stored()).values())
    assert names == ["encryption-1", "encryption-2", "index-1", "log", "signing", "signing"]
    # A rotation ends with the old key out of the keyring.
    await persons.rewrap_all(rotated.keyring)
    await key_fingerprints.require_known(with_keyring(rotated, encryption_keys={2: keys[2]}, current=2))
    wrong = {2: secrets.token_bytes(32)}
    with pytest.raises(KeyMismatch, match="encryption-2"):
        await key_fingerprints.require_known(with_keyring(rotated, encryption_keys=wrong, current=2))


async def test_a_key_that_was_added_on_purpose_starts(seeded: Settings) -> None:
    await key_fingerprints.require_known(seeded)
    rotated = other_log_key(seeded)
    added = key_fingerprints.fingerprints_of(rotated)["log"]
    await key_fingerprints.add("log", added, await queries.now())
    for settings in (rotated, seeded):
        await key_fingerprints.require_known(settings)


@pytest.mark.both_engines
async def test_a_start_with_another_key_ends_with_its_code(seeded: Settings) -> None:
    await key_fingerprints.require_known(seeded)
    with pytest.raises(StartFailed, match="KEYRING") as refused:
        await first_start.check_database(other_index_key(seeded))
    assert refused.value.code == ExitCode.KEYS


def test_a_fingerprint_tells_nothing_but_the_difference(demo_folder: Path) -> None:
    settings = seed.settings_of(demo_folder)
    prints = key_fingerprints.fingerprints_of(settings)
    assert {len(value) for value in prints.values()} == {key_fingerprints.FINGERPRINT_DIGITS}
    secret = (settings.keyring.index_key.hex(), *(key.hex() for key in settings.keyring.encryption_keys.values()))
    assert not any(value in key for value in prints.values() for key in secret)
