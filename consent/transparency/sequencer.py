"""Move leaves from the outbox into a log's tree, and sign checkpoints.

SQL text: the head is locked FOR UPDATE and the outbox is drained by DELETE … RETURNING.

Integration is one transaction: a leaf leaves the outbox and enters the tree, or neither. The last published checkpoint
is a file outside the database (`publication`). Before the next is signed, the root over as many leaves as that file
states is computed from the tiles and must equal its root. A database that was changed, or restored from an older copy,
thereby freezes the log instead of forking it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.functions import Count, Min

from consent.database import queries
from consent.kernel import fault_points
from consent.kernel.fault_points import FaultPoint
from consent.models import LogHead, Outbox
from consent.transparency import checkpoint, merkle, publication, tiles
from consent.transparency.checkpoint import Checkpoint, NoteInvalid
from consent.transparency.logs import Log
from consent.transparency.publication import Publication, PublishedByAnother, Publisher
from consent.transparency.tiles import TreeBroken

BATCH_MAX = 5_000
"""Leaves in one transaction; bounds the time for which the head is locked."""
LATE_AFTER = timedelta(seconds=60)
"""The wait after which a leaf in the outbox raises an alarm."""


@dataclass(frozen=True, slots=True)
class Head:
    """A log's head in the database: size, last signed note, reason it is frozen, and if records are withheld."""

    size: int
    note: str | None
    frozen: str | None
    withheld: bool


async def integrate(log: Log, at: datetime) -> int:
    """Move up to BATCH_MAX leaves from the outbox into the tree and return their number; 0 while the log is frozen.

    Runs a transaction of its own with the log's head locked. A leaf that does not match its hash freezes the log.
    """
    async with queries.transaction():
        row = await lock(log)
        if row["frozen"]:
            return 0
        # One DELETE … RETURNING: rows that commit while it runs stay for the next batch.
        taken = await queries.fetch_all(
            "DELETE FROM outbox WHERE leaf_hash IN"
            " (SELECT leaf_hash FROM outbox WHERE log = $1 ORDER BY put_at LIMIT $2) RETURNING leaf_hash, leaf",
            log,
            BATCH_MAX,
        )
        # By hash: the order of a batch must not show who came first.
        taken.sort(key=lambda leaf: str(leaf["leaf_hash"]))
        hashes = [merkle.leaf_hash(leaf["leaf"].encode()) for leaf in taken]
        for leaf, computed in zip(taken, hashes, strict=True):
            if leaf["leaf_hash"] != computed.hex():
                await _freeze(log, f"leaf {leaf['leaf_hash']} of the outbox is not what its hash says")
                return 0
        if not taken:
            return 0
        await queries.execute_many(
            "INSERT INTO log_entry (log, position, leaf_hash, leaf) VALUES ($1, $2, $3, $4)",
            [(log, row["size"] + index, leaf["leaf_hash"], leaf["leaf"]) for index, leaf in enumerate(taken)],
        )
        size = await tiles.grow(log, row["size"], hashes)
        await LogHead.filter(log=log).update(size=size, checked_at=queries.to_micros(at))
        fault_points.reach(FaultPoint.LEAVES_MOVED)
        return len(taken)


async def publish(log: Log, publisher: Publisher) -> Checkpoint | None:
    """Sign, publish and store the checkpoint of the present tree.

    Writes the file of the checkpoint before the database. Signs again where the last checkpoint lacks a signature of
    the present key; signs nothing where only the database is behind the file. A tree that does not continue the last
    one freezes the log.

    Returns:
        The checkpoint, or None if nothing is new, if the log is or becomes frozen, or if another sequencer has
        published meanwhile.

    Raises:
        FolderBehind: the folder lacks the checkpoint that the database published last.
    """
    async with queries.transaction():
        row = await lock(log)
        if row["frozen"]:
            return None
        try:
            last = publication.read_last(publisher, log)
            await require_continuation(log, row, last)
            signer = publisher.signer_of(log, last.epoch)
            root = await tiles.root_at(log, row["size"])
            present = Checkpoint(signer.name, row["size"], root)
            # Published again where a host with the key before has signed it alone.
            current = last.checkpoint == present and checkpoint.is_signed(last.note, signer.key)
            if current and row["checkpoint"] == last.note:
                return None
            note = last.note
            if not current:
                note = signer.sign(present.text())
                # The file first: if the process dies here, the next run brings the database up to the file.
                publication.add(publisher, log, last, note)
        except (TreeBroken, NoteInvalid) as error:
            await _freeze(log, str(error))
            return None
        except PublishedByAnother:
            # The head is locked, so the other one works on another database: a fork, or a host that does not know of
            # the failover. The log that continues the other's checkpoint may publish in the next round.
            await _compare(log, publisher, row)
            return None
        await LogHead.filter(log=log).update(checkpoint=note)
        return present


