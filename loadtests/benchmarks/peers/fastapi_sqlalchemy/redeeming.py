"""A redemption in one session and transaction: claim the key, lock ticket and person, decide, add the new rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from loadtests.benchmarks.peers.common import crypto, events, rules
from loadtests.benchmarks.peers.common.catalogue import Benefit, Venue
from loadtests.benchmarks.peers.common.http import AnswerKey
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.rules import Counter, Moment
from loadtests.benchmarks.peers.fastapi_sqlalchemy.models import (
    Consent,
    Event,
    OutboxLeaf,
    Person,
    QuotaUse,
    Redemption,
    Snapshot,
    StoredAnswer,
    Ticket,
)
from loadtests.benchmarks.peers.fastapi_sqlalchemy.state import CatalogueCache


class Answer(NamedTuple):
    """An answer's status and bytes, and whether it was stored before."""

    status: int
    body: bytes
    replayed: bool = False


class Redeemer:
    """Redeems tickets within a session's running transaction."""

    def __init__(self, session: AsyncSession, cache: CatalogueCache, keyring: crypto.Keyring, zone: ZoneInfo) -> None:
        self.session, self.cache, self.keyring, self.zone = session, cache, keyring, zone

    async def redeem(self, client_id: str, handle: str, key: AnswerKey) -> Answer:
        """Redeem a handle at the venue of a client and store the answer.

        Raises Problem: suspended (403), idempotency_key_reused (422), not_computed and records_withheld (503).
        """
        now = await self.cache.read_now(self.session, self.zone)
        stored = await self._claim(key, now)
        if stored is not None:
            if stored.fingerprint != key.fingerprint:
                raise Problem(422, "idempotency_key_reused")
            return Answer(stored.status, self.keyring.open_answer(key.scope, stored.sealed_body), replayed=True)
        venue = self.cache.catalogue.venues.get(client_id)
        if venue is None:
            raise Problem(403, "suspended")
        answer = await self._decide(venue, self.keyring.blind_index("handle", "index", handle), now)
        await self.session.execute(
            update(StoredAnswer)
            .where(StoredAnswer.scope == key.scope)
            .values(status=answer.status, sealed_body=self.keyring.seal_answer(key.scope, answer.body))
        )
        return answer

    async def _claim(self, key: AnswerKey, now: Moment) -> StoredAnswer | None:
        """Claim the key for this transaction, or return the answer that is stored under it.

        A second request with the same key waits here until the first has ended.
        """
        claimed = await self.session.scalar(
            insert(StoredAnswer)
            .values(
                scope=key.scope,
                caller_index=key.caller_index,
                fingerprint=key.fingerprint,
                status=0,
                sealed_body=b"",
                created_at=now.micros - now.micros % rules.HOUR_MICROS,
            )
            .on_conflict_do_nothing()
            .returning(StoredAnswer.scope)
        )
        return None if claimed is not None else await self.session.get_one(StoredAnswer, key.scope)

    async def _decide(self, venue: Venue, handle_index: str, now: Moment) -> Answer:
        ticket = await self.session.get(Ticket, handle_index, with_for_update=True)
        benefit = None if ticket is None else self._benefit(ticket, venue, now)
        person = None
        if ticket is not None and benefit is not None and ticket.person_id is not None:
            person = await self.session.get(Person, ticket.person_id, with_for_update=True)
        if ticket is None or benefit is None or person is None or not await self._consents(person, venue, now):
            # A leaf that stands for no event: the log's size must not tell a known handle from an unknown.
            leaf = events.empty_leaf()
            self._queue(events.leaf_hash(leaf), leaf, now)
            return Answer(200, rules.NOT_APPLICABLE)
        balance = await self.session.get(Snapshot, person.person_id)
        if balance is None or balance.epoch != person.epoch or not rules.is_usable(balance, self.cache.catalogue, now):
            raise Problem(503, "not_computed", 5)
        cipher = self.keyring.person_cipher(person.person_id, person.wrapped_key)
        place = ("person", "sealed_subject", person.person_id, person.person_id)
        subject = crypto.open_sealed(cipher, place, person.sealed_subject).decode()
        counters = rules.counters(self.keyring, benefit, subject, now.day)
        granted = rules.applies(benefit.body["condition"], rules.measures(balance)) and await self._take(counters)
        chain = events.Chain(person.person_id, person.events, person.last_leaf)
        event = events.benefit_used(cipher, chain, (benefit.provider_id, benefit.benefit_id), granted, now.micros)
        self._append(person, event, now)
        return self._book(ticket, benefit, counters, now) if granted else Answer(200, rules.NOT_APPLICABLE)

    def _benefit(self, ticket: Ticket, venue: Venue, now: Moment) -> Benefit | None:
        """Return the benefit of an open ticket of this venue, else None."""
        if ticket.venue_id != venue.venue_id or ticket.redemption_id is not None or ticket.expires_at <= now.micros:
            return None
        benefit = self.cache.catalogue.benefits.get(ticket.benefit_id)
        if benefit is None or not benefit.valid_on(now.day) or benefit.provider_id != venue.provider_id:
            return None
        return benefit

    async def _consents(self, person: Person, venue: Venue, now: Moment) -> bool:
        """Return whether a consent to check this provider's benefits lives now."""
        consent = await self.session.scalar(
            select(Consent).where(
                Consent.person_id == person.person_id,
                Consent.purpose == "benefit.check",
                Consent.counterpart == venue.provider_id,
                Consent.state == "given",
                Consent.given_at <= now.micros,
                Consent.expires_at > now.micros,
            )
        )
        return consent is not None

    async def _take(self, counters: Sequence[Counter]) -> bool:
        """Take from every counter or from none; return whether it was taken."""
        for place, counter in enumerate(counters):
            taken = await self.session.scalar(
                insert(QuotaUse)
                .values(quota_key=counter.key, taken=1, ends_on=counter.ends_on)
                .on_conflict_do_update(
                    index_elements=[QuotaUse.quota_key],
                    set_={"taken": QuotaUse.taken + 1},
                    where=QuotaUse.taken < counter.most,
                )
                .returning(QuotaUse.taken)
            )
            if taken is None:
                for earlier in counters[:place]:
                    await self.session.execute(
                        update(QuotaUse)
                        .where(QuotaUse.quota_key == earlier.key)
                        .values(taken=QuotaUse.taken - 1)
                        .execution_options(synchronize_session=False)
                    )
                return False
        return True

    def _append(self, person: Person, event: events.Event, now: Moment) -> None:
        person.events, person.last_leaf = event.number, event.leaf_hash
        self.session.add(
            Event(
                person_id=person.person_id,
                number=event.number,
                leaf_hash=event.leaf_hash,
                kind=event.kind,
                at=event.at,
                sealed=event.sealed,
            )
        )
        self._queue(event.leaf_hash, event.leaf, now)

    def _queue(self, leaf_hash: str, leaf: str, now: Moment) -> None:
        self.session.add(OutboxLeaf(leaf_hash=leaf_hash, leaf=leaf, log="consent", put_at=now.micros))

    def _book(self, ticket: Ticket, benefit: Benefit, taken: Sequence[Counter], now: Moment) -> Answer:
        redemption_id, ends_on = os.urandom(16).hex(), rules.runs_until(benefit, now.day)
        ticket.redemption_id, ticket.counters = redemption_id, rules.counter_keys(taken)
        self.session.add(
            Redemption(
                redemption_id=redemption_id,
                handle_index=ticket.handle_index,
                venue_id=ticket.venue_id,
                benefit_id=benefit.benefit_id,
                benefit_version=benefit.version,
                day=now.day_number,
                hour=now.hour,
                state="redeemed",
                runs_until=rules.day_number(ends_on),
            )
        )
        return Answer(201, orjson.dumps(rules.redemption_body(benefit, redemption_id, ends_on)))
