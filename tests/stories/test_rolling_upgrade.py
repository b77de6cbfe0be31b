"""An upgrade and a downgrade while sources deliver: two processes behind nginx, one replaced at a time.

The older version is the commit before the newest migration, so that it serves a database it does not know, too.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from service.storage import database
from tests.service.runtime.test_production import Answers, deliver, keep_delivering, stored, until
from tests.support import servers, tokens
from tests.support.deadlines import WAIT_SECONDS
from tests.support.deployments import deployed
from tests.support.environment import demo_keys, issuers, settings_environment
from tests.support.processes import ROOT, free_port, wait_until_ready
from tests.support.upstreams import proxy

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.processes,
    pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed"),
]

CLIENTS = 4
RECORDS_BETWEEN = 40
"""Acknowledged records between two steps, so that each version serves for a while."""
SEED = (
    "import asyncio, sys; from dataclasses import replace; from pathlib import Path; from service.demo import seed;"
    " from tests.support.seeding import seed_database;"
    " asyncio.run(seed_database(replace(seed.settings_of(Path(sys.argv[1])), database_url=sys.argv[2])))"
)
"""Seed a database with the code of the folder it runs in."""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs the history of the repository")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the commit before the newest migration."""
    migrations = [f"{package}/migrations" for package in database.PACKAGES]
    newest = git("log", "-1", "--format=%H", "--", *migrations)
    folder, archive = tmp_path_factory.mktemp("older"), tmp_path_factory.mktemp("archive") / "older.tar"
    git("archive", "--output", str(archive), f"{newest}^")
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    return folder


@contextmanager
def served(code: Path, environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`serve` with the code of a folder, once it is ready; ended by SIGTERM."""
    command = [sys.executable, "-m", "service.cli.main", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=code, env={**os.environ, **environment})
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_SECONDS)


async def keep_connecting(base: str, answers: Answers) -> None:
    """Deliver one record after another, each on a connection of its own, until `answers` is stopped.

    nginx closes idle connections when it is reloaded, under a request that a client may be sending at that moment.
    """
    while not answers.stop:
        name = secrets.token_hex(8)
        async with httpx2.AsyncClient(base_url=base, timeout=WAIT_SECONDS) as http:
            answer = await deliver(http, name)
        if answer.status_code == 200:
            answers.records.add(name)
        else:
            answers.other.append(answer.status_code)


@pytest.mark.campaign
async def test_versions_side_by_side_lose_and_refuse_nothing(
    older: Path, postgres: servers.Postgres, tmp_path: Path, demo_folder: Path
) -> None:
    url = postgres.create()
    seed = [sys.executable, "-c", SEED, str(demo_folder), url]
    await asyncio.to_thread(subprocess.run, seed, cwd=older, check=True)
    answers, first, second = Answers(), free_port(), free_port()
    with ExitStack() as stack:
        jwks_url, _ = stack.enter_context(tokens.listener(tokens.documents()))
        environment = settings_environment(
            tmp_path,
            DATABASE_URL=url,
            ALLOWED_HOSTS="127.0.0.1",
            ISSUERS=issuers(jwks_url=jwks_url),
            **demo_keys(demo_folder),
        )
        running = {port: stack.enter_context(ExitStack()) for port in (first, second)}
        for port, place in running.items():
            place.enter_context(served(older, environment, port))
        front = stack.enter_context(proxy(tmp_path / "nginx", first, second))
        load = [asyncio.create_task(keep_connecting(front.base, answers)) for _ in range(CLIENTS)]

        async def serve_for_a_while() -> None:
            goal = len(answers.records) + RECORDS_BETWEEN
            await until(lambda: len(answers.records) >= goal or bool(answers.other))
            assert answers.other == []

        async def replace(port: int, code: Path) -> None:
            other = second if port == first else first
            await asyncio.to_thread(front.send_to, other)
            await asyncio.to_thread(running[port].close)
            await asyncio.to_thread(running[port].enter_context, served(code, environment, port))
            await asyncio.to_thread(front.send_to, first, second)
            await serve_for_a_while()

        await serve_for_a_while()
        migrate = [sys.executable, "-m", "service.cli.main", "migrate"]
        done = await asyncio.to_thread(
            subprocess.run, migrate, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "nothing to do" not in done.stdout
        await serve_for_a_while()  # the older version on the newer tables
        for code in (ROOT, older, ROOT):  # up, down and up again
            for port in (first, second):
                await replace(port, code)
        answers.stop = True
        await asyncio.gather(*load)
    assert answers.other == []
    assert answers.records <= {*await stored(url, demo_folder)}


@pytest.mark.campaign
async def test_workers_are_replaced_one_by_one_and_every_acknowledged_record_is_stored(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path
) -> None:
    answers, url = Answers(), postgres.create(seeded_postgres)
    with deployed(tmp_path, demo_folder, url, workers=2) as service:
        await until(lambda: len(service.workers) == 2)
        async with httpx2.AsyncClient(timeout=WAIT_SECONDS) as client:
            assert (await client.get(service.operations + "/readyz")).status_code == 200
        load = [asyncio.create_task(keep_delivering(service.base, answers)) for _ in range(CLIENTS)]
        await until(lambda: len(answers.records) >= RECORDS_BETWEEN)
        before = {worker.pid for worker in service.workers}
        service.process.send_signal(signal.SIGHUP)
        await until(lambda: len(service.workers) == 2 and not before & {worker.pid for worker in service.workers})
        goal = len(answers.records) + RECORDS_BETWEEN
        await until(lambda: len(answers.records) >= goal)
        answers.stop = True
        await asyncio.gather(*load)
    assert answers.records <= {*await stored(url, demo_folder)}
    assert answers.other == []
