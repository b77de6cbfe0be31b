"""A redemption on one asyncpg connection: claim the key, lock the ticket and the person, decide, write, commit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from loadtests.benchmarks.peers.common import crypto, events, rules
from loadtests.benchmarks.peers.common.catalogue import (
    READ_DOCUMENTS,
    Benefit,
    Catalogue,
    DocumentRow,
    Venue,
    compile_catalogue,
)
from loadtests.benchmarks.peers.common.http import AnswerKey
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.rules import Counter, Moment
from loadtests.benchmarks.peers.fastapi_asyncpg import statements


class Answer(NamedTuple):
    """An answer's status and bytes, and whether it was stored before."""

    status: int
    body: bytes
    replayed: bool = False


class Scan(NamedTuple):
    """A scanned handle: its ticket with the locked person (None for an unknown handle), the venue, the time."""

    row: asyncpg.Record | None
    venue: Venue
    handle_index: str
    now: Moment


class Redeemer:
    """Redeems tickets; shares the catalogue in force between requests."""

    catalogue: Catalogue

    def __init__(self, keyring: crypto.Keyring, zone: ZoneInfo) -> None:
        self.keyring, self.zone = keyring, zone

    async def load_catalogue(self, connection: asyncpg.Connection) -> None:
        """Read the catalogue in force. The number of changes is read first: a later change is then noticed."""
        state = await connection.fetchrow(statements.READ_STATE)
        rows = await connection.fetch(READ_DOCUMENTS)
        self.catalogue = compile_catalogue((DocumentRow(*row) for row in rows), state["changes"], state["at"])

    async def redeem(self, connection: asyncpg.Connection, client_id: str, handle: str, key: AnswerKey) -> Answer:
        """Redeem a handle at the venue of a client, in one transaction with the stored answer.

        Raises Problem: suspended (403), idempotency_key_reused (422), not_computed and records_withheld (503).
        """
        async with connection.transaction():
            # A second request with the same key waits here until the first has ended.
            claimed = await connection.fetchval(statements.CLAIM, key.scope, key.caller_index, key.fingerprint)
            if claimed is None:
                return await self._stored(connection, key)
            scan = await self._lock(connection, client_id, self.keyring.blind_index("handle", "index", handle))
            benefit = self._covered_benefit(scan)
            if benefit is None or scan.row is None:
                return await self._write_nothing(connection, key.scope, scan.now)
            return await self._decide(connection, key.scope, scan, scan.row, benefit)

    async def _stored(self, connection: asyncpg.Connection, key: AnswerKey) -> Answer:
        row = await connection.fetchrow(statements.READ_ANSWER, key.scope)
        if row["fingerprint"] != key.fingerprint:
            raise Problem(422, "idempotency_key_reused")
        return Answer(row["status"], self.keyring.open_answer(key.scope, row["sealed_body"]), replayed=True)

    async def _lock(self, connection: asyncpg.Connection, client_id: str, handle_index: str) -> Scan:
        if client_id not in self.catalogue.venues:
            await self.load_catalogue(connection)
        scan = await self._read_locked(connection, client_id, handle_index)
        # While the statement waited for the lock the person may have changed; PostgreSQL then shows the new row of the
        # person with older rows of consent and balance. A second statement sees the newest of all three.
        stale = scan is not None and scan.row is not None and not scan.row["has_balance"]
        if scan is None or stale:
            scan = await self._read_locked(connection, client_id, handle_index)
        if scan is None:
            raise Problem(503, "unavailable", 5)
        return scan

    async def _read_locked(self, connection: asyncpg.Connection, client_id: str, handle_index: str) -> Scan | None:
        """Lock a ticket and its person and read all that decides; None, with the new catalogue, when it has changed."""
        venue = self.catalogue.venues.get(client_id)
        if venue is None:
            raise Problem(403, "suspended")
        row = await connection.fetchrow(statements.LOCK_TICKET, handle_index, venue.provider_id)
        state = row or await connection.fetchrow(statements.READ_STATE)
        if state["withheld"]:
            raise Problem(503, "records_withheld", 5)
        if not self.catalogue.is_current(state["changes"], state["at"]):
            await self.load_catalogue(connection)
            return None
        return Scan(row, venue, handle_index, rules.moment(state["at"], self.zone))

    def _covered_benefit(self, scan: Scan) -> Benefit | None:
        """Return the benefit of an open ticket of this venue under a live consent, else None."""
        row, at = scan.row, scan.now.micros
        if row is None or row["venue_id"] != scan.venue.venue_id:
            return None
        if row["redemption_id"] is not None or row["ticket_expires_at"] <= at:
            return None
        benefit = self.catalogue.benefits.get(row["benefit_id"])
        if benefit is None or not benefit.valid_on(scan.now.day) or benefit.provider_id != scan.venue.provider_id:
            return None
        if row["given_at"] is None or not row["given_at"] <= at < row["consent_expires_at"]:
            return None
        return benefit

    async def _decide(
        self, connection: asyncpg.Connection, scope: str, scan: Scan, row: asyncpg.Record, benefit: Benefit
    ) -> Answer:
        balance = rules.StoredBalance.from_row(row) if row["has_balance"] else None
        if balance is None or not rules.is_usable(balance, self.catalogue, scan.now):
            raise Problem(503, "not_computed", 5)
        person_id, now = row["person_id"], scan.now
        cipher = self.keyring.person_cipher(person_id, row["wrapped_key"])
        sealed = ("person", "sealed_subject", person_id, person_id)
        subject = crypto.open_sealed(cipher, sealed, row["sealed_subject"]).decode()
        counters = rules.counters(self.keyring, benefit, subject, now.day)
        granted = rules.applies(benefit.body["condition"], rules.measures(balance)) and await _take(
            connection, counters
        )
        chain = events.Chain(person_id, row["events"], row["last_leaf"])
        event = events.benefit_used(cipher, chain, (benefit.provider_id, benefit.benefit_id), granted, now.micros)
        written = (person_id, *event, now.micros)
        if not granted:
            body = rules.NOT_APPLICABLE
            sealed_body = self.keyring.seal_answer(scope, body)
            await connection.execute(statements.WRITE_NO, scope, sealed_body, *written)
            return Answer(200, body)
        redemption_id, ends_on = os.urandom(16).hex(), rules.runs_until(benefit, now.day)
        body = orjson.dumps(rules.redemption_body(benefit, redemption_id, ends_on))
        await connection.execute(
            statements.WRITE_YES,
            scope,
            self.keyring.seal_answer(scope, body),
            *written,
            redemption_id,
            rules.counter_keys(counters),
            scan.handle_index,
            scan.venue.venue_id,
            benefit.benefit_id,
            benefit.version,
            now.day_number,
            now.hour,
            rules.day_number(ends_on),
        )
        return Answer(201, body)

    async def _write_nothing(self, connection: asyncpg.Connection, scope: str, now: Moment) -> Answer:
        """Store the "no" with a leaf that stands for no event: the log's size must not tell a known handle."""
        leaf = events.empty_leaf()
        sealed = self.keyring.seal_answer(scope, rules.NOT_APPLICABLE)
        await connection.execute(statements.WRITE_NOTHING, scope, sealed, events.leaf_hash(leaf), leaf, now.micros)
        return Answer(200, rules.NOT_APPLICABLE)


async def _take(connection: asyncpg.Connection, counters: Sequence[Counter]) -> bool:
    """Take from every counter or from none; return whether it was taken."""
    for place, counter in enumerate(counters):
        if await connection.fetchval(statements.TAKE, counter.key, counter.ends_on, counter.most) is None:
            for earlier in counters[:place]:
                await connection.execute(statements.GIVE_BACK, earlier.key)
            return False
    return True
