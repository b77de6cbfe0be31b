"""The service as it runs in production: `serve` with several processes, PostgreSQL that stops, pauses and comes back.

Acknowledged records are stored exactly once; a request that could not be served was answered 503.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from consent import persons
from consent.database import queries
from consent.records import source_ids
from service.auth.access_tokens import Audience
from service.demo import seed
from service.storage import database
from tests.support import servers
from tests.support.city import record
from tests.support.command_line import run_command
from tests.support.deadlines import WAIT_SECONDS
from tests.support.deployments import deployed, token
from tests.support.environment import settings_environment
from tests.support.seeding import seed_database

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


@dataclass
class Answers:
    """The acknowledged record ids, and the status of every other answer."""

    records: set[str] = field(default_factory=set)
    other: list[int] = field(default_factory=list)
    stop: bool = False


def delivered(name: str) -> dict[str, Any]:
    return record(name, "bike-607", occurred_on="2025-06-01")


async def deliver(http: httpx2.AsyncClient, name: str) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token(Audience.SOURCE, 'green-travel')}"}
    return await http.post("/v1/source/records", json={"records": [delivered(name)]}, headers=headers)


async def keep_delivering(base: str, answers: Answers) -> None:
    """Deliver one record after another until `answers` is stopped; errors do not end the loop."""
    async with httpx2.AsyncClient(base_url=base, timeout=WAIT_SECONDS) as http:
        while not answers.stop:
            name = secrets.token_hex(8)
            try:
                answer = await deliver(http, name)
            except httpx2.HTTPError:
                answers.other.append(0)
                continue
            if answer.status_code == 200:
                assert answer.json()["accepted"] == 1, answer.text
                answers.records.add(name)
            else:
                answers.other.append(answer.status_code)
                await asyncio.sleep(0.05)


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what a busy machine may be late with."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def stored(database_url: str, demo_folder: Path) -> list[str]:
    """The source's ids of the stored records, which agree with the indexes stored for them."""
    keyring = seed.settings_of(demo_folder).keyring
    await database.open_database(database_url)
    try:
        rows = await queries.fetch_all(
            "SELECT r.record_id, r.sealed_source_record_id, p.person_id, p.epoch, p.wrapped_key FROM record r"
            " JOIN person p ON p.person_id = r.person_id WHERE r.source_id = 'green-travel'"
        )
        indexed = await queries.fetch_all("SELECT source_record_index AS record FROM record_index")
    finally:
        await database.close_database()
    ids = [
        source_ids.open_id(persons.from_row(keyring, row), row["record_id"], row["sealed_source_record_id"])
        for row in rows
    ]
    assert set(map(source_ids.index_of(keyring, "green-travel"), ids)) <= {row["record"] for row in indexed}
    return ids


