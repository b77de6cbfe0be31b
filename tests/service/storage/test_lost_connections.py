"""A database connection that is lost at any statement of a request: never answered 500, repeated where that is safe."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import asyncpg
import httpx2
import psutil
import pytest

from consent.database import queries
from service.auth.access_tokens import Audience
from service.storage.pool import Connection
from tests.support import servers
from tests.support.city import City, Resident, record
from tests.support.deadlines import POLL_SECONDS, WAIT_SECONDS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.both_engines,
    pytest.mark.parametrize("city_settings", ["postgres"], indirect=True),
]

STATEMENTS_MAX = 60
"""More statements than any request below has."""
HAMMER_SECONDS, CAMPAIGN_SECONDS = 2, 60
HAMMER_CLIENTS = 10
PAUSE_MAX_SECONDS = 0.02
"""Longest pause between two terminated server processes."""
READS = ("/v1/me/points", "/v1/me/points/explanation", "/v1/me/export", "/v1/public/benefits")


@dataclass
class Loss:
    """The statement at which a connection is lost, counted down over all connections.

    `moment`: "closed" before the statement, and the driver knows it; "unread" before it, and the driver does not know
    it yet; "prepared": the server has prepared the statement, or like "closed" for one that needs no preparation;
    "answered": the server has run the statement and its answer is lost.
    """

    countdown: int = 0
    moment: str = "closed"
    statement: str = ""


class EndingConnection(asyncpg.Connection):  # type: ignore[misc]
    """asyncpg's connection, which can end as soon as a statement is prepared."""

    ends_when_prepared = False

    async def _get_statement(self, *args: Any, **options: Any) -> Any:
        statement = await super()._get_statement(*args, **options)
        if self.ends_when_prepared:
            self.terminate()
        return statement


class LosingConnection(Connection, EndingConnection):
    """A connection whose server process ends at the statement that `loss` counts down to."""

    loss: ClassVar[Loss] = Loss()

    async def _run(self, statement: str, run: Callable[[], Awaitable[Any]], *, prepares: bool = True) -> Any:
        self.loss.countdown -= 1
        if self.loss.countdown:
            return await run()
        self.loss.statement = statement
        pid = self.get_server_pid()
        if self.loss.moment == "answered":
            await run()
            end(pid)
            self.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        if self.loss.moment == "prepared" and prepares:
            self.ends_when_prepared = True
        elif self.loss.moment in ("closed", "prepared"):
            await asyncio.to_thread(end, pid)
        else:
            end(pid)
        return await run()

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._run(
            query, lambda: super(LosingConnection, self).execute(query, *args, **options), prepares=bool(args)
        )

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._run(query, lambda: super(LosingConnection, self).fetch(query, *args, **options))

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        return await self._run(query, lambda: super(LosingConnection, self).fetchrow(query, *args, **options))


def end(pid: int) -> None:
    """End a server process as pg_terminate_backend does, and wait for its end."""
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        psutil.Process(pid).wait()


@pytest.fixture
async def losing(town: City) -> AsyncIterator[Loss]:
    """A city whose connections can be lost, with a resident `wang` who has points."""
    pool: Any = queries.connection()._pool
    assert pool.connect_arguments["connection_class"] is Connection
    pool.connect_arguments["connection_class"] = LosingConnection
    await pool.expire_connections()
    await town.resident("wang").volunteer(7_200, "v-wang")
    await town.resident("wang").consent_to_provider("city-library")
    yield LosingConnection.loss
    LosingConnection.loss.countdown = 0


