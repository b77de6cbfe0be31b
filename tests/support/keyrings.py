"""Keyring files of a city under test, the processes that were restarted with them, and doctor's view of the keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from service.auth import keyring_file
from service.doctor import database_checks
from service.doctor.examination import Examination
from service.settings import Settings


def write_file(settings: Settings, folder: Path) -> Path:
    """Write the file of the city's keyring; return its path."""
    keyring = settings.keyring
    keys = {str(version): key.hex() for version, key in keyring.encryption_keys.items()}
    file = folder / "keyring.json"
    keyring_file.create(file)
    keyring_file.replace(
        file, {"current": keyring.current, "encryption_keys": keys, "index_key": keyring.index_key.hex()}
    )
    return file


def with_file(settings: Settings, path: Path) -> Settings:
    """Return the settings of a process that was restarted with the keyring file."""
    return replace(settings, keyring=keyring_file.read(path))


async def doctor_lines(settings: Settings) -> list[str]:
    """Return doctor's lines about the keys, `state: text`."""
    examination = Examination({}, demo=settings, opened=True, migrated=True)
    return [": ".join((result.state, result.text)) for result in await database_checks.keys(examination)]
