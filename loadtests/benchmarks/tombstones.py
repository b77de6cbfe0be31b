"""Replay of many tombstones: `python -m loadtests.benchmarks.tombstones --stones 1000000 --persons 3000000 [--sqlite]`.

A database of persons with a consent each, and a segment of tombstones, LACKING of them of consents that the database
has as given, as after the restore of an older copy. All are replayed from the start, as `replay-tombstones` does:
seconds, and the growth of the process's memory meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from consent.crypto.vault import Keyring, new_data_key
from consent.database import queries
from consent.rights import tombstone_records, tombstone_segments, tombstones
from consent.rights.tombstone_records import Tombstone, TombstoneKind, TombstoneState
from service.cli.environment import app_context
from service.compliance import replay
from service.demo import seed
from service.settings import Settings
from service.storage import database
from tests.support import servers

LACKING = 1_000
"""Consents that the copy has as given: each is withdrawn by a transaction of its own."""
NOW = datetime(2026, 11, 1, tzinfo=UTC)
AT_ONCE = 100_000
"""Rows of one INSERT."""


def name_of(number: int) -> str:
    """Return the id of person and consent `number`; in random order, as the real ones are."""
    return f"{number * 2_654_435_761 % 2**32:08x}{number:024x}"


async def populate(keyring: Keyring, stones: int, persons: int) -> None:
    """Insert the persons; the consents of the first `stones` are withdrawn, but for LACKING of them."""
    step, micros = stones // LACKING, queries.to_micros(NOW)
    for first in range(0, persons, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, persons))
        given = {number for number in numbers if number >= stones or number % step == 0}
        keys = {n: new_data_key(keyring, name_of(n)) for n in given if n < stones}
        async with queries.transaction():
            await queries.copy_rows(
                "person",
                ("person_id", "epoch", "events", "last_leaf", "wrapped_key", "sealed_subject", "created_at"),
                [(name_of(number), 1, 0, "", keys.get(number, b"x"), b"x", 0) for number in numbers],
            )
            await queries.copy_rows(
                "consent",
                (
                    *("person_id", "consent_id", "purpose", "counterpart", "notice_id", "notice_version"),
                    *("notice_sha256", "state", "given_at", "expires_at", "ended_at"),
                ),
                [
                    (
                        name_of(number),
                        name_of(number),
                        "benefit.check",
                        "city-library",
                        "n",
                        1,
                        "h",
                        state,
                        1,
                        micros * 2,
                    )
                    + ((None,) if state == "given" else (2,))
                    for number in numbers
                    for state in (("given",) if number in given else ("withdrawn",))
                ],
            )
    if not queries.is_sqlite():
        await queries.execute_script("ANALYZE")


def write_segment(folder: Path, stones: int) -> None:
    """Write confirmed tombstones of the first `stones` consents, as a process that ended left them."""
    place = folder / tombstones.SEGMENTS
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{'0' * 32}{tombstone_segments.SUFFIX}").open("wb") as file:
        for number in range(stones):
            stone = Tombstone(TombstoneKind.WITHDRAWN, name_of(number), name_of(number), NOW)
            file.write(tombstone_records.encode(stone, TombstoneState.CONFIRMED))


def server_cpu(pid: int | None) -> float:
    """Return the processor seconds that PostgreSQL's running processes have used; 0 without a server."""
    if pid is None:
        return 0.0
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


async def measure(settings: Settings, stones: int, persons: int, server: int | None) -> dict[str, Any]:
    """Fill the database, replay, and return the figures."""
    await database.open_database(settings.database_url)
    try:
        await database.migrate_all(settings.keyring)
        await populate(settings.keyring, stones, persons)
        write_segment(settings.publisher.folder, stones)
        context = app_context(settings)
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        done = await replay.replay_tombstones(context, from_the_start=True)
        seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
        compare_began, cpu_began = time.monotonic(), time.process_time() + server_cpu(server)
        compared = await replay.replay_tombstones(context, from_the_start=True)
        compare_seconds = time.monotonic() - compare_began
        compare_cpu = time.process_time() + server_cpu(server) - cpu_began
        assert (compared.read, compared.withdrawn) == (stones, 0)
        again_began = time.monotonic()
        again = await replay.replay_tombstones(context)
        return {
            "engine": "sqlite" if queries.is_sqlite() else "postgres",
            "persons": persons,
            "read": done.read,
            "withdrawn": done.withdrawn,
            "seconds": round(seconds, 1),
            "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
            "peak_memory_grew_mib": round((after.ru_maxrss - before.ru_maxrss) / 1024, 1),
            "seconds_where_nothing_is_lacking": round(compare_seconds, 1),
            "cpu_seconds_where_nothing_is_lacking_with_the_server": round(compare_cpu, 1),
            "read_again": again.read,
            "seconds_of_the_next_replay": round(time.monotonic() - again_began, 3),
        }
    finally:
        await database.close_database()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stones", type=int, default=1_000_000)
    parser.add_argument("--persons", type=int, default=3_000_000)
    parser.add_argument("--sqlite", action="store_true")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        settings = seed.settings_of(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        pid = None
        if not chosen.sqlite:
            server = stack.enter_context(servers.postgres(durable=True, tuned=True))
            settings = replace(settings, database_url=server.create())
            pid = server.pid
        print(json.dumps(asyncio.run(measure(settings, chosen.stones, chosen.persons, pid)), indent=2))


if __name__ == "__main__":
    main()
