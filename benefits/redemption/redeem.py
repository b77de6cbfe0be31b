"""A venue honours a benefit: exactly once for a ticket, within its quotas, and reversible the same day.

A verdict is Granted or nothing. Every reason for nothing looks the same to the venue, to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from benefits.balances import snapshots
from benefits.catalogue import in_force
from benefits.catalogue.in_force import LiveBenefit
from benefits.errors import ReversalNotPossible
from benefits.redemption import quotas, tickets
from benefits.rules import effects
from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.domain.purposes import Purpose
from consent.events import ledger, messages
from consent.events.messages import MessageKind
from consent.kernel.errors import NotFound
from consent.persons import Person
from consent.records import gate
from consent.records.gate import Use

SEEN = """
SELECT withheld,
       (SELECT person_id FROM ticket WHERE handle_index = $1) AS person_id,
       (SELECT venue_id FROM ticket WHERE handle_index = $1) AS venue_id
  FROM log_head WHERE log = 'consent'
"""
"""One row for every handle, known or not."""


class ReversalReason(StrEnum):
    """Why a venue may take a redemption back; nothing else is a reason."""

    MISTAKEN_SCAN = "mistaken_scan"
    NOT_DELIVERED = "not_delivered"
    RESIDENT_ASKED = "resident_asked"


class Granted(NamedTuple):
    """It applies: what the venue needs to honour it, and nothing about whom or why."""

    benefit_id: str
    effect: Mapping[str, Any]
    terms: Mapping[str, str]
    valid_until: datetime
    redemption_id: str | None = None
    runs_until: date | None = None


@dataclass(frozen=True, slots=True)
class _Scan:
    """A ticket that may still be used here, with its locked person and the benefit as it is in force now."""

    handle_index: str
    person: Person
    benefit: LiveBenefit
    expires_at: datetime


async def check(keyring: Keyring, venue_id: str, handle: str, today: date, at: datetime) -> Granted | None:
    """Whether the benefit applies now, for whoever shows this handle; spends nothing.

    `gate.Withheld`, whatever the handle, while nothing may be used.
    """
    scan = await _scan(keyring, venue_id, handle, today, at)
    if scan is None:
        # One leaf for every answer: else the public size of the log would tell a live handle from an unknown one.
        await ledger.enqueue_padding_leaf(at)
        return None
    applies = await _holds(scan, today, at) and await quotas.left(keyring, scan.person, scan.benefit, today)
    await _trace(scan, "benefit.checked", applies, at)
    return granted(scan.benefit, scan.expires_at) if applies else None


async def redeem(keyring: Keyring, venue_id: str, handle: str, today: date, hour: int, at: datetime) -> Granted | None:
    """Redeem the ticket: quota, redemption and event in the running transaction, or none of them.

    `gate.Withheld`, whatever the handle, while nothing may be used.
    """
    scan = await _scan(keyring, venue_id, handle, today, at)
    if scan is None:
        # One leaf for every answer: else the public size of the log would tell a live handle from an unknown one.
        await ledger.enqueue_padding_leaf(at)
        return None
    wanted = await quotas.counters(keyring, scan.person, scan.benefit, today)
    if not await _holds(scan, today, at) or not await quotas.take(wanted):
        await _trace(scan, "benefit.checked", False, at)
        return None
    new = granted(scan.benefit, scan.expires_at, new_id(), today)
    assert new.runs_until is not None
    await queries.execute(
        "UPDATE ticket SET redemption_id = $2, counters = $3 WHERE handle_index = $1",
        scan.handle_index,
        new.redemption_id,
        json.dumps([one.key for one in wanted]),
    )
    await queries.execute(
        "INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day, hour,"
        " state, runs_until) VALUES ($1, $2, $3, $4, $5, $6, $7, 'redeemed', $8)",
        new.redemption_id,
        scan.handle_index,
        venue_id,
        scan.benefit.benefit_id,
        scan.benefit.version,
        queries.to_day_number(today),
        hour,
        queries.to_day_number(new.runs_until),
    )
    await _trace(scan, "benefit.redeemed", True, at)
    return new


async def reverse(
    keyring: Keyring, venue_id: str, redemption_id: str, reason: ReversalReason, today: date, at: datetime
) -> None:
    """Take a redemption back: by the venue that redeemed, the same civil day. The quota returns, the person is told.

    Again: the same. NotFound for another venue's redemption, ReversalNotPossible on another day.
    """
    row = await queries.fetch_one(
        "SELECT * FROM redemption WHERE redemption_id = $1 AND venue_id = $2", redemption_id, venue_id
    )
    ticket = row and await queries.fetch_one(
        "SELECT person_id, counters FROM ticket WHERE handle_index = $1", row["handle_index"]
    )
    if row is None or ticket is None:
        raise NotFound("there is no such redemption")
    if row["day"] != queries.to_day_number(today):
        raise ReversalNotPossible("a redemption can be taken back on the same civil day only")
    person = None if ticket["person_id"] is None else await persons.lock(keyring, ticket["person_id"])
    changed = await queries.execute(
        "UPDATE redemption SET state = 'reversed', reversal_reason = $2 WHERE redemption_id = $1"
        " AND state = 'redeemed'",
        redemption_id,
        reason,
    )
    if not changed:
        return
    # The very counters it took from, whatever became of benefit and person since.
    await quotas.give_back(json.loads(ticket["counters"]))
    if person is None:
        return
    facts = {"benefit_id": row["benefit_id"], "venue_id": venue_id, "reason_code": reason}
    await ledger.append(person, "benefit.reversed", facts, at, to_the_hour=True)
    await messages.add(person, MessageKind.REDEMPTION_REVERSED, facts, at)


async def drop_old(today: date) -> int:
    """Drop redemptions of more than three years ago; how many."""
    return await queries.execute(
        "DELETE FROM redemption WHERE day < $1", queries.to_day_number(today - timedelta(days=3 * 366))
    )


async def list_for_venue(venue_id: str, day: date, after: str, limit: int) -> list[queries.Row]:
    """A venue's redemptions of a civil day, without persons, by id."""
    return await queries.fetch_all(
        "SELECT redemption_id, benefit_id, day, hour, state, runs_until FROM redemption"
        " WHERE venue_id = $1 AND day = $2 AND redemption_id > $3 ORDER BY redemption_id LIMIT $4",
        venue_id,
        queries.to_day_number(day),
        after,
        limit,
    )


