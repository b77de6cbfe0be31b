"""The check behind `credit-easy verify-log`: computes the logs again from their entries and names the first fault.

SQL text: chains and rows are read together with their leaves in the log and the outbox (joins).

A log is checked leaf by leaf, tile by tile, root and signature. A person's chain is checked from its sealed events:
numbers without gaps, each naming the leaf before it, each committed to by a leaf in the log or on its way there.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from consent import persons
from consent.crypto.vault import Keyring, SealBroken
from consent.database import queries
from consent.events import ledger
from consent.kernel.instants import rfc3339
from consent.models import ErasedLeaf, Erasure, LogEntry, LogHead, LogTile
from consent.persons import Person
from consent.transparency import log_epoch_start, log_epochs, merkle
from consent.transparency.checkpoint import TILE_WIDTH, NoteInvalid
from consent.transparency.logs import Log
from consent.transparency.merkle import HASH_BYTES
from consent.transparency.publication import Publisher
from consent.verification import log_epoch_checks, rows
from consent.verification.rows import ConsentHistory, IntegrityFault

PAGE = 5_000
"""Rows read at once; bounds memory for logs of any size."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check: entries there, entries checked, and the first fault (None if all is consistent).

    `lost` counts the published leaves of an ended epoch that are lost for good, as was announced.
    """

    log: Log
    size: int
    checked: int
    fault: IntegrityFault | None
    lost: int = 0


class _Broken(Exception):
    def __init__(self, where: str, number: int, what: str) -> None:
        super().__init__(what)
        self.fault = IntegrityFault(where, number, what)


async def check_all(keyring: Keyring, publisher: Publisher) -> dict[str, Report]:
    """Check both logs, every chain with its consents, and every sealed column as of one instant; reports by name.

    Opens a read-only snapshot of its own, so it must not run inside a transaction.
    """
    async with queries.snapshot():
        return {
            **{str(log): await check_log(log, publisher) for log in Log},
            **{name: report for log in Log for name, report in (await check_ended_epochs(log)).items()},
            "chains": await check_chains(keyring),
            "sealed fields": await check_sealed_fields(keyring),
        }


async def check_log(which: Log, publisher: Publisher | None) -> Report:
    """Check a log against its own entries, and against what it has signed if the signer's key is given."""
    head = await LogHead.get(log=which)
    tree = _Tree(which)
    try:
        try:
            signed = (
                []
                if publisher is None
                else await log_epoch_checks.signed_checkpoints(which, publisher, head.checkpoint)
            )
        except NoteInvalid as error:
            raise _Broken(which, 0, f"the checkpoint: {error}") from None
        expected = iter([root for root in signed if root.size])
        following = next(expected, None)
        async for row in _entries(which):
            await tree.add(row)
            while following is not None and tree.size == following.size:
                if tree.root() != following.root:
                    raise _Broken(which, following.size, "the signed root is not the root of these leaves")
                following = next(expected, None)
        await tree.finish()
        if tree.size != head.size:
            raise _Broken(which, min(tree.size, head.size), f"{head.size} leaves are claimed, {tree.size} found")
        if following is not None and tree.size < following.size:
            raise _Broken(which, tree.size, f"{signed[-1].size} leaves were signed, {tree.size} are there")
    except _Broken as broken:
        return Report(which, head.size, tree.size, broken.fault)
    return Report(which, head.size, tree.size, None)


async def check_ended_epochs(which: Log) -> dict[str, Report]:
    """Report each ended epoch of a log by its name: leaves published, leaves still there, and leaves lost for good.

    An epoch whose loss the policy log does not announce is a fault.
    """
    starts = await log_epochs.starts(which)
    shared, reports = log_epoch_start.shared_leaves(starts), {}
    silent = await log_epoch_checks.unannounced(starts)
    for start in starts:
        name, present = f"{which} epoch {start.epoch - 1}", shared[start.epoch - 1]
        fault = IntegrityFault(name, present, f"epoch {start.epoch} is not announced") if start == silent else None
        reports[name] = Report(which, start.published, present, fault, start.published - present)
    return reports


