"""Applies each room's numbered SQL files once, under a lock, all in one transaction a file.

A file named `NNNN_what.sql` is for both engines, `NNNN_what.postgres.sql` or `.sqlite.sql` for one. A file that was
applied and then edited is refused: what runs in production must be what was reviewed.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable

import asyncpg

from consent.database import queries

LOCK = 7_201_426
"""The advisory lock of migrations; an arbitrary number of ours."""

LOCK_WAIT, BETWEEN_SECONDS, ATTEMPTS_MAX = "2s", 0.5, 60
"""How long a table in use is waited for at a time, how long it is then left alone, and how often it is tried."""

BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migration (
  room TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (room, name)
)
"""


IN_CATALOGUE = "SELECT 1 AS there WHERE to_regclass($1) IS NOT NULL"
"""Asked without creating anything: the service's own role may not."""


class MigrationChanged(Exception):
    """An applied migration file no longer has the content that was applied."""


def statements(script: str) -> Iterator[str]:
    """The statements of a script, split where SQLite's own tokenizer says one is complete."""
    collected = ""
    for line in script.splitlines(keepends=True):
        if not collected and (not line.strip() or line.lstrip().startswith("--")):
            continue
        collected += line
        if sqlite3.complete_statement(collected):
            yield collected
            collected = ""
    if collected.strip():
        raise ValueError("a migration ends in the middle of a statement")


def files(room: str, engine: str) -> list[tuple[str, str]]:
    """(name, script) of the room's migrations for an engine, in order."""
    other = "sqlite" if engine == "postgres" else "postgres"
    folder: Traversable = resources.files(room) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name, (folder / name).read_text(encoding="utf-8")) for name in names if not name.endswith(f".{other}.sql")]


async def pending(rooms: Sequence[str]) -> list[str]:
    """Names of migrations that are not applied yet; raises MigrationChanged for an edited one."""
    engine = "sqlite" if queries.is_sqlite() else "postgres"
    there = "SELECT 1 AS there FROM sqlite_master WHERE name = $1" if engine == "sqlite" else IN_CATALOGUE
    known = await queries.fetch_all(there, "schema_migration")
    found = await queries.fetch_all("SELECT * FROM schema_migration") if known else []
    applied = {(r["room"], r["name"]): r["sha256"] for r in found}
    missing = []
    for room in rooms:
        for name, script in files(room, engine):
            sha256 = hashlib.sha256(script.encode()).hexdigest()
            if (room, name) not in applied:
                missing.append(f"{room}/{name}")
            elif applied[room, name] != sha256:
                raise MigrationChanged(f"{room}/{name} was edited after it had been applied; write a new file instead")
    return missing


async def apply(rooms: Sequence[str]) -> list[str]:
    """Bring the database up to date; the names of what was applied now. Safe to call from many processes at once.

    While the service runs: a table that is in use is waited for LOCK_WAIT at a time, since whoever wants to read it
    waits behind; then all begins again. asyncpg.LockNotAvailableError after ATTEMPTS_MAX.
    """
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await _apply(rooms)
        except asyncpg.LockNotAvailableError:
            if attempt == ATTEMPTS_MAX - 1:
                raise
            await asyncio.sleep(BETWEEN_SECONDS)
    raise AssertionError("unreachable")


async def _apply(rooms: Sequence[str]) -> list[str]:
    async with queries.transaction():
        sqlite = queries.is_sqlite()
        if not sqlite:
            await queries.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            await queries.fetch_all("SELECT pg_advisory_xact_lock($1)", LOCK)
        await queries.execute(BOOKKEEPING)
        todo = await pending(rooms)
        for qualified in todo:
            room, name = qualified.split("/")
            script = dict(files(room, "sqlite" if sqlite else "postgres"))[name]
            if sqlite:
                for statement in statements(script):
                    await queries.execute(statement.replace("BYTEA", "BLOB"))
            else:
                await queries.connection().execute_script(script)
            await queries.execute(
                "INSERT INTO schema_migration VALUES ($1, $2, $3, $4)",
                room,
                name,
                hashlib.sha256(script.encode()).hexdigest(),
                queries.to_micros(await queries.now()),
            )
    return todo
