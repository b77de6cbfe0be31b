"""Moves leaves from the outbox into a log's tree, and signs what the log promises.

Integration is one transaction: leaves leave the outbox and stand in the tree, or neither. Before a checkpoint is
signed the tree is read again and held against the last one that was published, which lives in a file outside the
database: a database that was restored from an older copy, or changed, freezes the log instead of forking it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from consent.database import queries
from consent.kernel import atomic_file
from consent.transparency import checkpoint, merkle, tiles
from consent.transparency.checkpoint import Checkpoint, NoteInvalid, NoteSigner
from consent.transparency.logs import Log
from consent.transparency.tiles import TreeBroken

BATCH_MAX = 5_000
"""Leaves in one transaction."""
LATE_AFTER = timedelta(seconds=60)
"""A leaf that waits longer is an alarm."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """What it takes to publish a log: its signer (whose name is the origin) and the folder of last checkpoints."""

    signer: NoteSigner
    folder: Path

    def signer_of(self, log: Log) -> NoteSigner:
        """The signer under the log's own origin, `<host>/<log>`."""
        return NoteSigner(f"{self.signer.name}/{log}", self.signer.private)

    def path_of(self, log: Log) -> Path:
        """The file of the last published checkpoint."""
        return self.folder / f"{log}.checkpoint"


@dataclass(frozen=True, slots=True)
class Head:
    """A log as the database has it."""

    size: int
    note: str | None
    frozen: str | None
    withheld: bool


async def integrate(log: Log, at: datetime) -> int:
    """Move up to BATCH_MAX leaves from the outbox into the tree; how many. Nothing while the log is frozen."""
    async with queries.transaction():
        row = await queries.fetch_one("SELECT size, frozen FROM log_head WHERE log = $1 FOR UPDATE", log)
        assert row is not None
        if row["frozen"]:
            return 0
        # A delete that gives back what it took: rows that commit late are simply there the next time.
        taken = await queries.fetch_all(
            "DELETE FROM outbox WHERE leaf_hash IN"
            " (SELECT leaf_hash FROM outbox WHERE log = $1 ORDER BY put_at LIMIT $2) RETURNING leaf_hash, leaf",
            log,
            BATCH_MAX,
        )
        # By hash: the order of a batch says nothing about who came first.
        taken.sort(key=lambda one: str(one["leaf_hash"]))
        hashes = [merkle.leaf_hash(one["leaf"].encode()) for one in taken]
        for one, computed in zip(taken, hashes, strict=True):
            if one["leaf_hash"] != computed.hex():
                await _freeze(log, f"leaf {one['leaf_hash']} of the outbox is not what its hash says")
                return 0
        if not taken:
            return 0
        await queries.execute_many(
            "INSERT INTO log_entry (log, position, leaf_hash, leaf) VALUES ($1, $2, $3, $4)",
            [(log, row["size"] + place, one["leaf_hash"], one["leaf"]) for place, one in enumerate(taken)],
        )
        size = await tiles.grow(log, row["size"], hashes)
        await queries.execute(
            "UPDATE log_head SET size = $2, checked_at = $3 WHERE log = $1", log, size, queries.to_micros(at)
        )
        return len(taken)


async def publish(log: Log, publisher: Publisher) -> Checkpoint | None:
    """Sign and keep the checkpoint of the tree as it is; None when there is nothing new, or the log is frozen."""
    async with queries.transaction():
        row = await queries.fetch_one("SELECT size, checkpoint, frozen FROM log_head WHERE log = $1 FOR UPDATE", log)
        assert row is not None
        if row["frozen"]:
            return None
        signer = publisher.signer_of(log)
        try:
            note, last = read_last(publisher, log)
            await _hold_against(log, row, last)
            root = await tiles.root_at(log, row["size"])
        except (TreeBroken, NoteInvalid) as error:
            await _freeze(log, str(error))
            return None
        made = Checkpoint(signer.name, row["size"], root)
        if last == made and row["checkpoint"] == note:
            return None
        if last != made:
            note = signer.sign(made.text())
            # The file first: should the process die here, it is the database that catches up.
            atomic_file.replace(publisher.path_of(log), note.encode())
        await queries.execute("UPDATE log_head SET checkpoint = $2 WHERE log = $1", log, note)
        return made


async def freeze_if_diverged(log: Log, publisher: Publisher) -> None:
    """Hold the tree against what was published, and freeze the log where it does not continue it."""
    async with queries.transaction():
        row = await queries.fetch_one("SELECT size, checkpoint, frozen FROM log_head WHERE log = $1 FOR UPDATE", log)
        assert row is not None
        if row["frozen"]:
            return
        try:
            _, last = read_last(publisher, log)
            await _hold_against(log, row, last)
        except (TreeBroken, NoteInvalid) as error:
            await _freeze(log, str(error))


async def release_records(log: Log) -> None:
    """Withdrawals and erasures were replayed: records may be used again. The log itself stays as it is."""
    await queries.execute("UPDATE log_head SET withheld = 0 WHERE log = $1", log)


async def unfreeze(log: Log, publisher: Publisher) -> None:
    """Let a frozen log go on when its tree continues what was published; TreeBroken or NoteInvalid otherwise."""
    async with queries.transaction():
        row = await queries.fetch_one("SELECT size, checkpoint, frozen FROM log_head WHERE log = $1 FOR UPDATE", log)
        assert row is not None
        _, last = read_last(publisher, log)
        await _hold_against(log, row, last)
        await queries.execute("UPDATE log_head SET frozen = NULL, withheld = 0 WHERE log = $1", log)


def read_last(publisher: Publisher, log: Log) -> tuple[str, Checkpoint | None]:
    """The last published note and checkpoint, from their file; NoteInvalid when the file is not one of ours."""
    try:
        note = publisher.path_of(log).read_text(encoding="utf-8")
    except FileNotFoundError:
        return "", None
    return note, Checkpoint.parse(checkpoint.open_note(note, publisher.signer_of(log).key))


async def _hold_against(log: Log, row: queries.Row, last: Checkpoint | None) -> None:
    """TreeBroken unless the tree continues what was published."""
    if last is None:
        if row["checkpoint"]:
            raise TreeBroken("a checkpoint was published, and the file that keeps the last one is gone")
        return
    if row["size"] < last.size:
        raise TreeBroken(f"the database has {row['size']} leaves, and {last.size} were published")
    if await tiles.root_at(log, last.size) != last.root:
        raise TreeBroken(f"the first {last.size} leaves are not those that were published")


async def head(log: Log) -> Head:
    """The log as the database has it now."""
    row = await queries.fetch_one("SELECT size, checkpoint, frozen, withheld FROM log_head WHERE log = $1", log)
    assert row is not None
    return Head(row["size"], row["checkpoint"], row["frozen"], bool(row["withheld"]))


async def backlog(log: Log, at: datetime) -> tuple[int, bool]:
    """How many leaves wait, and whether one waits longer than LATE_AFTER."""
    row = await queries.fetch_one("SELECT count(*) AS leaves, min(put_at) AS since FROM outbox WHERE log = $1", log)
    assert row is not None
    late = row["since"] is not None and row["since"] < queries.to_micros(at - LATE_AFTER)
    return row["leaves"], late


async def _freeze(log: Log, reason: str) -> None:
    """Stop the log; for the consent log also withhold records, until tombstones were replayed."""
    withheld = 1 if log is Log.CONSENT else 0
    await queries.execute("UPDATE log_head SET frozen = $2, withheld = $3 WHERE log = $1", log, reason, withheld)