async def check_chains(keyring: Keyring) -> Report:
    """Check every person's chain and the consents that follow from it.

    Also checks that each event, refused attempt, officer's access, use for all and erasure has its leaf, and that each
    leaf has one of them.
    """
    checked = 0
    try:
        async for person_id, last_leaf, events, wrapped in _persons():
            person = None
            if wrapped is not None:
                row = {"person_id": person_id, "epoch": 0, "wrapped_key": wrapped}
                try:
                    person = persons.from_row(keyring, row)
                except SealBroken:
                    raise _Broken(f"person {person_id}", 0, "the data key does not open") from None
            checked += await _chain(person, person_id, events, last_leaf)
        await _check_salted_rows(
            "refused_attempt",
            "attempt_id",
            lambda row: ledger.attempt_event(row["attempt_id"], row["door"], row["actor"], row["code"]),
        )
        await _check_salted_rows(
            "oversight",
            "look_id",
            lambda row: ledger.officer_read_event(row["look_id"], row["staff_id"], row["case_id"], row["what"]),
        )
        await _check_salted_rows("use_for_all", "use_id", ledger.use_for_all_event)
        await _check_erasures()
        await _check_unclaimed_leaves()
    except _Broken as broken:
        return Report(Log.CONSENT, checked, checked, broken.fault)
    return Report(Log.CONSENT, checked, checked, None)


async def check_sealed_fields(keyring: Keyring) -> Report:
    """Check that each value of every sealed column opens under its key, at its place; return the report."""
    opened, fault = await rows.check_sealed_columns(keyring)
    return Report(Log.CONSENT, opened, opened, fault)


class _Tree:
    """A tree computed again from its entries and compared with the stored tiles as they fill."""

    def __init__(self, which: Log) -> None:
        self.log, self.size = which, 0
        self.open: list[list[bytes]] = [[]]
        self.numbers = [0]

    async def add(self, row: queries.Row) -> None:
        """Append the next entry; _Broken if it is missing, changed, or differs from its tile."""
        if row["position"] != self.size:
            raise _Broken(self.log, self.size, "the entry is missing")
        computed = merkle.leaf_hash(row["leaf"].encode())
        if computed.hex() != row["leaf_hash"]:
            raise _Broken(self.log, self.size, "the leaf is not what its hash says")
        self.size += 1
        self.open[0].append(computed)
        level = 0
        while len(self.open[level]) == TILE_WIDTH:
            await self._compare_tile(level)
            done, self.open[level] = self.open[level], []
            self.numbers[level] += 1
            level += 1
            if level == len(self.open):
                self.open.append([])
                self.numbers.append(0)
            self.open[level].append(merkle.root_of(done))

    async def finish(self) -> None:
        """Compare the last, partial tiles with the stored ones."""
        for level, hashes in enumerate(self.open):
            if hashes:
                await self._compare_tile(level)

    def root(self) -> bytes:
        """Return the root over the entries added so far."""
        parts: list[bytes] = []
        for level in range(len(self.open) - 1, -1, -1):
            hashes, start = self.open[level], 0
            while start < len(hashes):
                width = 1 << ((len(hashes) - start).bit_length() - 1)
                parts.append(merkle.root_of(hashes[start : start + width]))
                start += width
        return merkle.fold(parts)

    async def _compare_tile(self, level: int) -> None:
        number, hashes = self.numbers[level], self.open[level]
        row = await LogTile.get_or_none(log=self.log, level=level, number=number)
        stored = b"" if row is None else bytes(row.hashes)
        for index, computed in enumerate(hashes):
            if stored[index * HASH_BYTES : (index + 1) * HASH_BYTES] != computed:
                raise _Broken(f"{self.log} tile {level}/{number}", index, "the hash is not the one of its leaves")
        if len(stored) != len(hashes) * HASH_BYTES:
            raise _Broken(f"{self.log} tile {level}/{number}", len(hashes), "the tile is longer than its leaves")


