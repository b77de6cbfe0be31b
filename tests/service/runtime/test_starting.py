"""Starts of `serve`: one that fails says why in one line and ends with its code; a database that is away ends none."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import psutil
import pytest

from consent.database import queries
from service import settings
from service.demo import second_city, seed
from service.observability.log_events import LogEvent
from service.runtime import first_start
from service.runtime.exit_codes import ExitCode, StartFailed
from service.settings import Settings
from service.storage import database
from tests.support import servers
from tests.support.command_line import run_command
from tests.support.deadlines import NO_CERTIFICATES, POLL_SECONDS, WAIT_SECONDS
from tests.support.deployments import Deployment, deployed
from tests.support.environment import settings_environment
from tests.support.processes import ROOT
from tests.support.seeding import seed_database

PASSWORD = "s3cret-of-the-clerk"


@pytest.fixture(scope="module")
def own_server() -> Iterator[servers.Postgres]:
    """A server of these tests alone, to be stopped, where the user `clerk` needs a password."""
    with servers.postgres() as server:
        server.psql(f"CREATE USER clerk PASSWORD '{PASSWORD}'")
        rules = Path(server.psql("SHOW hba_file").splitlines()[2].strip())
        rules.write_text(f"local all clerk scram-sha-256\n{rules.read_text()}")
        server.psql("SELECT pg_reload_conf()")
        yield server


def as_clerk(url: str, password: str) -> str:
    return url.replace("postgres://postgres:@", f"postgres://clerk:{password}@")


def until(happened: Callable[[], bool]) -> None:
    """Wait for what a busy machine may be late with."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


def refusal(folder: Path, url: str) -> StartFailed:
    """The error with which a start on this database ends."""
    with pytest.raises(StartFailed) as refused:
        asyncio.run(first_start.check_database(settings.read(settings_environment(folder, DATABASE_URL=url))))
    reason = str(refused.value)
    assert len(reason.splitlines()) == 1
    assert PASSWORD not in reason
    return refused.value


@pytest.mark.both_engines
@pytest.mark.slow
def test_a_wrong_password_a_missing_user_and_a_missing_database_differ(
    own_server: servers.Postgres, tmp_path: Path
) -> None:
    url = own_server.url("postgres")
    wrong = refusal(tmp_path, as_clerk(url, f"{PASSWORD}-no"))
    assert (wrong.code, "password" in str(wrong)) == (ExitCode.DATABASE_REFUSES, True)
    unknown = refusal(tmp_path, url.replace("postgres://postgres:", f"postgres://nobody:{PASSWORD}"))
    assert (unknown.code, "user" in str(unknown)) == (ExitCode.DATABASE_REFUSES, True)
    missing = refusal(tmp_path, as_clerk(own_server.url("elsewhere"), PASSWORD))
    assert (missing.code, "no database of this name" in str(missing)) == (ExitCode.DATABASE_REFUSES, True)
    empty = refusal(tmp_path, as_clerk(url, PASSWORD))
    assert (empty.code, "credit-easy migrate" in str(empty)) == (ExitCode.SCHEMA, True)


def test_an_sqlite_file_that_cannot_be_opened_is_a_mistake(tmp_path: Path) -> None:
    assert refusal(tmp_path, f"sqlite://{tmp_path / 'absent' / 'city.sqlite3'}").code == ExitCode.DATABASE_REFUSES
    (tmp_path / "text.sqlite3").write_text("no database, and long enough to be read as its header" * 9)
    assert refusal(tmp_path, f"sqlite://{tmp_path / 'text.sqlite3'}").code == ExitCode.DATABASE_REFUSES


@pytest.mark.slow
def test_a_log_folder_of_another_database_ends_the_start(tmp_path: Path) -> None:
    chosen = seed.settings_of(tmp_path / "city")
    asyncio.run(seed_database(chosen))
    asyncio.run(first_start.check_database(chosen))
    (tmp_path / "empty").mkdir()
    moved = replace(chosen, publisher=replace(chosen.publisher, folder=tmp_path / "empty"))
    with pytest.raises(StartFailed, match="CREDIT_EASY_LOG_FOLDER") as refused:
        asyncio.run(first_start.check_database(moved))
    assert (refused.value.code, len(str(refused.value).splitlines())) == (ExitCode.UNUSABLE, 1)


def test_a_start_says_that_the_address_in_passes_is_not_set(
    city_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    document = second_city.issuer_document(city_settings, "https://other.example", second_city.SECOND)

    async def recognise() -> None:
        await database.open_database(city_settings.database_url)
        try:
            assert await second_city.recognise(document, await queries.now())
        finally:
            await database.close_database()

    def warnings(chosen: Settings) -> int:
        caplog.clear()
        asyncio.run(first_start.check_database(chosen))
        return sum(record.msg is LogEvent.PUBLIC_URL_NOT_SET for record in caplog.records)

    assert warnings(city_settings) == 0
    asyncio.run(recognise())
    assert warnings(city_settings) == 1
    assert warnings(replace(city_settings, public_url="https://city.example")) == 0


def test_a_database_that_does_not_answer_ends_no_start(tmp_path: Path) -> None:
    environment = settings_environment(tmp_path, DATABASE_URL=f"postgres://city@/city?host={tmp_path}")
    asyncio.run(first_start.check_database(settings.read(environment)))


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_start, "BIND_WAIT_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartFailed, match="in use") as refused:
        first_start.bind("127.0.0.1", taken.getsockname()[1])
    assert refused.value.code == ExitCode.ADDRESS
    for host, port in (("127.0.0.1", 99_999), ("192.0.2.1", 0), ("no such host", 0)):
        with pytest.raises(StartFailed, match="--host"):
            first_start.bind(host, port)


def test_a_port_that_becomes_free_is_waited_for() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]

    async def freed_meanwhile() -> None:
        waiting = asyncio.create_task(asyncio.to_thread(first_start.bind, "127.0.0.1", port))
        await asyncio.sleep(2 * first_start.BIND_RETRY_SECONDS)
        taken.close()
        (await waiting).close()

    asyncio.run(freed_meanwhile())