async def freeze_if_diverged(log: Log, publisher: Publisher) -> None:
    """Compare the tree with the last published checkpoint and freeze the log if it does not continue it.

    Raises:
        FolderBehind: the folder lacks the checkpoint that the database published last.
    """
    async with queries.transaction():
        row = await lock(log)
        if not row["frozen"]:
            await _compare(log, publisher, row)


async def _compare(log: Log, publisher: Publisher, row: queries.Row) -> None:
    try:
        await require_continuation(log, row, publication.read_last(publisher, log))
    except (TreeBroken, NoteInvalid) as error:
        await _freeze(log, str(error))


async def lock(log: Log) -> queries.Row:
    """Lock the log's head until the transaction ends and return its size, checkpoint and frozen."""
    row = await queries.fetch_one("SELECT size, checkpoint, frozen FROM log_head WHERE log = $1 FOR UPDATE", log)
    assert row is not None
    return row


async def end_withholding(log: Log) -> None:
    """Allow records to be used again; call it once tombstones were replayed. A frozen log stays frozen."""
    await LogHead.filter(log=log).update(withheld=0)


async def unfreeze(log: Log, publisher: Publisher) -> None:
    """Unfreeze a log whose tree continues the last published checkpoint.

    Raises:
        TreeBroken: the tree does not continue it.
        NoteInvalid, FolderBehind: the folder is damaged or an older copy, so that the two cannot be compared.
    """
    async with queries.transaction():
        row = await lock(log)
        await require_continuation(log, row, publication.read_last(publisher, log))
        await LogHead.filter(log=log).update(frozen=None, withheld=0)


async def require_continuation(log: Log, row: queries.Row, last: Publication) -> None:
    """Raise TreeBroken unless the tree continues the last publication, FolderBehind if there must be a later one."""
    publication.require_published(last, row["checkpoint"], log)
    if last.checkpoint is None:
        return
    if row["size"] < last.checkpoint.size:
        raise TreeBroken(f"the database has {row['size']} leaves, and {last.checkpoint.size} were published")
    if await tiles.root_at(log, last.checkpoint.size) != last.checkpoint.root:
        raise TreeBroken(f"the first {last.checkpoint.size} leaves are not those that were published")


async def divergence(log: Log, publisher: Publisher) -> str | None:
    """Return why the tree does not continue the last published checkpoint, or None if it does; changes nothing.

    Raises:
        NoteInvalid, FolderBehind: the folder is damaged or an older copy, so that the two cannot be compared.
    """
    row = {"size": (stored := await head(log)).size, "checkpoint": stored.note}
    try:
        await require_continuation(log, row, publication.read_last(publisher, log))
    except TreeBroken as error:
        return str(error)
    return None


async def head(log: Log) -> Head:
    """Return the log's head, without a lock."""
    row = await LogHead.get(log=log)
    return Head(row.size, row.checkpoint, row.frozen, bool(row.withheld))


async def backlog(log: Log, at: datetime) -> tuple[int, timedelta]:
    """Return the number of leaves in the outbox and the time that the oldest has waited; zero for an empty outbox."""
    (row,) = (
        await Outbox.filter(log=log).annotate(leaves=Count("leaf_hash"), since=Min("put_at")).values("leaves", "since")
    )
    waited = timedelta(0) if row["since"] is None else max(timedelta(0), at - queries.from_micros(row["since"]))
    return int(row["leaves"]), waited


async def _freeze(log: Log, reason: str) -> None:
    """Freeze the log. For the consent log also withhold records: an older copy has people who were erased since."""
    await LogHead.filter(log=log).update(frozen=reason, withheld=1 if log is Log.CONSENT else 0)
