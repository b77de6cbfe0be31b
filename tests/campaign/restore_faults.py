"""An older copy of the database is put back: what has ended since stays ended, for good."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from copy import deepcopy
from pathlib import Path

from service.auth.access_tokens import Audience
from tests.campaign import oracle
from tests.campaign.expected import Expected
from tests.campaign.fault import BOTH, POSTGRES_ONLY, Fault
from tests.campaign.oracle import Findings
from tests.campaign.residents import ResidentClient
from tests.campaign.scene import Scene
from tests.support import servers

ENDING_ACTS = ("withdraw_provider", "withdraw_source", "withdraw_all", "erase", "race_withdrawal")


async def restore(scene: Scene, chance: random.Random) -> str | None:
    """Copy the database, let people end consents and erase themselves, put the copy back, and start the processes."""
    await _restore(scene, chance, running=False)
    return None


async def restore_under_service(scene: Scene, chance: random.Random) -> str | None:
    """Do the same while the processes of the service run and connect again."""
    await _restore(scene, chance, running=True)
    return None


async def _restore(scene: Scene, chance: random.Random, *, running: bool) -> None:
    scene.differences += await scene.rest()
    copy = await asyncio.to_thread(_copy, scene)
    before = [(client.lives, deepcopy(client.expected)) for client in scene.clients]
    for client in scene.clients:
        client.next_acts += chance.sample(ENDING_ACTS, k=chance.randint(0, 2))
    scene.act()
    await scene.until_acknowledged(chance.randint(10, 40))
    scene.differences += await scene.rest()
    await asyncio.to_thread(_put_back, scene, copy, running)
    findings = Findings()
    with scene.recovery():
        answer = await scene.observer.read(scene.clients[0].me, "/v1/me/points")
        findings.require(answer.status_code == 200, f"points are answered {answer.status_code} after a restore")
    for client, (lives, expected) in zip(scene.clients, before, strict=True):
        client.expected = _after_restore(client, lives, expected)
        await oracle.check_resident(scene.observer, client, findings)
        await _use_nothing_ended(scene, client, findings)
    await oracle.check_rows(scene.city, findings)
    await oracle.check_privacy(scene.city, scene.observer, scene.clients, findings)
    scene.findings = findings


def _after_restore(client: ResidentClient, lives: int, expected: Expected) -> Expected:
    """Return the state of the copy with everything ended that has ended since."""
    if client.lives != lives:
        return Expected()
    for consent_id, (_, _, state) in list(expected.consents.items()):
        if state == "given" and client.expected.consents[consent_id][2] != "given":
            expected.end(consent_id)
    return expected


async def _use_nothing_ended(scene: Scene, client: ResidentClient, findings: Findings) -> None:
    """Deliver a record for every account without a live link: it is refused."""
    for source in sorted(set(client.sources) - set(client.expected.linked)):
        rows = [client.new_record(source, client.sources[source][0], 1)]
        answer = await scene.observer.write((Audience.SOURCE, source), "/v1/source/records", {"records": rows})
        codes = [result.get("code") for result in answer.json().get("results", [])]
        if codes != ["not_authorised"]:
            findings.lost.append(f"{client.subject}: a record came in after the withdrawal: {codes}")


def _copy(scene: Scene) -> str | Path:
    """Copy the database; return the copy's path, or its name on PostgreSQL."""
    city, server = scene.city, scene.city.machine.postgres
    if server is None:
        copy = scene.city.machine.folder / f"copy-{city.name}.sqlite3"
        with closing(sqlite3.connect(city.sqlite_path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return copy
    name = servers.name_of(city.database_url)
    _shut(server, name)
    server.psql(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
    server.psql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
    return f"{name}_copy"


def _shut(server: servers.Postgres, name: str) -> None:
    """Let nobody connect to a database and end the connections to it."""
    server.psql(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
    server.psql(f"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = '{name}'")


def _put_back(scene: Scene, copy: str | Path, running: bool) -> None:
    """Replace the database by its copy; start the processes again unless they are `running` meanwhile."""
    city, server = scene.city, scene.city.machine.postgres
    if not running:
        for process in city.processes:
            city.kill(process)
    if server is None:
        for leftover in (f"{city.sqlite_path}-wal", f"{city.sqlite_path}-shm"):
            Path(leftover).unlink(missing_ok=True)
        shutil.move(copy, city.sqlite_path)
    else:
        name = servers.name_of(city.database_url)
        _shut(server, name)
        server.psql(f'ALTER DATABASE "{name}" RENAME TO "{name}_newer"')
        server.psql(f'ALTER DATABASE "{copy}" RENAME TO "{name}"')
        server.psql(f'DROP DATABASE "{name}_newer"')
    if not running:
        for process in city.processes:
            city.restart(process)


FAULTS = (
    Fault("older copy restored", BOTH, 2, restore, ends_city=True),
    Fault("older copy restored under the service", POSTGRES_ONLY, 1, restore_under_service, ends_city=True),
)
