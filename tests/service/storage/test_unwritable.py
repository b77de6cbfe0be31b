"""A database whose disk is full, fails or is read-only: writes are answered 503, reads go through, and it heals."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import httpx2
import pytest
from tortoise.exceptions import OperationalError, TransactionManagementError

from consent.database import failures, queries
from service.settings import Settings
from tests.support import city
from tests.support.city import City, record
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

RECORDS = 400
"""Records of a delivery that needs more space than FREE_BYTES."""
FREE_BYTES = 64 * 1024
"""Bytes that a file may have, or that stay free on the disk."""
DISK_BYTES = 48 * 2**20


@asynccontextmanager
async def pragma(name: str, value: str, usual: str) -> AsyncIterator[None]:
    await queries.fetch_all(f"PRAGMA {name} = {value}")
    try:
        yield
    finally:
        await queries.fetch_all(f"PRAGMA {name} = {usual}")


@asynccontextmanager
async def small_files() -> AsyncIterator[None]:
    """Let this process write nothing beyond FREE_BYTES of any file: SQLite's log meets an I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FREE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def full_disk(folder: Path) -> AsyncIterator[None]:
    """Fill the disk of the database but for FREE_BYTES."""
    filler = folder / "filler"
    filler.write_bytes(bytes(max(shutil.disk_usage(folder).free - FREE_BYTES, 0)))
    try:
        yield
    finally:
        filler.unlink()


async def refused_and_healed(town: City, cause: str, folder: Path) -> None:
    """Deliver while the database is unwritable: nothing is stored, stored points are read; then it heals by itself."""
    wang, year = town.resident("wang"), await town.last_year()
    await wang.volunteer(60, "v-wang")
    await wang.total()
    # A checkpoint lets the log begin at its first byte again; without it the log's own space would do.
    await queries.fetch_all("PRAGMA wal_checkpoint(TRUNCATE)")
    source = town.source("volunteer-service")
    records = [record(f"r{n}", "v-wang", "volunteer_minutes", 60, f"{year}-06-01") for n in range(RECORDS)]
    pages = (await queries.fetch_all("PRAGMA page_count"))[0]["page_count"]
    unwritable: dict[str, Callable[[], AbstractAsyncContextManager[None]]] = {
        "pages": lambda: pragma("max_page_count", str(pages), "1073741823"),
        "query_only": lambda: pragma("query_only", "ON", "OFF"),
        "file_size": small_files,
        "disk": lambda: full_disk(folder),
    }
    async with unwritable[cause]():
        for _ in range(2):
            answer = await source.post("/v1/source/records", {"records": records})
            assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
            assert answer.json()["code"] == "unavailable"
        ready = await town.client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, False)
        assert ready.headers["Retry-After"] == "5"
        assert (await town.client.get("/v1/public/benefits")).status_code == 200
        assert await wang.total() == 1
        stored = await queries.fetch_all("SELECT count(*) AS counted FROM record WHERE quantity = 60")
        assert stored == [{"counted": 1}]
    await heals(town)
    assert (await source.deliver(*records))["accepted"] == RECORDS
    rows = await queries.fetch_all("SELECT count(*) AS counted FROM stored_answer WHERE scope = 'write-probe'")
    assert rows == [{"counted": 0}]


async def heals(town: City) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if (await town.client.get("/readyz")).status_code == 200:
                return
            await asyncio.sleep(POLL_SECONDS)