async def _scan(keyring: Keyring, venue_id: str, handle: str, today: date, at: datetime) -> _Scan | None:
    handle_index = tickets.index_of(keyring, handle)
    seen = await queries.fetch_one(SEEN, handle_index)
    assert seen is not None
    # Before anything about the handle: while nothing may be used, all handles are alike.
    gate.require_not_frozen(seen["withheld"])
    if seen["person_id"] is None or seen["venue_id"] != venue_id:
        return None
    try:
        person = await persons.lock(keyring, seen["person_id"])
    except NotFound:
        return None
    # Read again under the lock: of many scans of one ticket the first has by now decided the rest.
    row = await queries.fetch_one("SELECT * FROM ticket WHERE handle_index = $1 FOR UPDATE", handle_index)
    if row is None or row["redemption_id"] is not None or row["expires_at"] <= queries.to_micros(at):
        return None
    benefit = await in_force.benefit(row["benefit_id"], today, at)
    if benefit is None or not await gate.covered(person.person_id, Purpose.BENEFIT_CHECK, benefit.provider_id, at):
        return None
    return _Scan(handle_index, person, benefit, queries.from_micros(row["expires_at"]))


async def _holds(scan: _Scan, today: date, at: datetime) -> bool:
    have = await snapshots.balance_of(scan.person, await in_force.timeline(at), today, at)
    return scan.benefit.rule.applies(have.measures())


async def _trace(scan: _Scan, kind: str, applies: bool, at: datetime) -> None:
    use = Use(kind, scan.benefit.provider_id, scan.benefit.benefit_id, "applies" if applies else "standard_terms")
    await gate.permit(scan.person, scan.benefit.provider_id, at, use)


def granted(
    benefit: LiveBenefit, expires_at: datetime, redemption_id: str | None = None, today: date | None = None
) -> Granted:
    """What a venue is told of a benefit that applies; redeemed `today`, also until when it runs."""
    runs_until = None if today is None else _runs_until(benefit, today)
    body = benefit.body
    return Granted(benefit.benefit_id, body["effect"], body["terms"], expires_at, redemption_id, runs_until)


def _runs_until(benefit: LiveBenefit, today: date) -> date:
    """The last day the redeemed benefit runs, whatever happens to consent or points: the service's improved period."""
    improved = effects.apply(benefit.effect, benefit.service["baseline"])
    return today + timedelta(days=int(improved.get("period_days") or 0))
