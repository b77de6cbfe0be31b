"""Quotas: how often a benefit may be redeemed in a civil day, week, month or year, per resident and in total.

A resident's use is counted under an HMAC of period, `sub` and benefit: it names nobody, and it outlives an erasure to
the period's end, so that leaving and coming back gives no second helping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from benefits.catalogue.in_force import LiveBenefit
from consent import persons
from consent.crypto.blind_index import IndexUse, blind_index
from consent.crypto.vault import Keyring
from consent.database import queries
from consent.persons import Person


@dataclass(frozen=True, slots=True)
class Counter:
    """One quota in one period: its key, how many it admits, the last civil day it is needed."""

    key: str
    count: int
    ends_on: date


def period_of(period: str, day: date) -> tuple[str, date]:
    """The name of the period a civil day is in, and its last day. Weeks begin on Monday."""
    if period == "day":
        return day.isoformat(), day
    if period == "week":
        monday = day - timedelta(days=day.weekday())
        return f"week-{monday.isoformat()}", monday + timedelta(days=6)
    if period == "month":
        following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        return f"{day.year}-{day.month:02d}", following - timedelta(days=1)
    if period == "year":
        return str(day.year), date(day.year, 12, 31)
    raise ValueError("a period is day, week, month or year")


async def counters(keyring: Keyring, person: Person, benefit: LiveBenefit, day: date) -> list[Counter]:
    """The counters a redemption on `day` takes from; the total last, because everybody waits for that one."""
    subject = await persons.subject_of(person) if (benefit.body.get("quota") or {}).get("per_resident") else ""
    return counters_of(keyring, subject, benefit, day)


def counters_of(keyring: Keyring, subject: str, benefit: LiveBenefit, day: date) -> list[Counter]:
    """`counters` of a known `sub`."""
    quota, found = benefit.body.get("quota") or {}, []
    if per_resident := quota.get("per_resident"):
        name, ends_on = period_of(per_resident["period"], day)
        key = blind_index(keyring, IndexUse.QUOTA, name, subject, benefit.benefit_id)
        found.append(Counter(key, per_resident["count"], ends_on))
    if total := quota.get("total"):
        name, ends_on = period_of(total["period"], day)
        found.append(Counter(f"{benefit.benefit_id}|{name}"[:96], total["count"], ends_on))
    return found


async def left(keyring: Keyring, person: Person, benefit: LiveBenefit, day: date) -> bool:
    """Whether every counter admits one more now. Nothing is taken."""
    for counter in await counters(keyring, person, benefit, day):
        row = await queries.fetch_one("SELECT taken FROM quota_use WHERE quota_key = $1", counter.key)
        if row and row["taken"] >= counter.count:
            return False
    return True


async def take(wanted: Sequence[Counter]) -> bool:
    """Take one from every counter, or from none; whether it was taken. In the redemption's transaction."""
    taken: list[Counter] = []
    for counter in wanted:
        row = await queries.fetch_one(
            "INSERT INTO quota_use (quota_key, taken, ends_on) VALUES ($1, 1, $2)"
            " ON CONFLICT (quota_key) DO UPDATE SET taken = quota_use.taken + 1 WHERE quota_use.taken < $3"
            " RETURNING taken",
            counter.key,
            queries.to_day_number(counter.ends_on),
            counter.count,
        )
        if row is None:
            await give_back([one.key for one in taken])
            return False
        taken.append(counter)
    return True


async def give_back(keys: Sequence[str]) -> None:
    """Return one to each counter, by its key."""
    for key in keys:
        await queries.execute("UPDATE quota_use SET taken = taken - 1 WHERE quota_key = $1 AND taken > 0", key)


async def drop_ended(today: date) -> int:
    """Drop counters whose period ended before yesterday; how many."""
    return await queries.execute(
        "DELETE FROM quota_use WHERE ends_on < $1", queries.to_day_number(today - timedelta(days=1))
    )
