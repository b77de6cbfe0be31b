"""Opening the database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consent.database import queries
from service.storage import database


@pytest.mark.anyio
@pytest.mark.parametrize("mask", [0o000, 0o022])
async def test_an_sqlite_file_is_for_its_owner_alone(tmp_path: Path, mask: int) -> None:
    usual = os.umask(mask)
    try:
        await database.open_database(f"sqlite://{tmp_path / 'city.sqlite3'}")
        await queries.execute("CREATE TABLE written (id INTEGER)")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}  # noqa: ASYNC240
    finally:
        os.umask(usual)
        await database.close_database()
    assert modes == dict.fromkeys(("city.sqlite3", "city.sqlite3-wal", "city.sqlite3-shm"), 0o600)
