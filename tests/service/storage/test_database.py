"""Opening the database."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from consent.database import queries
from service.storage import database
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS


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


@pytest.mark.anyio
@pytest.mark.parametrize("steps", range(1, 5))
async def test_a_first_statement_that_is_cancelled_holds_up_no_other(tmp_path: Path, steps: int) -> None:
    """Steps of the event loop until the statement is cancelled: it waits for the file, or for its answer."""
    await database.open_database(f"sqlite://{tmp_path / 'city.sqlite3'}")
    try:
        for begin in (_read, _write):
            first = asyncio.create_task(begin())
            for _ in range(steps):
                await asyncio.sleep(0)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            async with asyncio.timeout(WAIT_SECONDS):
                await _write()
        assert (await queries.fetch_all("PRAGMA secure_delete")) == [{"secure_delete": 1}]
    finally:
        await database.close_database()


async def _read() -> None:
    await queries.fetch_all("SELECT 1 AS one")


async def _write() -> None:
    async with queries.transaction():
        await queries.execute("SELECT 1 AS one")


@pytest.mark.anyio
async def test_an_opening_that_is_cancelled_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for steps in range(40):
        opening = asyncio.create_task(database.open_database(f"sqlite://{tmp_path / 'city.sqlite3'}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        opening.cancel()
        if not isinstance((await asyncio.gather(opening, return_exceptions=True))[0], asyncio.CancelledError):
            await database.close_database()
    async with asyncio.timeout(WAIT_SECONDS):
        while set(threading.enumerate()) - before:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