@pytest.mark.processes
@pytest.mark.both_engines
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_start_that_fails_prints_one_line(own_server: servers.Postgres, tmp_path: Path, workers: str) -> None:
    url = as_clerk(own_server.url("elsewhere"), PASSWORD)
    environment = settings_environment(tmp_path, DATABASE_URL=url)
    failed = run_command("serve", "--port", "0", "--workers", workers, env=environment)
    assert failed.returncode == ExitCode.DATABASE_REFUSES
    assert len(failed.stderr.splitlines()) == 1
    assert failed.stderr.startswith("CREDIT_EASY_DATABASE_URL: ")
    for command in (("migrate",), ("recompute",)):
        assert run_command(*command, env=environment).returncode == ExitCode.DATABASE_REFUSES
    away = run_command("migrate", env=settings_environment(tmp_path, DATABASE_URL=f"postgres://x@/y?host={tmp_path}"))
    assert (away.returncode, len(away.stderr.splitlines())) == (ExitCode.DATABASE_AWAY, 1)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("application", "code", "line"),
    [
        ("unusable", ExitCode.UNUSABLE, "CREDIT_EASY_KEYRING became unreadable"),
        ("broken", ExitCode.UNFORESEEN, "ZeroDivisionError at broken"),
    ],
)
def test_workers_that_cannot_start_end_their_parent(application: str, code: ExitCode, line: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.broken_applications", application],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert ended.returncode == code
    assert line in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "something that was sent" not in ended.stderr


def answer(service: Deployment, path: str) -> int:
    try:
        return httpx2.get(service.base + path, timeout=WAIT_SECONDS, verify=NO_CERTIFICATES).status_code
    except httpx2.HTTPError:
        return 0


@pytest.mark.processes
@pytest.mark.both_engines
def test_workers_start_without_the_database_and_open_it_later(
    own_server: servers.Postgres, tmp_path: Path, demo_folder: Path
) -> None:
    url = own_server.create()
    asyncio.run(seed_database(replace(seed.settings_of(demo_folder), database_url=url)))
    own_server.stop()
    try:
        with deployed(tmp_path, demo_folder, url, workers=2, ready="/healthz") as service:
            assert answer(service, "/readyz") == 503
            assert answer(service, "/v1/public/benefits") == 503
            until(lambda: len(service.workers) == 2)
            first = {worker.pid for worker in service.workers}
            os.kill(min(first), signal.SIGKILL)
            until(lambda: len({worker.pid for worker in service.workers} - {min(first)}) == 2)
            until(lambda: answer(service, "/v1/public/benefits") == 503)
            assert service.process.poll() is None
            own_server.start()
            until(lambda: [answer(service, "/readyz") for _ in range(8)] == [200] * 8)
            assert answer(service, "/v1/public/benefits") == 200
        assert service.process.returncode == 0  # SIGTERM is the only end without an error
    finally:
        own_server.start()


@pytest.mark.processes
@pytest.mark.both_engines
def test_a_database_that_returns_without_its_migrations_is_not_served(
    own_server: servers.Postgres, tmp_path: Path, demo_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = own_server.create()
    own_server.stop()
    try:
        with deployed(tmp_path, demo_folder, url, workers=1, ready="/healthz") as service:
            printed = [""]
            own_server.start()

            def asks_to_migrate() -> bool:
                printed[0] += "".join(capfd.readouterr())
                return "run `credit-easy migrate`" in printed[0]

            until(asks_to_migrate)
            assert [answer(service, path) for path in ("/readyz", "/v1/public/benefits")] == [503, 503]
            asyncio.run(seed_database(replace(seed.settings_of(demo_folder), database_url=url)))
            until(lambda: answer(service, "/readyz") == 200)
            assert answer(service, "/v1/public/benefits") == 200
    finally:
        own_server.start()


@pytest.mark.processes
@pytest.mark.both_engines
def test_workers_end_with_their_parent_and_free_the_port(
    own_server: servers.Postgres, tmp_path: Path, demo_folder: Path
) -> None:
    url = own_server.create()
    asyncio.run(seed_database(replace(seed.settings_of(demo_folder), database_url=url)))
    with deployed(tmp_path, demo_folder, url, workers=2) as service:
        until(lambda: len(service.workers) == 2)
        workers = service.workers
        service.process.kill()
        service.process.wait()
        until(lambda: not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers))
        port = int(re.findall(r"\d+", service.base)[-1])
        first_start.bind("127.0.0.1", port).close()


@pytest.mark.processes
@pytest.mark.both_engines
def test_workers_without_space_for_shared_counts_serve_and_say_so(
    own_server: servers.Postgres, tmp_path: Path, demo_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = own_server.create()
    asyncio.run(seed_database(replace(seed.settings_of(demo_folder), database_url=url)))
    # No file may grow beyond 64 kB, in memory neither: to a process this is a full disk.
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, usual[1]))
    try:
        with deployed(tmp_path, demo_folder, url, workers=2) as service:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
            for _ in range(4):
                assert httpx2.get(service.operations + "/metrics", timeout=WAIT_SECONDS).status_code == 200
            assert answer(service, "/v1/public/benefits") == 200
            assert len(service.workers) == 2
        assert capfd.readouterr().err.count("counts_not_shared") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_the_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    section = page.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.M)] == sorted({0, 1, *map(int, ExitCode)})
