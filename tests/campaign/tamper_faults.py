"""A flipped bit in a leaf, a node, an event or a sealed field of a copy: `verify-log` names it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from consent.verification import logs
from service.storage import database
from tests.campaign.fault import SQLITE_ONLY, Fault, Strike
from tests.campaign.scene import Scene

PLACES = {
    "leaf": ("log_entry", "leaf"),
    "node": ("log_tile", "hashes"),
    "event": ("event", "sealed"),
    "sealed field": ("record", "sealed_source_record_id"),
}


def flip(place: str) -> Strike:
    """Return a fault that flips a bit of a value at a place, in a copy of the database made while clients act."""

    async def strike(scene: Scene, chance: random.Random) -> str | None:
        copy = scene.city.machine.folder / f"flipped-{scene.city.name}.sqlite3"
        try:
            await asyncio.to_thread(_flipped_copy, scene, place, copy, chance)
            await database.open_database(f"sqlite://{copy}")
            try:
                reports = await logs.check_all(scene.city.settings.keyring, scene.city.settings.publisher)
            finally:
                await database.close_database()
        finally:
            for file in (copy, Path(f"{copy}-wal"), Path(f"{copy}-shm")):
                file.unlink(missing_ok=True)
        if not any(report.fault for report in reports.values()):
            scene.differences.append(f"verify-log does not notice a flipped bit: {place}")
        return None

    return strike


def _flipped_copy(scene: Scene, place: str, copy: Path, chance: random.Random) -> None:
    table, column = PLACES[place]
    with closing(sqlite3.connect(scene.city.sqlite_path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for (trigger,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            target.execute(f'DROP TRIGGER "{trigger}"')
        rows = target.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid").fetchall()
        row, value = chance.choice(rows)
        raw = bytearray(value.encode() if isinstance(value, str) else value)
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(7)
        flipped = raw.decode() if isinstance(value, str) else bytes(raw)
        target.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (flipped, row))
        target.commit()


FAULTS = tuple(Fault(f"flipped bit: {place}", SQLITE_ONLY, 1, flip(place)) for place in PLACES)
