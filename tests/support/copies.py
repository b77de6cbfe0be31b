"""Older copies of a city's database, as a backup is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from service.settings import Settings
from tests.support import servers


def copied(settings: Settings, folder: Path, request: pytest.FixtureRequest) -> Settings:
    """Return the settings of a copy of the database at this moment, with the same log folder."""
    if settings.database_url.startswith("sqlite://"):
        older = folder / "older.sqlite3"
        shutil.copy(settings.database_url.removeprefix("sqlite://"), older)
        return replace(settings, database_url=f"sqlite://{older}")
    server: servers.Postgres = request.getfixturevalue("postgres")
    owned = server.create(servers.name_of(settings.database_url))
    return replace(settings, database_url=server.url(servers.name_of(owned), servers.SERVICE_ROLE))
