"""Apply each package's numbered SQL files once, under a lock, each file in the same transaction as its record.

SQL text: migrations and their record `schema_migration` belong to no model.

A file named `NNNN_subject.sql` is for both engines, `NNNN_subject.postgres.sql` or `.sqlite.sql` for one. An applied
file that was edited is refused: the schema in production must be the one that was reviewed.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

import asyncpg
from tortoise.exceptions import OperationalError

from consent.database import queries

LOCK = 7_201_426
"""The advisory lock of migrations; an arbitrary number."""

LOCK_WAIT, BETWEEN_SECONDS, ATTEMPTS_MAX = "2s", 0.5, 60
"""The longest wait for a table in use, the pause before the next attempt, and the number of attempts. While a migration
waits for its lock, every reader of that table waits behind it: hence short waits with pauses."""

BOOKKEEPING = """
CREATE TABLE IF NOT EXISTS schema_migration (
  room TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (room, name)
)
"""
"""The record of applied files; its column `room` is the package."""

IN_CATALOGUE = "SELECT 1 AS there WHERE to_regclass($1) IS NOT NULL"
"""Asks for a table without creating it: the service's own database role may not create any."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Work that must be done before a file and that SQL cannot do, such as values computed with a key.

    `run` works in batches, each a transaction, while the service runs; interrupted, it is continued by the next call.
    It is called again in the file's own transaction with `tables` locked, for rows written meanwhile. `needed` reports
    whether there are rows at all.
    """

    tables: tuple[str, ...]
    needed: Callable[[], Awaitable[bool]]
    run: Callable[[], Awaitable[int]]


class MigrationChanged(Exception):
    """An applied migration file no longer has the content that was applied."""


class MigrationsMissing(Exception):
    """The database lacks migrations. The text names the first and the command that applies them."""

    def __init__(self, missing: Sequence[str]) -> None:
        more = f" and {len(missing) - 1} more" * (len(missing) > 1)
        super().__init__(f"the database lacks the migration {missing[0]}{more}; run `credit-easy migrate`")


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script, each complete by SQLite's tokenizer; ValueError if the last is not."""
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


@functools.cache
def files(package: str, engine: str) -> Sequence[tuple[str, str]]:
    """Return (name, script) of a package's migrations for an engine (`sqlite` or `postgres`), in order.

    They are read once: an upgrade that replaces the files does not change the code of a process that runs already.
    """
    other = "sqlite" if engine == "postgres" else "postgres"
    folder: Traversable = resources.files(package) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        (name, (folder / name).read_text(encoding="utf-8")) for name in names if not name.endswith(f".{other}.sql")
    )


async def pending(packages: Sequence[str]) -> list[str]:
    """Return `package/name` of the migrations not yet applied; MigrationChanged if an applied one was edited."""
    engine = "sqlite" if queries.is_sqlite() else "postgres"
    exists = "SELECT 1 AS there FROM sqlite_master WHERE name = $1" if engine == "sqlite" else IN_CATALOGUE
    recorded = await queries.fetch_all(exists, "schema_migration")
    rows = await queries.fetch_all("SELECT * FROM schema_migration") if recorded else []
    applied = {(row["room"], row["name"]): row["sha256"] for row in rows}
    missing = []
    for package in packages:
        for name, script in files(package, engine):
            sha256 = hashlib.sha256(script.encode()).hexdigest()
            if (package, name) not in applied:
                missing.append(f"{package}/{name}")
            elif applied[package, name] != sha256:
                raise MigrationChanged(
                    f"{package}/{name} was edited after it had been applied; write a new file instead"
                )
    return missing


async def nothing_afterwards() -> None:
    """Do nothing after the files."""


async def apply(
    packages: Sequence[str],
    preparations: Mapping[str, Preparation] = MappingProxyType({}),
    afterwards: Callable[[], Awaitable[None]] = nothing_afterwards,
) -> list[str]:
    """Apply the missing migrations, and return their names: in one transaction, unless a file needs a preparation.

    `preparations` are by `package/name`. `afterwards` runs at the end of each transaction, for grants: a table that a
    file replaced is at no moment without them. Several processes may call it at once: an advisory lock makes them take
    turns. While the service runs, a table in use is waited for LOCK_WAIT at a time; then the transaction is rolled back
    and tried again.

    Raises:
        MigrationChanged: an applied file was edited.
        asyncpg.LockNotAvailableError: a table stayed in use for ATTEMPTS_MAX attempts.
    """
    applied: list[str] = []
    prepared: dict[str, Preparation] = {}
    while True:
        names, waiting = await _apply_patiently(packages, preparations, prepared, afterwards)
        applied += names
        if waiting is None:
            return applied
        try:
            await preparations[waiting].run()
        except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, OperationalError):
            # Another process may have applied the file during a batch of this one, and so removed the columns.
            if waiting in await pending(packages):
                raise
        prepared[waiting] = preparations[waiting]


async def _apply_patiently(
    packages: Sequence[str],
    preparations: Mapping[str, Preparation],
    prepared: Mapping[str, Preparation],
    afterwards: Callable[[], Awaitable[None]],
) -> tuple[list[str], str | None]:
    for attempt in range(ATTEMPTS_MAX):
        try:
            return await _apply(packages, preparations, prepared, afterwards)
        except asyncpg.LockNotAvailableError:
            if attempt == ATTEMPTS_MAX - 1:
                raise
            await asyncio.sleep(BETWEEN_SECONDS)
    raise AssertionError("unreachable")


async def _apply(
    packages: Sequence[str],
    preparations: Mapping[str, Preparation],
    prepared: Mapping[str, Preparation],
    afterwards: Callable[[], Awaitable[None]],
) -> tuple[list[str], str | None]:
    """Apply the missing files up to the first that waits for its preparation; return their names and that one's."""
    applied: list[str] = []
    async with queries.transaction():
        sqlite = queries.is_sqlite()
        if not sqlite:
            await queries.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            await queries.fetch_all("SELECT pg_advisory_xact_lock($1)", LOCK)
        await queries.execute(BOOKKEEPING)
        for qualified in await pending(packages):
            if preparation := preparations.get(qualified):
                if qualified not in prepared and await preparation.needed():
                    await afterwards()
                    return applied, qualified
                if not sqlite:
                    await queries.execute(f"LOCK TABLE {', '.join(preparation.tables)} IN ACCESS EXCLUSIVE MODE")
                await preparation.run()
            await _execute(qualified, sqlite)
            applied.append(qualified)
        await afterwards()
    return applied, None


async def _execute(qualified: str, sqlite: bool) -> None:
    package, name = qualified.split("/")
    script = dict(files(package, "sqlite" if sqlite else "postgres"))[name]
    if sqlite:
        for statement in statements(script):
            await queries.execute(statement.replace("BYTEA", "BLOB"))
    else:
        await queries.connection().execute_script(script)
    await queries.execute(
        "INSERT INTO schema_migration VALUES ($1, $2, $3, $4)",
        package,
        name,
        hashlib.sha256(script.encode()).hexdigest(),
        queries.to_micros(await queries.now()),
    )