async def _entries(which: Log) -> AsyncIterator[queries.Row]:
    after = -1
    while (
        page := await LogEntry.filter(log=which, position__gt=after)
        .order_by("position")
        .limit(PAGE)
        .values("position", "leaf_hash", "leaf")
    ):
        for row in page:
            yield row
        after = page[-1]["position"]


async def _persons() -> AsyncIterator[tuple[str, str | None, int | None, bytes | None]]:
    """Yield (id, last leaf, events, wrapped key) of every person with a row or with events; None for a missing row."""
    after = ""
    while page := await queries.fetch_all(
        "SELECT n.person_id, p.last_leaf, p.events, p.wrapped_key FROM"
        " (SELECT person_id FROM event WHERE person_id > $1 UNION SELECT person_id FROM person WHERE person_id > $1) n"
        " LEFT JOIN person p ON p.person_id = n.person_id ORDER BY n.person_id LIMIT $2",
        after,
        PAGE,
    ):
        for row in page:
            yield row["person_id"], row["last_leaf"], row["events"], row["wrapped_key"]
        after = page[-1]["person_id"]


async def _chain(person: Person | None, person_id: str, events: int | None, last_leaf: str | None) -> int:
    """Check one chain and return its number of events; _Broken at the first fault."""
    number, previous, where, history = 0, "", f"person {person_id}", ConsentHistory()
    while page := await queries.fetch_all(
        "SELECT e.number, e.kind, e.at, e.leaf_hash, e.sealed, l.position, o.leaf_hash AS waiting FROM event e"
        " LEFT JOIN log_entry l ON l.log = 'consent' AND l.leaf_hash = e.leaf_hash"
        " LEFT JOIN outbox o ON o.leaf_hash = e.leaf_hash"
        " WHERE e.person_id = $1 AND e.number > $2 ORDER BY e.number LIMIT $3",
        person_id,
        number,
        PAGE,
    ):
        for row in page:
            number += 1
            if row["number"] != number:
                raise _Broken(where, number, "the event is missing")
            if row["position"] is None and row["waiting"] is None:
                raise _Broken(where, number, "the event's leaf is in no log")
            if person is not None:
                history.follow(_opens(person, row, previous))
            previous = row["leaf_hash"]
    if person is None:
        raise _Broken(where, number, "the person is gone without an erasure")
    if number != events or previous != last_leaf:
        raise _Broken(where, number + 1, f"{events} events were written, {number} are there")
    if (fault := await history.compare(person_id)) is not None:
        raise _Broken(fault.where, fault.number, fault.what)
    return number


def _opens(person: Person, row: queries.Row, previous: str) -> dict[str, Any]:
    where, number = f"person {person.person_id}", row["number"]
    try:
        plain: dict[str, Any] = json.loads(person.open("event", "sealed", str(number), bytes(row["sealed"])))
        event: dict[str, Any] = plain["event"]
        leaf = ledger.leaf_of(event["kind"], ledger.commitment(bytes.fromhex(plain["salt"]), event))
    except (SealBroken, ValueError, KeyError, TypeError):
        raise _Broken(where, number, "the sealed event does not open") from None
    if ledger.leaf_hash_of(leaf) != row["leaf_hash"] or event["kind"] != row["kind"]:
        raise _Broken(where, number, "the event is not what its leaf commits to")
    moment = queries.from_micros(row["at"])
    # Events of version 0.2.0 and before have `+00:00` instead of `Z`.
    if event["at"] not in (rfc3339(moment), moment.isoformat()):
        raise _Broken(where, number, "the event's time is not the one its leaf commits to")
    if event["number"] != number or event["previous"] != previous:
        raise _Broken(where, number, "the event does not follow the one before it")
    return event


