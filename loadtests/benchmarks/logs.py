"""Cost and latency of the transparency logs: `python -m loadtests.benchmarks.logs`.

1. Consents asked, given and withdrawn over HTTP on PostgreSQL, in turns without the log (no leaf leaves the event) and
   with it (outbox, and a sequencer in a process of its own that integrates and signs); the ratio of the medians.
2. The longest wait of a leaf until a signed checkpoint includes it, under that load.
3. A log of many events (`--events`): integration, proofs, the whole fsck and the memory it takes, at a tenth and whole.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from consent import persons as people
from consent.crypto.blind_index import new_id
from consent.crypto.vault import new_data_key
from consent.database import queries
from consent.events import ledger
from consent.persons import Person
from consent.transparency import sequencer, tiles
from consent.transparency.logs import Log
from consent.verification import logs
from loadtests.benchmarks import turns
from service.demo import seed
from service.settings import Settings
from service.storage import database
from tests.support import city, servers

ROUNDS = 6
EVENTS_A_PERSON = 100
CLIENTS = 8
Figures = dict[str, Any]


async def consents_a_second(town: city.City, seconds: float, prefix: str) -> float:
    """Consent events a second: residents ask, give and withdraw, CLIENTS of them at once."""
    done, until = 0, time.monotonic() + seconds

    async def client(number: int) -> None:
        nonlocal done
        who = town.resident(f"{prefix}-{number}")
        while time.monotonic() < until:
            consent = await who.consent_to_provider("city-library")
            await who.post(f"/v1/me/consents/{consent['consent_id']}/withdraw")
            done += 2

    began = time.monotonic()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return done / (time.monotonic() - began)


async def on_and_off(settings: Settings, folder: Path, seconds: float) -> Figures:
    """Rates with and without the log, in turns, and how long leaves waited."""
    with_leaf = ledger._append_plan
    waited = 0.0
    sequencing = [sys.executable, "-m", "loadtests.benchmarks.logs", "--sequence", settings.database_url, str(folder)]
    async with city.running_city(settings, folder) as town:
        await consents_a_second(town, 2, "warm")
        for rates in turns.tries():
            for number in range(ROUNDS):
                prefix = f"{rates.voided}-{number}"
                # The event stays, its leaf is not left for the sequencer.
                ledger._append_plan = lambda new, at: with_leaf(new, at)[:2]
                rates.add("off", await consents_a_second(town, seconds, f"off-{prefix}"))
                ledger._append_plan = with_leaf
                working = subprocess.Popen(sequencing)
                try:
                    watching = asyncio.create_task(longest_wait(seconds))
                    rates.add("on", await consents_a_second(town, seconds, f"on-{prefix}"))
                    waited = max(waited, await watching)
                finally:
                    working.terminate()
                    working.wait()
    return {
        "consent events/s without the log": round(rates.median("off")),
        "consent events/s with the log": round(rates.median("on")),
        "ratio": round(rates.median("on") / rates.median("off"), 3),
        "longest a leaf waited, s": round(waited, 2),
        **rates.verdict(),
    }


def run(seconds: float) -> Figures:
    """`on_and_off` on a server of its own."""
    with servers.postgres(durable=True, tuned=True) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "city"
        settings = replace(seed.settings_of(folder), database_url=server.create(), integrate_seconds=3_600)
        asyncio.run(publish_catalogue(settings))
        return asyncio.run(on_and_off(settings, folder, seconds))


async def longest_wait(seconds: float) -> float:
    """The age of the oldest leaf that waits, sampled; what is integrated is signed in the same round."""
    longest, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        row = await queries.fetch_one("SELECT min(put_at) AS since FROM outbox WHERE log = 'consent'")
        if row is not None and row["since"] is not None:
            longest = max(longest, (await queries.now() - queries.from_micros(row["since"])).total_seconds())
        await asyncio.sleep(0.1)
    return longest


async def sequence(settings: Settings) -> None:
    """Integrate and sign for ever, at production's pace, until terminated."""
    await database.open_database(settings.database_url)
    while True:
        for log in Log:
            while await sequencer.integrate(log, await queries.now()):
                pass
            await sequencer.publish(log, settings.publisher)
        await asyncio.sleep(10)


