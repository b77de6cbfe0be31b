"""Cost of a delivery: `python -m loadtests.benchmarks.ingest`.

A source's NDJSON file goes through the importer (mapping, consent gate, idempotence, epochs) into an empty durable
PostgreSQL; in turns with it, the same rows as text by a bare COPY into the same two tables. Then the file is sent
again, which must add nothing. `--flat` writes a larger file and watches the resident memory instead.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.crypto.blind_index import IndexUse, blind_index, new_id
from consent.crypto.vault import KEY_BYTES, CellAddress, Keyring, new_data_key, seal
from consent.database import queries
from consent.records import source_ids
from loadtests.benchmarks import turns
from service.demo import seed
from service.ingest import file_import
from service.ingest.batch import DeliveryContext
from service.ingest.mapping import parse_mapping
from service.ingest.report import ImportReport
from service.storage import database
from tests.support import servers
from tests.support.seeding import seed_database

SOURCE, KIND, PERSONS = "green-travel", "bike_trip", 20_000
MAPPING = parse_mapping(
    "format: ndjson\nkind: bike_trip\ncolumns: {record_id: id, account: card, occurred_on: day, quantity: rides}\n",
    "ingest",
)


def rows(count: int) -> Iterator[tuple[str, str, str, int]]:
    """Record id, account, day and quantity of each record, in random order of persons."""
    chance, first = random.Random(7), date(2026, 1, 1)
    for number in range(count):
        day = first + timedelta(days=chance.randrange(300))
        yield f"trip-{number}", f"card-{chance.randrange(PERSONS)}", day.isoformat(), 1 + number % 3


def write(path: Path, count: int) -> None:
    """The source's file."""
    with path.open("w", encoding="ascii") as file:
        for record_id, account, day, quantity in rows(count):
            file.write(f'{{"id":"{record_id}","card":"{account}","day":"{day}","rides":{quantity}}}\n')


async def link(keyring: Keyring) -> dict[str, str]:
    """Persons with a live consent and a confirmed link each; account to person."""
    people = {f"card-{number}": new_id() for number in range(PERSONS)}
    async with queries.transaction():
        await queries.execute_many(
            "INSERT INTO person (person_id, epoch, events, last_leaf, wrapped_key, sealed_subject, created_at)"
            " VALUES ($1, 0, 0, '', $2, $2, 0)",
            [(person, new_data_key(keyring, person)) for person in people.values()],
        )
        await queries.execute_many(
            "INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version,"
            " notice_sha256, state, given_at, expires_at)"
            " VALUES ($1, $2, 'points.compute', $3, 'n', 1, 'h', 'given', 0, $4)",
            [(person, new_id(), SOURCE, 9 * 10**15) for person in people.values()],
        )
        await queries.execute_many(
            "INSERT INTO linked_account (source_id, account_index, person_id, link_id) VALUES ($1, $2, $3, $4)",
            [
                (SOURCE, blind_index(keyring, IndexUse.ACCOUNT, SOURCE, account), person, new_id())
                for account, person in people.items()
            ],
        )
    await queries.connection().execute_script("VACUUM ANALYZE")
    return people


async def copied(url: str, text: dict[str, bytes]) -> float:
    """Seconds of a bare COPY of text into both tables, in one transaction."""
    connection = await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))
    began = time.perf_counter()
    async with connection.transaction():
        for table, rows_of_it in text.items():
            await connection.copy_to_table(table, source=io.BytesIO(rows_of_it), format="text")
    took = time.perf_counter() - began
    await connection.close()
    return took


