"""Faults of the database and of disks: stopped, paused, cut off, read-only, full; a migration."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from contextlib import suppress
from pathlib import Path

from service.storage import database
from tests.campaign.fault import BOTH, POSTGRES_ONLY, SQLITE_ONLY, Fault
from tests.campaign.scene import Scene
from tests.support import servers

FULL_SECONDS = 1.5
"""For which a disk stays full; the clients' calls fail after a few milliseconds."""


def _server(scene: Scene) -> servers.Postgres:
    server = scene.city.machine.postgres
    assert server is not None
    return server


async def _run_sql(scene: Scene, statement: str) -> str:
    """Run a statement as the superuser; return the output. AssertionError if psql printed none."""
    printed = await asyncio.to_thread(_server(scene).psql, statement)
    assert printed.strip(), f"psql refused {statement!r}"
    return printed


async def stop(scene: Scene, chance: random.Random) -> str | None:
    """Stop PostgreSQL as a power failure does, and start it a moment later."""
    server = _server(scene)
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(chance.uniform(0.0, 1.0))
    await asyncio.to_thread(server.start)
    scene.city.forks.guard(server.pid)
    return None


async def terminate(scene: Scene, chance: random.Random) -> str | None:
    """End connections of the service, some inside a transaction, several times."""
    name = servers.name_of(scene.city.database_url)
    for _ in range(chance.randint(2, 6)):
        inside = chance.choice(("", "AND xact_start IS NOT NULL"))
        statement = (
            f"SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE datname = '{name}'"
            f" AND pid <> pg_backend_pid() {inside} ORDER BY random() LIMIT {chance.randint(1, 8)}) victims"
        )
        await _run_sql(scene, statement)
    return None


async def pause(scene: Scene, chance: random.Random) -> str | None:
    """Stop every process of PostgreSQL for some seconds; connections stay open."""
    with _server(scene).paused():
        await asyncio.sleep(chance.uniform(1.0, 5.0))
    return None


async def read_only(scene: Scene, chance: random.Random) -> str | None:
    """Make the database read-only for a while, as after a failover."""
    name = servers.name_of(scene.city.database_url)
    await _run_sql(scene, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await terminate(scene, chance)
    await asyncio.sleep(chance.uniform(0.5, 2.0))
    reset = f'SET default_transaction_read_only = off; ALTER DATABASE "{name}" RESET default_transaction_read_only'
    await _run_sql(scene, reset)
    return None


async def migrate(scene: Scene, chance: random.Random) -> str | None:
    """Add columns to the tables that are written most, and run `credit-easy migrate`."""
    await database.open_database(scene.city.owner_url)
    try:
        from consent.database import queries

        for table in ("person", "consent", "record", "record_index", "linked_account", "ticket"):
            await queries.execute(f"ALTER TABLE {table} ADD COLUMN later_{secrets.token_hex(4)} INTEGER")
    finally:
        await database.close_database()
    ran = await asyncio.to_thread(scene.city.migrate)
    assert ran.returncode == 0, ran.stderr
    return None


def _filled(place: Path) -> Path:
    """Fill the file system of a folder up to its last byte; return the file that does."""
    filler = place / f"filler-{secrets.token_hex(4)}"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (2**20, 2**12, 1):
            with suppress(OSError):
                while os.write(descriptor, b"\0" * size) == size:
                    pass
    finally:
        os.close(descriptor)
    return filler


async def _full(scene: Scene, place: Path, chance: random.Random) -> None:
    filler = await asyncio.to_thread(_filled, place)
    try:
        for client in scene.clients:
            client.next_acts.append(chance.choice(("deliver", "withdraw_provider", "erase", "redeem")))
        await asyncio.sleep(chance.uniform(0.3, FULL_SECONDS))
    finally:
        filler.unlink()


async def full_database(scene: Scene, chance: random.Random) -> str | None:
    """Fill the disk of the SQLite database."""
    await _full(scene, scene.city.folder, chance)
    return None


async def full_log_folder(scene: Scene, chance: random.Random) -> str | None:
    """Fill the disk of checkpoints and tombstones."""
    await _full(scene, scene.city.published, chance)
    return None


async def full_temporary_folder(scene: Scene, chance: random.Random) -> str | None:
    """Fill the disk of temporary files, and start a process meanwhile."""
    process = chance.choice(scene.city.processes)
    filler = await asyncio.to_thread(_filled, scene.city.temporary)
    try:
        for client in scene.clients:
            client.next_acts.append(chance.choice(("deliver", "withdraw_provider", "erase", "redeem")))
        await scene.until_acknowledged(6)
        await asyncio.to_thread(scene.city.kill, process)
        await asyncio.to_thread(scene.city.restart, process)
        await scene.until_acknowledged(6)
    finally:
        filler.unlink()
    return None


async def full_server(scene: Scene, chance: random.Random) -> str | None:
    """Fill the disk of PostgreSQL, which may end; then it is started again."""
    server = _server(scene)
    await _full(scene, scene.city.machine.folder / "pg", chance)
    await asyncio.to_thread(server.start)
    scene.city.forks.guard(server.pid)
    return None


FAULTS = (
    Fault("PostgreSQL stopped", POSTGRES_ONLY, 4, stop),
    Fault("connections terminated", POSTGRES_ONLY, 2, terminate),
    Fault("PostgreSQL paused", POSTGRES_ONLY, 1, pause),
    Fault("PostgreSQL read-only", POSTGRES_ONLY, 1, read_only),
    Fault("migration", POSTGRES_ONLY, 1, migrate),
    Fault("disk of SQLite full", SQLITE_ONLY, 2, full_database, needs_mount=True),
    Fault("disk of PostgreSQL full", POSTGRES_ONLY, 2, full_server, needs_mount=True),
    Fault("disk of the logs full", BOTH, 2, full_log_folder, needs_mount=True),
    Fault("disk of temporary files full", BOTH, 1, full_temporary_folder, needs_mount=True),
)