@pytest.mark.anyio
@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("cause", ["pages", "query_only", "file_size"])
async def test_an_unwritable_sqlite_is_answered_503_and_heals(town: City, tmp_path: Path, cause: str) -> None:
    await refused_and_healed(town, cause, tmp_path)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={DISK_BYTES}"
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]).returncode:
        pytest.skip("nobody may mount a disk here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.anyio
@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_sqlite_on_a_full_disk_is_answered_503_and_heals(
    city_settings: Settings, demo_folder: Path, disk: Path
) -> None:
    shutil.copy(city_settings.database_url.removeprefix("sqlite://"), disk / "city.sqlite3")
    settings = replace(city_settings, database_url=f"sqlite://{disk / 'city.sqlite3'}")
    async with city.running_city(settings, demo_folder) as town:
        await refused_and_healed(town, "disk", disk)


@pytest.mark.anyio
@pytest.mark.both_engines
@pytest.mark.database_owner  # makes a trigger
@pytest.mark.parametrize("city_settings", ["postgres"], indirect=True)
async def test_a_postgresql_whose_disk_is_full_is_answered_503_and_heals(town: City) -> None:
    wang, notice = town.resident("wang"), {"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}
    await queries.execute_script(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON stored_answer EXECUTE FUNCTION full_disk()"
    )
    answer = await wang.post("/v1/me/consent-requests", notice)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
    assert (await town.client.get("/readyz")).status_code == 503
    assert (await town.client.get("/v1/public/benefits")).status_code == 200
    await queries.execute_script("DROP TRIGGER full_disk ON stored_answer")
    await heals(town)
    assert (await wang.post("/v1/me/consent-requests", notice)).status_code == 201


@pytest.mark.anyio
@pytest.mark.parametrize("city_settings", ["sqlite"], indirect=True)
async def test_a_commit_that_sqlite_refuses_leaves_no_open_transaction(town: City) -> None:
    await queries.execute_script("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    await queries.execute_script("CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(sqlite3.IntegrityError):
        async with queries.transaction():
            await queries.execute("INSERT INTO child VALUES (1)")
    async with queries.transaction():
        await queries.execute("INSERT INTO parent VALUES (1)")
    assert await queries.fetch_all("SELECT 1 FROM child") == []


@pytest.mark.anyio
@pytest.mark.both_engines
@pytest.mark.parametrize("ending", ["withdraw", "withdraw all", "erase"])
async def test_nothing_ends_while_the_log_folder_takes_no_tombstones(town: City, ending: str) -> None:
    """An acknowledged end must survive a restore: without its tombstone it is refused, and repeated later."""
    wang = town.resident("wang")
    await wang.volunteer(60, "v-wang")
    (consent,) = (await wang.get("/v1/me/consents")).json()["data"]
    path = f"/v1/me/consents/{consent['consent_id']}/withdraw"

    async def end() -> httpx2.Response:
        if ending == "erase":
            return await wang.delete("/v1/me")
        return await (wang.post(path) if ending == "withdraw" else wang.post("/v1/me/withdrawals", {"scope": "all"}))

    tombstones = town.app_context.tombstones
    tombstones.close()
    segments = tombstones.folder / "tombstones.d"
    shutil.rmtree(segments, ignore_errors=True)
    segments.touch()  # no folder: no segment can be created in it, by root neither
    answer = await end()
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5"), answer.text
    assert answer.json()["code"] == "unavailable"
    assert (await wang.get(f"/v1/me/consents/{consent['consent_id']}")).json()["state"] == "given"
    assert await wang.total() == 1
    segments.unlink()
    assert list(tombstones.read_all()) == []
    assert (await end()).status_code == 200
    assert await wang.total() == 0
    assert len(list(tombstones.read_all())) == 1


def test_errors_of_a_full_database_differ_from_mistakes() -> None:
    def failed(statement: str, **options: object) -> sqlite3.Error:
        with sqlite3.connect(":memory:") as memory:
            memory.execute("CREATE TABLE t (a)")
            for pragma_name, value in options.items():
                memory.execute(f"PRAGMA {pragma_name} = {value}")
            try:
                memory.execute(statement)
            except sqlite3.Error as error:
                return error
        raise AssertionError("the statement succeeded")

    full = failed("INSERT INTO t VALUES (zeroblob(100000))", max_page_count=3)
    read_only, mistake = failed("INSERT INTO t VALUES (1)", query_only="ON"), failed("SELECT b FROM t")
    for error in (full, read_only, OperationalError(full), TransactionManagementError(read_only)):
        assert failures.is_unavailable(error)
        assert failures.is_unwritable(error)
    assert failures.is_unwritable(asyncpg.DiskFullError("could not extend file"))
    for error in (mistake, OperationalError(mistake), OperationalError(asyncpg.UndefinedTableError("t"))):
        assert not failures.is_unavailable(error)
        assert not failures.is_unwritable(error)
