"""A redemption in one transaction: claim the key, lock ticket and person, decide, write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings
from django.db.models import F
from rest_framework.renderers import JSONRenderer

from loadtests.benchmarks.peers.common import crypto, events, rules
from loadtests.benchmarks.peers.common.catalogue import Benefit, Catalogue, Venue
from loadtests.benchmarks.peers.common.http import AnswerKey
from loadtests.benchmarks.peers.common.problems import Problem
from loadtests.benchmarks.peers.common.rules import Counter, Moment
from loadtests.benchmarks.peers.django_drf.models import (
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
from loadtests.benchmarks.peers.django_drf.state import CATALOGUE


class Answer(NamedTuple):
    """An answer's status and bytes, and whether it was stored before."""

    status: int
    body: bytes
    replayed: bool = False


class Scan(NamedTuple):
    """A scan at a venue: the catalogue in force and the time."""

    venue: Venue
    catalogue: Catalogue
    now: Moment


def redeem(client_id: str, handle: str, key: AnswerKey) -> Answer:
    """Redeem a handle at the venue of a client and store the answer, in the running transaction.

    Raises Problem: suspended (403), idempotency_key_reused (422), not_computed and records_withheld (503).
    """
    keyring = settings.CITY.keyring
    catalogue, now = CATALOGUE.read()
    # A second request with the same key waits at the insert until the first has ended.
    stored, created = StoredAnswer.objects.get_or_create(
        scope=key.scope,
        defaults={
            "caller_index": key.caller_index,
            "fingerprint": key.fingerprint,
            "status": 0,
            "sealed_body": b"",
            "created_at": now.micros - now.micros % rules.HOUR_MICROS,
        },
    )
    if not created:
        if stored.fingerprint != key.fingerprint:
            raise Problem(422, "idempotency_key_reused")
        return Answer(stored.status, keyring.open_answer(key.scope, bytes(stored.sealed_body)), replayed=True)
    venue = catalogue.venues.get(client_id)
    if venue is None:
        raise Problem(403, "suspended")
    answer = _decide(Scan(venue, catalogue, now), keyring.blind_index("handle", "index", handle))
    stored.status, stored.sealed_body = answer.status, keyring.seal_answer(key.scope, answer.body)
    stored.save(update_fields=["status", "sealed_body"])
    return answer


def _decide(scan: Scan, handle_index: str) -> Answer:
    keyring, now = settings.CITY.keyring, scan.now
    tickets = Ticket.objects.select_for_update().select_related("person")
    try:
        ticket = tickets.exclude(person=None).get(handle_index=handle_index)
    except Ticket.DoesNotExist:
        ticket = None
    benefit = None if ticket is None else _benefit(scan, ticket)
    if benefit is None or not _consents(ticket.person, scan):
        # A leaf that stands for no event: the log's size must not tell a known handle from an unknown.
        leaf = events.empty_leaf()
        _queue(events.leaf_hash(leaf), leaf, now)
        return Answer(200, rules.NOT_APPLICABLE)
    person = ticket.person
    balance = Snapshot.objects.filter(person_id=person.person_id, epoch=person.epoch).first()
    if balance is None or not rules.is_usable(balance, scan.catalogue, now):
        raise Problem(503, "not_computed", 5)
    cipher = keyring.person_cipher(person.person_id, bytes(person.wrapped_key))
    place = ("person", "sealed_subject", person.person_id, person.person_id)
    subject = crypto.open_sealed(cipher, place, bytes(person.sealed_subject)).decode()
    counters = rules.counters(keyring, benefit, subject, now.day)
    granted = rules.applies(benefit.body["condition"], rules.measures(balance)) and _take(counters)
    chain = events.Chain(person.person_id, person.events, person.last_leaf)
    event = events.benefit_used(cipher, chain, (benefit.provider_id, benefit.benefit_id), granted, now.micros)
    _append(person, event, now)
    return _book(ticket, benefit, counters, now) if granted else Answer(200, rules.NOT_APPLICABLE)


def _benefit(scan: Scan, ticket: Ticket) -> Benefit | None:
    """Return the benefit of an open ticket of this venue, else None."""
    if ticket.venue_id != scan.venue.venue_id or ticket.redemption_id is not None:
        return None
    if ticket.expires_at <= scan.now.micros:
        return None
    benefit = scan.catalogue.benefits.get(ticket.benefit_id)
    if benefit is None or not benefit.valid_on(scan.now.day) or benefit.provider_id != scan.venue.provider_id:
        return None
    return benefit


def _consents(person: Person, scan: Scan) -> bool:
    """Return whether a consent to check this provider's benefits lives now."""
    return bool(
        Consent.objects.filter(
            person_id=person.person_id,
            purpose="benefit.check",
            counterpart=scan.venue.provider_id,
            state="given",
            given_at__lte=scan.now.micros,
            expires_at__gt=scan.now.micros,
        ).exists()
    )


def _take(counters: Sequence[Counter]) -> bool:
    """Take from every counter or from none; return whether it was taken."""
    for place, counter in enumerate(counters):
        QuotaUse.objects.get_or_create(quota_key=counter.key, defaults={"taken": 0, "ends_on": counter.ends_on})
        admitting = QuotaUse.objects.filter(quota_key=counter.key, taken__lt=counter.most)
        if not admitting.update(taken=F("taken") + 1):
            keys = [earlier.key for earlier in counters[:place]]
            QuotaUse.objects.filter(quota_key__in=keys).update(taken=F("taken") - 1)
            return False
    return True


def _append(person: Person, event: events.Event, now: Moment) -> None:
    person.events, person.last_leaf = event.number, event.leaf_hash
    person.save(update_fields=["events", "last_leaf"])
    Event.objects.create(
        person_id=person.person_id,
        number=event.number,
        leaf_hash=event.leaf_hash,
        kind=event.kind,
        at=event.at,
        sealed=event.sealed,
    )
    _queue(event.leaf_hash, event.leaf, now)


def _queue(leaf_hash: str, leaf: str, now: Moment) -> None:
    OutboxLeaf.objects.create(leaf_hash=leaf_hash, leaf=leaf, log="consent", put_at=now.micros)


def _book(ticket: Ticket, benefit: Benefit, taken: Sequence[Counter], now: Moment) -> Answer:
    redemption_id, ends_on = os.urandom(16).hex(), rules.runs_until(benefit, now.day)
    ticket.redemption_id, ticket.counters = redemption_id, rules.counter_keys(taken)
    ticket.save(update_fields=["redemption_id", "counters"])
    Redemption.objects.create(
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
    return Answer(201, JSONRenderer().render(rules.redemption_body(benefit, redemption_id, ends_on)))
