"""A copy of the SQLite database while the service writes: one whole moment, with all that was acknowledged before."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from service.auth.access_tokens import Audience
from service.demo import seed
from service.settings import Settings
from service.storage import sqlite_backup
from tests.support import city
from tests.support.city import record
from tests.support.command_line import run_command
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.environment import demo_keys, settings_environment
from tests.support.processes import Process

pytestmark = pytest.mark.anyio
BACKUPS = 3
ACKNOWLEDGED_MIN = 20
"""Records before each copy, so that it is taken among writes."""


@dataclass
class Load:
    """Deliveries of one source, as fast as the service answers; `acknowledged` has the ids of what it accepted."""

    base: str
    token: str
    acknowledged: set[str]

    async def deliver(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx2.AsyncClient(base_url=self.base, timeout=WAIT_SECONDS, headers=headers) as client:
            while True:
                ride = record(secrets.token_hex(8), "bike-607", occurred_on="2025-06-01")
                answer = await client.post("/v1/source/records", json={"records": [ride]})
                assert answer.json()["accepted"] == 1, answer.text
                self.acknowledged.add(ride["record_id"])

    @asynccontextmanager
    async def running(self, clients: int = 3) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.deliver()) for _ in range(clients)]
        try:
            yield
            assert not any(task.done() for task in tasks), "a delivery failed"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def more(self) -> None:
        """Wait until ACKNOWLEDGED_MIN further records were accepted."""
        async with asyncio.timeout(WAIT_SECONDS):
            enough = len(self.acknowledged) + ACKNOWLEDGED_MIN
            while len(self.acknowledged) < enough:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)


def environment_of(settings: Settings, demo_folder: Path, folder: Path) -> dict[str, str]:
    return settings_environment(folder, DATABASE_URL=settings.database_url, **demo_keys(demo_folder))


async def records_in(copy: Path, settings: Settings, demo_folder: Path, folder: Path) -> set[str]:
    """Serve the restored copy with the log folder of the city; return the record ids of its rider."""
    served = folder / "restored.sqlite3"
    shutil.copy(copy, served)
    async with city.running_city(replace(settings, database_url=f"sqlite://{served}"), demo_folder) as town:
        rider, ids, cursor = town.resident("resident-1"), set(), ""
        while True:
            page = (await rider.get(f"/v1/me/records?limit=200{cursor}")).json()
            ids |= {row["source_record_id"] for row in page["data"]}
            if page["next_cursor"] is None:
                return ids
            cursor = f"&cursor={page['next_cursor']}"


def drafts_in(folder: Path) -> list[Path]:
    return list(folder.glob(".*"))


@pytest.mark.processes
async def test_a_copy_among_writes_has_all_that_was_acknowledged_before(
    city_settings: Settings, demo_folder: Path, tmp_path: Path
) -> None:
    process = Process(demo_folder, city_settings.database_url, city_settings.publisher.folder)
    rider = seed.issuer_of(demo_folder).mint(Audience.SOURCE, "green-travel", now=datetime.now(UTC))
    load, before = Load(process.base, rider, set()), []
    environment = environment_of(city_settings, demo_folder, tmp_path)
    try:
        async with load.running():
            for number in range(BACKUPS):
                await load.more()
                before.append(set(load.acknowledged))
                done = await asyncio.to_thread(
                    run_command, "backup", str(tmp_path / f"{number}.sqlite3"), env=environment
                )
                assert done.returncode == 0, done.stderr
                assert done.stdout.endswith("bytes, checked\n")
            await load.more()
    finally:
        await asyncio.to_thread(process.kill)
    for number, acknowledged in enumerate(before):
        copy = tmp_path / f"{number}.sqlite3"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        with closing(sqlite3.connect(copy)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert acknowledged <= await records_in(copy, city_settings, demo_folder, tmp_path)
    assert drafts_in(tmp_path) == []


@pytest.mark.parametrize("existing", ["file", "link to nothing"])
def test_nothing_is_overwritten(city_settings: Settings, demo_folder: Path, tmp_path: Path, existing: str) -> None:
    copy = tmp_path / "copy.sqlite3"
    if existing == "file":
        copy.write_text("mine")
    else:
        copy.symlink_to(tmp_path / "elsewhere")
    done = run_command("backup", str(copy), env=environment_of(city_settings, demo_folder, tmp_path))
    assert (done.returncode, done.stderr) == (2, f"{copy} exists, and nothing is overwritten; choose another name\n")
    assert not (tmp_path / "elsewhere").exists()
    assert copy.is_symlink() or copy.read_text() == "mine"


def test_a_file_that_appears_during_the_copy_stays(
    city_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, link = tmp_path / "copy.sqlite3", os.link

    def late(draft: Path, target: Path) -> None:
        target.write_text("mine")
        link(draft, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError):
        sqlite_backup.create(Path(city_settings.database_url.removeprefix("sqlite://")), copy)
    assert copy.read_text() == "mine"
    assert drafts_in(tmp_path) == []


def test_a_copy_that_cannot_be_written_is_refused_by_its_name(
    city_settings: Settings, demo_folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "missing" / "copy.sqlite3"
    done = run_command("backup", str(copy), env=environment_of(city_settings, demo_folder, tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"{copy} was not written: ")
    assert "Traceback" not in done.stderr


def test_a_database_that_is_not_there_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        sqlite_backup.create(tmp_path / "absent.sqlite3", tmp_path / "copy.sqlite3")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_leaves_no_copy(city_settings: Settings, tmp_path: Path) -> None:
    source, copy = Path(city_settings.database_url.removeprefix("sqlite://")), tmp_path / "copy.sqlite3"
    content = bytearray(source.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40_000] = b"\xff" * 40_000
    source.write_bytes(content)
    with pytest.raises((sqlite_backup.CopyBroken, sqlite3.DatabaseError)):
        sqlite_backup.create(source, copy)
    assert not copy.exists()
    assert drafts_in(tmp_path) == []


@pytest.mark.slow
def test_postgres_is_referred_to_its_own_tools(demo_folder: Path, tmp_path: Path) -> None:
    url = "postgres://city@127.0.0.1:1/city"
    done = run_command("backup", str(tmp_path / "copy"), env=settings_environment(tmp_path, DATABASE_URL=url))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pg_basebackup" in done.stderr
