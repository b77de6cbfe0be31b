"""A PostgreSQL that takes no writes after a failover: nothing is read from it, and the new primary is connected to."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from service.demo import seed
from tests.support import city, servers
from tests.support.city import City, Resident
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS
from tests.support.seeding import seed_database
from tests.support.servers import Postgres

PATHS = ("/v1/public/benefits", "/v1/me/points", "/v1/me/consents", "/readyz")


@contextmanager
def read_only(postgres: Postgres) -> Iterator[None]:
    """Make every session of the server read-only, as a provider does to the old primary.

    A session reads the change when the server's signal has reached it, which may be after this returns.
    """
    postgres.psql("ALTER SYSTEM SET default_transaction_read_only = on")
    postgres.psql("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        postgres.psql("ALTER SYSTEM RESET default_transaction_read_only")
        postgres.psql("SELECT pg_reload_conf()")


async def answers_everywhere(town: City, status: int) -> None:
    """Wait until every one of PATHS answers with this status; before, with 200 or 503 and `Retry-After`."""
    resident = town.resident("wang")
    for path in PATHS:
        async with asyncio.timeout(WAIT_SECONDS):
            while (answer := await resident.get(path)).status_code != status:
                assert answer.status_code in (200, 503), answer.text
                await asyncio.sleep(POLL_SECONDS)
        if status == 503:
            assert answer.headers["Retry-After"] == "5"


async def write_is_answered(resident: Resident, notice: dict[str, str], status: int) -> None:
    """Post a consent request until it is answered with this status; before, with 201 or 503 and `Retry-After`."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            answer = await resident.post("/v1/me/consent-requests", notice)
            assert (answer.status_code, answer.headers.get("Retry-After")) in ((201, None), (503, "5")), answer.text
            if answer.status_code == status:
                return
            await asyncio.sleep(POLL_SECONDS)


@pytest.mark.anyio
@pytest.mark.both_engines
@pytest.mark.parametrize("city_settings", ["postgres"], indirect=True)
async def test_a_read_only_server_is_answered_503_until_it_takes_writes(town: City, postgres: Postgres) -> None:
    wang, notice = town.resident("wang"), {"purpose": "benefit.check", "provider_id": "city-library", "language": "en"}
    await answers_everywhere(town, 200)
    with read_only(postgres):
        # Before the first check, writes meet the server's own error.
        for _ in range(3):
            await write_is_answered(wang, notice, 503)
        await answers_everywhere(town, 503)
    await answers_everywhere(town, 200)
    await write_is_answered(wang, notice, 201)


class Standby:
    """A hot standby of a server, in a folder of its own."""

    def __init__(self, primary: Postgres, folder: Path) -> None:
        self.folder, self.socket = folder / "standby", folder
        self.programs: Path = primary.server.bin_path  # type: ignore[attr-defined]
        self.user: str | None = primary.server.system_user  # type: ignore[attr-defined]
        if self.user is not None:
            shutil.chown(folder, self.user)
        source = parse_qs(urlsplit(primary.url("postgres")).query)["host"][0]
        # Port 5432 names the file of the socket, which is in the folder; nothing listens on TCP.
        self._run(
            "pg_basebackup", "-h", source, "-U", "postgres", "-D", self.folder, "-R", "-X", "stream", "-c", "fast"
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={self.socket}"
        self._run("pg_ctl", "-D", self.folder, "-w", "-l", folder / "log", "-o", options, "start")

    def promote(self) -> None:
        self._run("pg_ctl", "-D", self.folder, "-w", "promote")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.folder, "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run([self.programs / program, *arguments], check=True, user=self.user, capture_output=True)


@pytest.mark.anyio
@pytest.mark.campaign
async def test_the_promoted_standby_of_a_url_with_two_hosts_is_used(demo_folder: Path, tmp_path: Path) -> None:
    settings = replace(seed.settings_of(demo_folder), integrate_seconds=3_600)
    (tmp_path / "published").mkdir()
    with servers.postgres() as primary, tempfile.TemporaryDirectory(prefix="ce-st-") as folder:
        url = primary.create()
        settings = replace(settings, publisher=replace(settings.publisher, folder=tmp_path / "published"))
        await seed_database(replace(settings, database_url=url))
        standby = Standby(primary, Path(folder))
        try:
            hosts = f"{parse_qs(urlsplit(url).query)['host'][0]},{standby.socket}"
            url = f"{url.partition('?')[0]}?host={quote(hosts, safe='')}"
            async with city.running_city(replace(settings, database_url=url), demo_folder) as town:
                await answers_everywhere(town, 200)
                primary.stop()
                # The standby answers queries, and none of them is asked.
                await answers_everywhere(town, 503)
                standby.promote()
                await answers_everywhere(town, 200)
                await town.resident("li").consent_to_provider("city-library")
        finally:
            standby.stop()
            primary.start()