def as_text(keyring: Keyring, people: dict[str, str], count: int) -> dict[str, bytes]:
    """The same rows as COPY reads them, with ids, indexes and sealed ids made beforehand."""
    record, key = io.StringIO(), io.StringIO()
    cipher, index_of = AESGCM(os.urandom(KEY_BYTES)), source_ids.index_of(keyring, SOURCE)
    for source_record_id, account, day, quantity in rows(count):
        person, record_id = people[account], new_id()
        cell = CellAddress(source_ids.TABLE, source_ids.COLUMN, person, record_id)
        sealed = "\\\\x" + seal(cipher, cell, source_record_id.encode()).hex()
        values = (person, record_id, SOURCE, KIND, quantity, day.replace("-", ""), 0, sealed)
        record.write("\t".join(map(str, values)) + "\n")
        key.write("\t".join((SOURCE, index_of(source_record_id), person, record_id)) + "\n")
    return {"record": record.getvalue().encode(), "record_index": key.getvalue().encode()}


def _delivery_context(keyring: Keyring) -> DeliveryContext:
    return DeliveryContext(keyring, queries.now, lambda at: at.date())


async def imported(keyring: Keyring, path: Path) -> tuple[float, ImportReport]:
    """Seconds of the importer over a file, and its report."""
    report, began = ImportReport(), time.perf_counter()
    await file_import.import_file(_delivery_context(keyring), path, SOURCE, MAPPING, report)
    return time.perf_counter() - began, report


async def measure(folder: Path, url: str, count: int, rounds: int) -> dict[str, Any]:
    """Both ways in turns, each into empty tables."""
    settings = replace(seed.settings_of(folder), database_url=url)
    path = folder / "rides.ndjson"
    write(path, count)
    await database.open_database(url)
    await database.migrate_all()
    people = await link(settings.keyring)
    text = as_text(settings.keyring, people, count)
    for seconds in turns.tries():
        for _ in range(rounds):
            await emptied()
            seconds.add("COPY", await copied(url, text))
            await emptied()
            took, report = await imported(settings.keyring, path)
            assert (report.accepted, report.refused) == (count, {}), report
            seconds.add("importer", took)
            took, report = await imported(settings.keyring, path)
            assert (report.accepted, report.duplicates) == (0, count), report
            seconds.add("again", took)
    await database.close_database()
    return {
        "records": count,
        "records_a_second": {name: round(count / seconds.median(name)) for name in seconds.figures},
        "ratio": round(seconds.median("COPY") / seconds.median("importer"), 2),
        **seconds.verdict(),
    }


async def emptied() -> None:
    """The two tables emptied, on a settled server."""
    await queries.execute("TRUNCATE record, record_index")
    await queries.execute("CHECKPOINT")


async def flat(folder: Path, url: str, count: int) -> dict[str, Any]:
    """Resident memory at its most after a tenth of a file and at its end."""
    settings = replace(seed.settings_of(folder), database_url=url)
    path = folder / "rides.ndjson"
    write(path, count)
    await database.open_database(url)
    await database.migrate_all()
    await link(settings.keyring)
    seen: dict[int, int] = {}

    def watch(report: ImportReport) -> None:
        seen[report.rows * 10 // count] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    await file_import.import_file(_delivery_context(settings.keyring), path, SOURCE, MAPPING, ImportReport(), watch)
    await database.close_database()
    return {"records": count, "resident_mib": {f"{tenth}0 %": mib for tenth, mib in sorted(seen.items())}}


def run(count: int, rounds: int, flat_count: int = 0) -> dict[str, Any]:
    """The comparison, or the memory over a larger file."""
    with tempfile.TemporaryDirectory() as name, servers.postgres(durable=True, tuned=True) as server:
        folder, url = Path(name), server.create()
        asyncio.run(seed_database(replace(seed.settings_of(folder), database_url=url)))
        if flat_count:
            return asyncio.run(flat(folder, url, flat_count))
        return asyncio.run(measure(folder, url, count, rounds))


def main() -> None:
    """Measure, print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", type=int, default=1_000_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--flat", type=int, default=0)
    chosen = asked.parse_args()
    print(json.dumps(run(chosen.records, chosen.rounds, chosen.flat), indent=1))


if __name__ == "__main__":
    main()