async def _check_erasures() -> None:
    """Check every erasure against its leaf, and that as many traces are stored as the erasures counted events."""
    left, after = 0, ""
    while (
        page := await Erasure.filter(leaf_hash__gt=after)
        .order_by("leaf_hash")
        .limit(PAGE)
        .values("leaf_hash", "event", "salt")
    ):
        for row in page:
            event = json.loads(row["event"])
            leaf = ledger.leaf_of("person.erased", ledger.commitment(bytes.fromhex(row["salt"]), event))
            if ledger.leaf_hash_of(leaf) != row["leaf_hash"] or event["kind"] != "person.erased":
                raise _Broken(f"erasure {row['leaf_hash']}", 0, "the erasure is not what its leaf commits to")
            left += event["facts"]["events"] + 1
        after = page[-1]["leaf_hash"]
    traces = await ErasedLeaf.all().count()
    if traces != left:
        raise _Broken("erased_leaf", traces, f"{left} leaves were left by erasures")
    for table in ("erasure", "erased_leaf"):
        absent = await queries.fetch_one(
            f"SELECT a.leaf_hash FROM {table} a"
            " LEFT JOIN log_entry l ON l.log = 'consent' AND l.leaf_hash = a.leaf_hash"
            " LEFT JOIN outbox o ON o.leaf_hash = a.leaf_hash"
            " WHERE l.leaf_hash IS NULL AND o.leaf_hash IS NULL LIMIT 1"
        )
        if absent is not None:
            raise _Broken(f"{table} {absent['leaf_hash']}", 0, "its leaf is in no log")


async def _check_salted_rows(table: str, id_column: str, event_of: Callable[[queries.Row], dict[str, Any]]) -> None:
    """Check rows that store their own salt: refused attempts, officers' accesses, uses for all."""
    number, after = 0, ""
    while page := await queries.fetch_all(
        f"SELECT a.*, l.position, o.leaf_hash AS waiting FROM {table} a"
        " LEFT JOIN log_entry l ON l.log = 'consent' AND l.leaf_hash = a.leaf_hash"
        " LEFT JOIN outbox o ON o.leaf_hash = a.leaf_hash"
        f" WHERE a.{id_column} > $1 AND a.salt <> '' ORDER BY a.{id_column} LIMIT $2",
        after,
        PAGE,
    ):
        for row in page:
            number += 1
            event = event_of(row)
            leaf = ledger.leaf_of(event["kind"], ledger.commitment(bytes.fromhex(row["salt"]), event))
            if ledger.leaf_hash_of(leaf) != row["leaf_hash"]:
                raise _Broken(table, number, "the row is not what its leaf commits to")
            if row["position"] is None and row["waiting"] is None:
                raise _Broken(table, number, "the row's leaf is in no log")
        after = page[-1][id_column]


async def _check_unclaimed_leaves() -> None:
    """Check that each leaf of the consent log has a row behind it; one without means that events were deleted."""
    row = await queries.fetch_one(
        "SELECT l.position FROM log_entry l LEFT JOIN event e ON e.leaf_hash = l.leaf_hash"
        " LEFT JOIN refused_attempt a ON a.leaf_hash = l.leaf_hash"
        " LEFT JOIN oversight o ON o.leaf_hash = l.leaf_hash"
        " LEFT JOIN use_for_all u ON u.leaf_hash = l.leaf_hash"
        " LEFT JOIN erased_leaf x ON x.leaf_hash = l.leaf_hash"
        " LEFT JOIN expired_leaf y ON y.leaf_hash = l.leaf_hash"
        " WHERE l.log = 'consent' AND e.leaf_hash IS NULL AND a.leaf_hash IS NULL AND o.leaf_hash IS NULL"
        " AND u.leaf_hash IS NULL AND x.leaf_hash IS NULL AND y.leaf_hash IS NULL AND l.leaf NOT LIKE $1"
        " ORDER BY l.position LIMIT 1",
        f'%"k":"{ledger.PADDING}","v":1}}',
    )
    if row is not None:
        raise _Broken(Log.CONSENT, row["position"], "no event stands behind the leaf")
