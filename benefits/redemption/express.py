"""A redemption in two round trips: one look at all that decides, one statement that writes all or nothing.

Whatever is out of the ordinary (an answer that is stored already, points to compute, a quota used up, a benefit that
does not apply, somebody else who was faster) is left to `redemptions`, which decides it with locks and says why to
nobody. PostgreSQL alone; both on one connection that is lent (`database.lent`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from benefits.balances.snapshots import SNAPSHOT, CachedBalance
from benefits.catalogue.in_force import Body, InForce, LiveBenefit
from benefits.redemption import quotas, tickets
from benefits.redemption import redeem as redemptions
from benefits.redemption.redeem import Granted
from consent import persons
from consent.crypto.blind_index import new_id
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.records import gate
from consent.records.gate import FIRST_FREE, Use

LOOK = f"""
SELECT {queries.POSTGRES_CLOCK} AS micros, k.changes, t.person_id, t.benefit_id, t.venue_id,
       t.expires_at AS ticket_expires_at, t.redemption_id, p.events, p.last_leaf, p.wrapped_key, p.sealed_subject,
       c.given_at, c.expires_at, {SNAPSHOT}, {gate.WITHHELD}, {{answered}} AS answered
  FROM catalogue_state k
  LEFT JOIN ticket t ON t.handle_index = $1
  LEFT JOIN person p ON p.person_id = t.person_id
  {gate.COVERING.format(counterpart="$2")}
  LEFT JOIN snapshot s ON s.person_id = t.person_id AND s.epoch = p.epoch
"""
"""Every table by its key: one ticket, one person, their one live consent, their points as stored."""


class Reply(NamedTuple):
    """How the caller keeps its answer in the same statement.

    `answered` is an expression, true when there is one already, of `key` at $3; `table` inserts it with RETURNING and
    has its values from `$first` on.
    """

    key: str
    answered: str
    table: Callable[[int], str]
    values: Callable[[Granted], tuple[object, ...]]


class Look(NamedTuple):
    """What one statement saw: the clock, the catalogue's number of changes, and the rows."""

    handle_index: str
    at: datetime
    changes: int
    row: Any


async def look(held: Any, keyring: Keyring, handle: str, venue: Body, reply: Reply) -> Look:
    """Everything that decides about a handle at a venue, as of one instant."""
    handle_index = tickets.index_of(keyring, handle)
    row = await held.fetchrow(_look(reply.answered), handle_index, venue["provider_id"], reply.key)
    assert row is not None
    return Look(handle_index, queries.from_micros(row["micros"]), row["changes"], row)


@lru_cache(maxsize=4)
def _look(answered: str) -> str:
    return LOOK.format(answered=answered)


async def redeem(
    held: Any,
    keyring: Keyring,
    seen: Look,
    in_force: InForce,
    venue: Body,
    today: date,
    hour: int,
    at: datetime,
    reply: Reply,
) -> Granted | None:
    """Redeem what was seen, with the answer stored, or None with nothing written: then the usual way decides."""
    row = seen.row
    # First of all, so that nothing about the handle makes a difference.
    if row["withheld"]:
        return None
    if row["answered"] or row["person_id"] is None or row["venue_id"] != venue["venue_id"]:
        return None
    if row["redemption_id"] is not None or row["ticket_expires_at"] <= queries.to_micros(at):
        return None
    benefit = in_force.benefit(row["benefit_id"], today)
    if benefit is None or benefit.provider_id != venue["provider_id"] or row["epoch"] is None:
        return None
    have = CachedBalance(seen.at, seen.changes, row["withheld"], row).standing(in_force.timeline, today, at)
    if have is None or not benefit.rule.applies(have.measures()):
        return None
    person = persons.from_row(keyring, row)
    wanted = quotas.counters_of(keyring, persons.subject_in(person, row["sealed_subject"]), benefit, today)
    new = redemptions.granted(benefit, queries.from_micros(row["ticket_expires_at"]), new_id(), today)
    known = gate.ChainHead(person, row["events"], row["last_leaf"], row["given_at"], row["expires_at"])
    then, free = steps(len(wanted))
    done = await gate.permit_at_once(
        held,
        known,
        at,
        Use("benefit.redeemed", benefit.provider_id, benefit.benefit_id, "applies"),
        reply.table(free),
        then,
        (*_values(seen, new, benefit, venue, wanted, today, hour), *reply.values(new)),
    )
    return new if done else None


def _values(
    seen: Look, new: Granted, benefit: LiveBenefit, venue: Body, wanted: list[quotas.Counter], today: date, hour: int
) -> tuple[object, ...]:
    """The values of `steps`, in its order."""
    assert new.runs_until is not None
    values: list[object] = [
        seen.handle_index, new.redemption_id, orjson.dumps([one.key for one in wanted]).decode(), venue["venue_id"],
        benefit.benefit_id, benefit.version, queries.to_day_number(today), hour,
        queries.to_day_number(new.runs_until), seen.changes,
    ]  # fmt: skip
    for counter in wanted:
        values += [counter.key, queries.to_day_number(counter.ends_on), counter.count]
    return tuple(values)


@lru_cache(maxsize=8)
def steps(counters: int) -> tuple[str, int]:
    """Ticket, counters and redemption, each only after the one before it, and the first parameter that is left.

    The last look at the catalogue comes with the redemption's row, when every lock is had: what was changed while the
    statement waited for one undoes it. The catalogue itself is not locked, since everybody would wait there.
    """
    handle, redemption, names, place, name, version, day, hour, runs_until, changes = (
        f"${FIRST_FREE + number}" for number in range(10)
    )
    free, last = FIRST_FREE + 10, "spent"
    said = [
        f"spent AS (UPDATE ticket SET redemption_id = {redemption}, counters = {names} FROM permitted"
        f" WHERE handle_index = {handle} AND redemption_id IS NULL AND ticket.person_id = $1 RETURNING 1)"
    ]
    for number in range(counters):
        said.append(
            f"counter_{number} AS (INSERT INTO quota_use (quota_key, taken, ends_on) SELECT ${free}, 1, ${free + 1}"
            f" FROM {last} ON CONFLICT (quota_key) DO UPDATE SET taken = quota_use.taken + 1"
            f" WHERE quota_use.taken < ${free + 2} RETURNING 1)"
        )
        free, last = free + 3, f"counter_{number}"
    said.append(
        "redeemed AS (INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day,"
        f" hour, state, runs_until) SELECT {redemption}, {handle}, {place}, {name}, {version}, {day}, {hour},"
        f" 'redeemed', {runs_until} FROM {last} RETURNING 1)"
    )
    return ",\n".join(said) + f"\nSELECT 1 / count(*) FROM redeemed WHERE catalogue_changes() = {changes}", free