@dataclass
class Requests:
    """Requests of each kind of endpoint, each under a new key and with a new effect."""

    town: City
    wang: Resident
    year: int
    number: int = 0

    async def read_points(self) -> Callable[[], Awaitable[httpx2.Response]]:
        """A read that computes and stores, in transactions of its own."""
        await queries.execute("DELETE FROM snapshot")
        return lambda: self.wang.get("/v1/me/points")

    async def read_benefits(self) -> Callable[[], Awaitable[httpx2.Response]]:
        return lambda: self.town.client.get("/v1/public/benefits")

    async def request_notice(self) -> Callable[[], Awaitable[httpx2.Response]]:
        """A write with a stored answer."""
        body = {"language": "zh-CN", "purpose": "benefit.check", "provider_id": "city-library"}
        return lambda: self.wang.post("/v1/me/consent-requests", body)

    async def deliver(self) -> Callable[[], Awaitable[httpx2.Response]]:
        """A batch, which has transactions of its own."""
        self.number += 1
        records = [record(f"r{self.number}", "v-wang", "volunteer_minutes", 1, f"{self.year}-06-01")]
        return lambda: self.town.source("volunteer-service").post("/v1/source/records", {"records": records})

    async def import_nothing(self) -> Callable[[], Awaitable[httpx2.Response]]:
        """A write whose handler reads the body itself, inside the transaction."""
        staff = self.town.actor(Audience.ADMINISTRATOR, "wu-admin")
        return lambda: staff.post("/v1/admin/catalogue/import", {"catalogue": {}})

    async def redeem(self) -> Callable[[], Awaitable[httpx2.Response]]:
        """A redemption, whose plan is one statement."""
        await queries.execute("DELETE FROM quota_use")
        handle = (await self.wang.ticket())["handle"]
        return lambda: self.town.venue().post("/v1/venue/redemptions", {"handle": handle})


async def written() -> int:
    """Return the number of effects that a request below can have twice if it is wrongly repeated."""
    counted = 0
    for table in ("presentation", "record", "redemption"):
        row = await queries.fetch_one(f"SELECT count(*) AS counted FROM {table}")
        assert row is not None
        counted += row["counted"]
    return counted


@pytest.mark.parametrize("moment", ["closed", "unread", "prepared", "answered"])
@pytest.mark.parametrize(
    "act", ["read_points", "read_benefits", "request_notice", "deliver", "import_nothing", "redeem"]
)
async def test_a_connection_lost_at_any_statement_is_replaced(town: City, losing: Loss, moment: str, act: str) -> None:
    requests = Requests(town, town.resident("wang"), await town.last_year())
    # A process's first request of a kind also reads the catalogue.
    first = await (await getattr(requests, act)())()
    assert first.status_code in (200, 201), first.text
    effects = 1 if act in ("request_notice", "deliver", "redeem") else 0
    for number in range(1, STATEMENTS_MAX):
        send, before = await getattr(requests, act)(), await written()
        losing.statement, losing.moment, losing.countdown = "", moment, number
        answer = await send()
        losing.countdown = 0
        if answer.status_code == 503:
            assert answer.headers["Retry-After"] == "5"
            # Without a stored answer nothing tells the service if this COMMIT took place.
            assert (losing.statement, act in ("deliver", "import_nothing")) == ("COMMIT;", True)
            assert moment not in ("closed", "prepared")
            assert await written() - before == effects * (moment == "answered")
        else:
            assert answer.status_code == first.status_code, (losing.statement, answer.text)
            assert await written() == before + effects
        if not losing.statement:
            break
    assert number > 1


async def set_standby(server: servers.Postgres, name: str) -> None:
    """Let every COMMIT wait for a standby; an empty name ends that."""
    server.psql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    server.psql("SELECT pg_reload_conf()")
    async with asyncio.timeout(WAIT_SECONDS):
        while ("away" in server.psql("SHOW synchronous_standby_names")) != bool(name):  # noqa: ASYNC110  no event tells
            await asyncio.sleep(0.01)