async def heals(base: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    async with httpx2.AsyncClient(base_url=base, timeout=WAIT_SECONDS) as http:
        while (await deliver(http, secrets.token_hex(8))).status_code != 200:
            assert time.monotonic() < deadline, "the service did not heal"
            await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def own_server() -> Iterator[servers.Postgres]:
    """A server to be stopped: durable, since what it acknowledged must survive."""
    with servers.postgres(durable=True) as server:
        yield server


@pytest.fixture
def own_city(own_server: servers.Postgres, demo_folder: Path) -> str:
    """The URL of a seeded database on that server."""
    url = own_server.create()
    asyncio.run(seed_database(replace(seed.settings_of(demo_folder), database_url=url)))
    return url


async def stopped_and_started(
    own_server: servers.Postgres, url: str, folder: Path, demo_folder: Path, times: int
) -> None:
    answers = Answers()
    with deployed(folder, demo_folder, url, workers=2) as service:
        load = [asyncio.create_task(keep_delivering(service.base, answers)) for _ in range(8)]
        for _ in range(times):
            before, refused = len(answers.records), len(answers.other)
            await until(lambda: len(answers.records) > before)  # noqa: B023
            await asyncio.to_thread(own_server.stop)
            await until(lambda: len(answers.other) > refused)  # noqa: B023
            await asyncio.to_thread(own_server.start)
            await heals(service.base)
        answers.stop = True
        await asyncio.gather(*load)
    assert {*answers.other} == {503}
    there = await stored(url, demo_folder)
    assert len(there) == len({*there})
    assert answers.records <= {*there}


async def test_postgresql_stopped_at_once_and_started_loses_nothing(
    own_server: servers.Postgres, own_city: str, tmp_path: Path, demo_folder: Path
) -> None:
    await stopped_and_started(own_server, own_city, tmp_path, demo_folder, times=1)


@pytest.mark.campaign
async def test_postgresql_stopped_and_started_ten_times_loses_nothing(
    own_server: servers.Postgres, own_city: str, tmp_path: Path, demo_folder: Path
) -> None:
    await stopped_and_started(own_server, own_city, tmp_path, demo_folder, times=10)


async def test_a_paused_postgresql_is_answered_503_without_waiting_for_it(
    own_server: servers.Postgres, own_city: str, tmp_path: Path, demo_folder: Path
) -> None:
    clients = [Answers() for _ in range(30)]
    with deployed(tmp_path, demo_folder, own_city, workers=1) as service:
        load = [asyncio.create_task(keep_delivering(service.base, answers)) for answers in clients]
        await until(lambda: any(answers.records for answers in clients))
        with own_server.paused():
            # The pause ends only after everybody was answered, so nobody waited for its end.
            await until(lambda: all(503 in answers.other for answers in clients))
            async with httpx2.AsyncClient(base_url=service.base, timeout=WAIT_SECONDS) as http:
                assert (await http.get("/healthz")).status_code == 200
                answer = await deliver(http, "later")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        await heals(service.base)
        for answers in clients:
            answers.stop = True
        await asyncio.gather(*load)
    assert {status for answers in clients for status in answers.other} == {503}
    assert {name for answers in clients for name in answers.records} <= {*await stored(own_city, demo_folder)}


async def test_a_worker_that_dies_is_replaced_and_what_is_counted_adds_up(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path
) -> None:
    url = postgres.create(seeded_postgres)
    with deployed(tmp_path, demo_folder, url, workers=2) as service:
        answers = Answers()
        load = [asyncio.create_task(keep_delivering(service.base, answers)) for _ in range(4)]
        await until(lambda: bool(answers.records) and len(service.workers) == 2)
        first = {worker.pid for worker in service.workers}
        victim = min(first)
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + WAIT_SECONDS
        while len({worker.pid for worker in service.workers} - {victim}) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        await heals(service.base)
        answers.stop = True
        await asyncio.gather(*load)
        assert {*answers.other} <= {0}  # only requests that were being answered lost their connection
        async with httpx2.AsyncClient(base_url=service.operations, timeout=WAIT_SECONDS) as http:
            text = (await http.get("/metrics")).text
        series = 'credit_easy_requests_total{operation="deliverRecords",status="2xx"} '
        (line,) = (line for line in text.splitlines() if line.startswith(series))
        assert float(line.removeprefix(series)) >= len(answers.records)
    assert answers.records <= {*await stored(url, demo_folder)}


async def test_a_migration_under_load_fails_no_request(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path
) -> None:
    url = postgres.create(seeded_postgres)
    answers = Answers()
    with deployed(tmp_path, demo_folder, url, workers=1) as service:
        load = [asyncio.create_task(keep_delivering(service.base, answers)) for _ in range(6)]
        for number in range(6):
            await asyncio.sleep(0.2)
            await database.open_database(url)
            for table in ("person", "document", "consent", "record", "record_index", "linked_account"):
                await queries.execute(f"ALTER TABLE {table} ADD COLUMN later_{number} INTEGER")
            await database.close_database()
        again = await asyncio.to_thread(run_command, "migrate", env=service.environment)
        assert again.stdout.strip() == "nothing to do"
        answers.stop = True
        await asyncio.gather(*load)
    assert answers.other == []
    assert answers.records <= {*await stored(url, demo_folder)}


async def test_a_running_request_is_answered_when_the_service_stops(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path
) -> None:
    url = postgres.create(seeded_postgres)
    with deployed(tmp_path, demo_folder, url, workers=1) as service:

        async def slowly() -> Any:
            for number in range(30):
                yield json.dumps(delivered(f"slow-{number}")).encode() + b"\n"
                await asyncio.sleep(0.05)

        headers = {
            "Authorization": f"Bearer {token(Audience.SOURCE, 'green-travel')}", "Content-Type": "application/x-ndjson"
        }  # fmt: skip
        async with httpx2.AsyncClient(base_url=service.base, timeout=WAIT_SECONDS) as http:
            sending = asyncio.create_task(http.post("/v1/source/records", content=slowly(), headers=headers))
            await asyncio.sleep(0.5)
            service.process.send_signal(signal.SIGTERM)
            answer = await sending
        assert answer.status_code == 200
        assert [json.loads(line)["status"] for line in answer.text.splitlines()] == ["accepted"] * 30
    assert len({name for name in await stored(url, demo_folder) if name.startswith("slow-")}) == 30


async def test_workers_are_replaced_at_sighup_and_no_request_of_a_load_fails(
    postgres: servers.Postgres, seeded_postgres: str, tmp_path: Path, demo_folder: Path
) -> None:
    """Persistent connections under load: each is told to close by an answer, and none under a request."""
    url = postgres.create(seeded_postgres)
    answers = Answers()
    with deployed(tmp_path, demo_folder, url, workers=2) as service:
        await until(lambda: len(service.workers) == 2)
        load = [asyncio.create_task(keep_delivering(service.base, answers)) for _ in range(4)]
        await until(lambda: len(answers.records) >= 20)
        before = {worker.pid for worker in service.workers}
        service.process.send_signal(signal.SIGHUP)
        await until(lambda: len(service.workers) == 2 and not before & {worker.pid for worker in service.workers})
        goal = len(answers.records) + 20
        await until(lambda: len(answers.records) >= goal or bool(answers.other))
        answers.stop = True
        await asyncio.gather(*load)
    assert answers.other == []
    assert answers.records <= {*await stored(url, demo_folder)}


async def test_a_process_alone_survives_sighup_and_answers_what_it_is_sent_while_it_stops(
    postgres: servers.Postgres,
    seeded_postgres: str,
    tmp_path: Path,
    demo_folder: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url = postgres.create(seeded_postgres)
    with deployed(tmp_path, demo_folder, url, workers=1) as service:
        async with httpx2.AsyncClient(base_url=service.base, timeout=WAIT_SECONDS) as http:
            service.process.send_signal(signal.SIGHUP)
            assert (await deliver(http, "after-sighup")).status_code == 200
            service.process.send_signal(signal.SIGTERM)
            answer = await deliver(http, "after-sigterm")  # on the open connection
        assert answer.status_code == 200
    assert service.process.returncode == 0
    assert capfd.readouterr().err.count("reload_ignored") == 1


def test_sqlite_serves_one_process_alone(tmp_path: Path) -> None:
    settings = settings_environment(tmp_path, DATABASE_URL=f"sqlite://{tmp_path / 'city.sqlite3'}")
    refused = run_command("serve", "--workers", "2", env=settings)
    assert (refused.returncode, "PostgreSQL" in refused.stderr) == (2, True)