async def fill(settings: Settings, events: int) -> None:
    """Persons with chains of sealed events, put in by COPY; their leaves wait in the outbox."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    connection = await asyncpg.connect(settings.database_url.replace("postgres://", "postgresql://", 1))
    try:
        for _ in range(events // EVENTS_A_PERSON // 100):
            persons: list[tuple[Any, ...]] = []
            rows: list[tuple[Any, ...]] = []
            leaves: list[tuple[Any, ...]] = []
            for _ in range(100):
                person, wrapped = a_person(settings)
                previous = ""
                for number in range(1, EVENTS_A_PERSON + 1):
                    previous = an_event(person, number, previous, at, rows, leaves)
                sealed = person.seal("person", "sealed_subject", person.person_id, b"somebody")
                persons.append((person.person_id, 1, EVENTS_A_PERSON, previous, wrapped, sealed, 0))
            await connection.copy_records_to_table("person", records=persons)
            await connection.copy_records_to_table("event", records=rows)
            columns = ("leaf_hash", "leaf", "log", "put_at")
            await connection.copy_records_to_table("outbox", records=leaves, columns=columns)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def a_person(settings: Settings) -> tuple[Person, bytes]:
    """A new person and their wrapped key."""
    person_id = new_id()
    wrapped = new_data_key(settings.keyring, person_id)
    row = {"person_id": person_id, "epoch": 1, "wrapped_key": wrapped}
    return people.from_row(settings.keyring, row), wrapped


def an_event(
    person: Person, number: int, previous: str, at: datetime, rows: list[tuple[Any, ...]], leaves: list[tuple[Any, ...]]
) -> str:
    """One event as `ledger.append` writes it; the hash of its leaf."""
    facts = {"organisation": "city", "purpose": "points.compute", "what": "points", "outcome": "computed"}
    event = {
        "v": 1, "kind": "points.computed", "number": number, "previous": previous,
        "at": (at + timedelta(hours=number)).isoformat(), "facts": facts,
    }  # fmt: skip
    salt = os.urandom(ledger.SALT_BYTES)
    leaf = ledger.leaf_of("points.computed", ledger.commitment(salt, event))
    leaf_hash = ledger.leaf_hash_of(leaf)
    plain = json.dumps({"event": event, "salt": salt.hex()}).encode()
    micros = queries.to_micros(at + timedelta(hours=number))
    sealed = person.seal("event", "sealed", str(number), plain)
    rows.append((person.person_id, number, leaf_hash, "points.computed", micros, sealed))
    leaves.append((leaf_hash, leaf.decode(), "consent", micros))
    return leaf_hash


async def timed(work: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    """Seconds, and what came out."""
    began = time.perf_counter()
    result = await work()
    return time.perf_counter() - began, result


async def large(settings: Settings, events: int) -> Figures:
    """Integration, proofs and the fsck of a log of so many events."""
    await database.open_database(settings.database_url)
    try:
        await database.migrate_all()
        filled, _ = await timed(lambda: fill(settings, events))

        async def drain() -> None:
            while await sequencer.integrate(Log.CONSENT, await queries.now()):
                pass

        drained, _ = await timed(drain)
        signed, _ = await timed(lambda: sequencer.publish(Log.CONSENT, settings.publisher))
        size = (await sequencer.head(Log.CONSENT)).size
        random, proofs = Random(7), []
        for _ in range(500):
            began = time.perf_counter()
            await tiles.inclusion(Log.CONSENT, random.randrange(size), size)
            proofs.append((time.perf_counter() - began) * 1000)
        proofs.sort()
        checked, report = await timed(lambda: logs.check_log(Log.CONSENT, settings.publisher))
        assert report.fault is None, report
        chained, report = await timed(lambda: logs.check_chains(settings.keyring))
        assert report.fault is None, report
    finally:
        await database.close_database()
    return {
        "events": size,
        "written, s": round(filled, 1),
        "integrated, leaves/s": round(size / drained),
        "checkpoint signed, s": round(signed, 3),
        "inclusion proof, ms: median, 99th": [round(proofs[250], 2), round(proofs[495], 2)],
        "whole log verified, s": round(checked, 1),
        "every chain opened and verified, s": round(chained, 1),
        "resident memory at its most, MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def alone(arguments: list[str]) -> Figures:
    """This module once more in a process of its own, so that its memory is its own."""
    run = [sys.executable, "-m", "loadtests.benchmarks.logs", *arguments]
    figures: Figures = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    return figures


def main() -> None:
    """Run it all and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each round")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--sequence", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--large", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.sequence:
        url, folder = chosen.sequence
        asyncio.run(sequence(replace(seed.settings_of(Path(folder)), database_url=url)))
        return
    if chosen.large:
        url, folder, events = chosen.large
        adapted = replace(seed.settings_of(Path(folder)), database_url=url)
        print(json.dumps(asyncio.run(large(adapted, int(events)))))
        return
    runs = [run(chosen.seconds)]
    with servers.postgres(durable=True, tuned=True) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for events in (chosen.events // 10, chosen.events):
            (folder / str(events)).mkdir()
            runs.append(alone(["--large", server.create(), str(folder / str(events)), str(events)]))
    for figures in runs:
        for key, value in figures.items():
            print(f"{key:45} {value}")
        print()
    print("valid: the spread is below a tenth" if runs[0]["valid"] else "VOID: the spread is above a tenth")
    if chosen.json:
        chosen.json.write_text(json.dumps(runs, indent=2))


async def publish_catalogue(settings: Settings) -> None:
    """Create the tables of an empty database and publish the demonstration's catalogue."""
    await database.open_database(settings.database_url)
    try:
        await database.migrate_all()
        async with queries.transaction():
            await seed.publish_catalogue(await queries.now())
    finally:
        await database.close_database()


if __name__ == "__main__":
    main()
