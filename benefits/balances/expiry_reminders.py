"""Messages a month and a week before points expire, summed by civil day, each exactly once.

A round goes through the persons who have a record that expires on one civil day, in the order of their ids and a batch
at a time. Its progress is a row, so that a process that ends in the middle loses nothing; a message has an id made from
its day, so that two processes in the same batch send it once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from benefits.balances import person_balance
from benefits.models import ExpiryRound
from benefits.scoring import points
from benefits.scoring.scheme import Timeline
from consent import persons
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.events import messages
from consent.events.messages import MessageKind
from consent.kernel.errors import NotFound
from consent.records import gate

REMIND_DAYS = (7, 30)
"""Days before the expiry on which a person is told: a week and a month, as for benefits that end."""
PERSONS_MAX = 500
"""Persons in one run; a run takes a second or two and the next follows within a minute."""


async def remind(keyring: Keyring, timeline: Timeline, today: date, at: datetime, limit: int = PERSONS_MAX) -> int:
    """Send the messages that are due today, up to `limit` persons for each number of days; return their number.

    Each person is a transaction of its own, with their row locked and an event of the use.

    Raises:
        RecordsWithheld: nothing may be used; the round continues later.
    """
    sent = 0
    for index, days in enumerate(REMIND_DAYS):
        # Days closer than the shorter reminder get that reminder alone.
        nearest = today + timedelta(days=1 + (REMIND_DAYS[index - 1] if index else 0))
        running = await _round(days, nearest, today + timedelta(days=days))
        if running is None:
            continue
        expires_on = queries.from_day_number(running.expires_on)
        ids = await gate.persons_with_records_of(_days_expiring_on(expires_on, timeline), running.after_person, limit)
        for person_id in ids:
            sent += await _remind(keyring, person_id, timeline, (expires_on, days), at)
        finished = len(ids) < limit
        # Another process may have gone through the same batch: then its row is the newer one and stays.
        await ExpiryRound.filter(days=days, expires_on=running.expires_on, after_person=running.after_person).update(
            after_person="" if finished else ids[-1], finished=int(finished)
        )
    return sent


async def _round(days: int, nearest: date, furthest: date) -> ExpiryRound | None:
    """Return the unfinished round of this number of days, begun if a day is due, or None.

    After a pause the days from `nearest` on are made up for, in order.
    """
    row = await ExpiryRound.get_or_none(days=days)
    if row is not None and not row.finished and queries.from_day_number(row.expires_on) >= nearest:
        return row
    after_last = furthest if row is None else queries.from_day_number(row.expires_on) + timedelta(days=1)
    due = max(after_last, nearest)
    if due > furthest:
        return None
    number = queries.to_day_number(due)
    if row is None:
        await ExpiryRound.bulk_create(
            [ExpiryRound(days=days, expires_on=number, after_person="", finished=0)], ignore_conflicts=True
        )
    else:
        await ExpiryRound.filter(days=days, expires_on=row.expires_on).update(
            expires_on=number, after_person="", finished=0
        )
    return await ExpiryRound.get_or_none(days=days, expires_on=number, finished=0)


def _days_expiring_on(day: date, timeline: Timeline) -> set[date]:
    """Return the civil days whose deeds may expire on `day`, by the validity of any indicator of any scheme."""
    validities = {indicator.validity_months for scheme in timeline.schemes for indicator in scheme.indicators.values()}
    return {
        date.fromordinal(ordinal)
        for months in validities
        for ordinal in range(
            points.last_expired(day - timedelta(days=1), months).toordinal() + 1,
            points.last_expired(day, months).toordinal() + 1,
        )
    }


async def _remind(keyring: Keyring, person_id: str, timeline: Timeline, due: tuple[date, int], at: datetime) -> bool:
    """Tell one person how many points expire on a day; `due` is that day and the number of days before."""
    expires_on, days = due
    async with queries.transaction():
        try:
            person = await persons.lock(keyring, person_id)
        except NotFound:
            return False
        key = f"{MessageKind.POINTS_EXPIRING} {expires_on.isoformat()} {days}"
        if await messages.was_sent(person, key):
            return False
        released = await gate.release(person, at, person_balance.OWN_COMPUTATION)
        before, after = (
            points.compute(released, timeline, day).total for day in (expires_on - timedelta(days=1), expires_on)
        )
        if before <= after:
            return False
        facts: dict[str, str | int | None] = {
            "points": before - after,
            "expires_on": expires_on.isoformat(),
            "days": days,
        }
        await messages.add(person, MessageKind.POINTS_EXPIRING, facts, at, key=key)
    return True
