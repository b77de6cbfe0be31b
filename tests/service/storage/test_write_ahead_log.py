"""Erased values on SQLite: neither in free space of the file nor in the write-ahead log."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from consent.database import queries
from service.observability.log_events import LogEvent
from service.storage import write_ahead_log
from tests.support.city import City
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)]

TRACES = """
SELECT p.wrapped_key, p.sealed_subject, i.subject_index, a.account_index
  FROM person p JOIN subject i ON i.person_id = p.person_id JOIN linked_account a ON a.person_id = p.person_id
 ORDER BY p.created_at DESC LIMIT 1
"""


def in_files(folder: Path, trace: bytes | str) -> list[str]:
    """Return the names of the database's files that contain a value."""
    value = trace.encode() if isinstance(trace, str) else trace
    return sorted(path.name for path in folder.glob("city.sqlite3*") if value in path.read_bytes())


async def traces_of_newest() -> dict[str, bytes | str]:
    row = await queries.fetch_one(TRACES)
    assert row is not None
    return row


async def gone(folder: Path, traces: dict[str, bytes | str]) -> None:
    """Wait until no file contains any of the values."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if not any(in_files(folder, trace) for trace in traces.values()):
                return
            await asyncio.sleep(POLL_SECONDS)


async def test_an_erased_person_is_in_no_file_of_sqlite(town: City, city_folder: Path) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    traces = await traces_of_newest()
    assert all(in_files(city_folder, trace) for trace in traces.values())
    assert (await wang.delete("/v1/me")).status_code == 200
    await gone(city_folder, traces)


async def test_a_failure_is_logged_and_the_next_turn_empties_it(
    town: City, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    emptied, turns = asyncio.Event(), iter([sqlite3.OperationalError("something that was sent")])

    async def empty() -> None:
        for error in turns:
            raise error
        emptied.set()

    monkeypatch.setattr(write_ahead_log, "empty", empty)
    loop = asyncio.create_task(write_ahead_log.keep_empty(asyncio.Event(), every_seconds=POLL_SECONDS))
    await asyncio.wait_for(emptied.wait(), WAIT_SECONDS)
    loop.cancel()
    assert [record.msg for record in caplog.records] == [LogEvent.WRITE_AHEAD_LOG_NOT_EMPTIED]


async def test_another_reader_delays_it_and_fails_nothing(town: City, city_folder: Path) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    traces = await traces_of_newest()
    with closing(sqlite3.connect(city_folder / "city.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchone()
        assert (await wang.delete("/v1/me")).status_code == 200
        await write_ahead_log.empty()
        assert any(in_files(city_folder, trace) for trace in traces.values())
        assert (await town.client.get("/v1/public/benefits")).status_code == 200
    requested = asyncio.Event()
    emptying = asyncio.create_task(write_ahead_log.keep_empty(requested, every_seconds=POLL_SECONDS))
    await gone(city_folder, traces)
    emptying.cancel()