async def test_a_commit_that_takes_longer_than_command_timeout_is_uncertain(
    town: City, postgres: servers.Postgres
) -> None:
    """The server has committed here already, although its standby does not answer."""
    wang = town.resident("wang")
    await wang.consent_to_provider("city-library")
    consent_id = (await wang.get("/v1/me/consents")).json()["data"][0]["consent_id"]
    pool: Any = queries.connection()._pool
    pool.connect_arguments["command_timeout"] = 0.2
    await set_standby(postgres, "away")
    try:
        await pool.expire_connections()
        answer = await wang.post(f"/v1/me/consents/{consent_id}/withdraw", {})
    finally:
        await set_standby(postgres, "")
    assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
    del pool.connect_arguments["command_timeout"]
    await pool.expire_connections()
    assert (await wang.get("/v1/me/consents")).json()["data"][0]["state"] == "withdrawn"
    assert [stone.name for stone in town.app_context.tombstones.read_all()] == [consent_id]


async def test_server_processes_terminated_at_random_are_answered_503(town: City) -> None:
    await hammered(town, HAMMER_SECONDS)


@pytest.mark.campaign
async def test_server_processes_terminated_at_random_for_a_minute_are_answered_503(town: City) -> None:
    await hammered(town, CAMPAIGN_SECONDS)


async def hammered(town: City, seconds: float) -> None:
    """Terminate server processes under load; every answer is 2xx, 4xx or 503, and nothing acknowledged is lost."""
    year, stop = await town.last_year(), threading.Event()
    people = [town.resident(f"person-{number}") for number in range(HAMMER_CLIENTS)]
    for number, person in enumerate(people):
        await person.volunteer(7_200, f"v-{number}")
        await person.consent_to_provider("city-library")
    answers: Counter[tuple[str, int]] = Counter()
    delivered: set[str] = set()

    async def use(number: int) -> None:
        person, choose, turn = people[number], random.Random(number), 0
        while not stop.is_set():
            turn += 1
            act = choose.choice((*READS, "deliver", "ticket"))
            name = f"r{number}.{turn}"
            if act == "deliver":
                records = [record(name, f"v-{number}", "volunteer_minutes", 1, f"{year}-06-01")]
                answer = await town.source("volunteer-service").post("/v1/source/records", {"records": records})
            elif act == "ticket":
                body = {"benefit_id": "library-deposit", "venue_id": "city-library-main"}
                answer = await person.post("/v1/me/tickets", body)
            else:
                answer = await person.get(act)
            answers[act, answer.status_code] += 1
            if answer.status_code == 201:
                handle = answer.json()["handle"]
                answer = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
                answers["redeem", answer.status_code] += 1
            if answer.status_code == 503:
                assert answer.headers["Retry-After"] == "5"
                # While the database is unavailable no request waits for anything: without a pause nothing else runs.
                await asyncio.sleep(POLL_SECONDS)
            elif act == "deliver":
                delivered.add(name)

    loop = asyncio.get_running_loop()
    # asyncpg 0.32 also puts a lost connection's error into a future that nobody awaits; the test runner reports those.
    loop.set_exception_handler(lambda *_: None)
    killer = threading.Thread(target=lambda: asyncio.run(terminate_backends(town, stop)))
    killer.start()
    using = [asyncio.create_task(use(number)) for number in range(HAMMER_CLIENTS)]
    await asyncio.sleep(seconds)
    stop.set()
    await asyncio.to_thread(killer.join)
    await asyncio.gather(*using)
    assert {status for _, status in answers} <= {200, 201, 409, 503}, answers
    assert any(status == 200 for _, status in answers)
    stored = await queries.fetch_all("SELECT count(*) AS counted FROM record WHERE quantity = 1")
    assert stored[0]["counted"] >= len(delivered) > 0


async def terminate_backends(town: City, stop: threading.Event) -> None:
    """Terminate one of the service's server processes at a time, in random order and at random moments."""
    choose = random.Random(0)
    url = town.app_context.settings.database_url.replace("postgres://", "postgresql://", 1)
    connection = await asyncpg.connect(url)
    while not stop.is_set():
        time.sleep(choose.random() * PAUSE_MAX_SECONDS)  # noqa: ASYNC251  this thread has nothing else to do
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
        )
    await connection.close()
