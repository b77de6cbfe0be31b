"""Quota counters: how often a benefit was redeemed in a period, per resident and in total.

A resident's use is counted under an HMAC of period, `sub` and benefit. The key names nobody, and the counter outlives
an erasure to the period's end, so that leaving and coming back does not give a second redemption.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from tortoise.expressions import F

from benefits.catalogue.limits import QuotaLimit, admit_one_more
from benefits.catalogue.model import LiveBenefit
from benefits.models import QuotaUse
from benefits.redemption.decision import CounterRow
from consent import persons
from consent.crypto.blind_index import IndexUse, period_index
from consent.crypto.vault import Keyring
from consent.database import queries, write_plan
from consent.database.selection import Selection
from consent.database.write_plan import TakeOne, Write
from consent.persons import Person

TAKE = TakeOne("quota_use", key="quota_key", counter="taken", columns=("ends_on",))
"""Count a redemption; a conflict where the counter is at its limit, so that a last place is taken once."""
KEY_LENGTH = 96
"""Characters of a key at most: a benefit id has up to 63, the name of a period up to 15."""


def counter_of(ticket: str, index: int) -> Selection:
    """Return the counter whose key a ticket names at an index of its list `counters`; `ticket` is the table's alias.

    Its row has the columns of `decision.CounterRow`, in their order.
    """
    alias = f"q{index}"
    return Selection(
        (f"{alias}.taken AS taken_{index}", f"{alias}.ends_on AS ends_on_{index}"),
        f"quota_use {alias}",
        f"{alias}.quota_key = {queries.json_item(f'{ticket}.counters', index)}",
    )


def key_of(keyring: Keyring, subject: str, benefit: LiveBenefit, limit: QuotaLimit) -> str:
    """Return the key of the counter of a limit; `subject` is the resident's `sub`, needed for a resident's counter."""
    if limit.per_resident:
        return period_index(keyring, IndexUse.QUOTA, limit.begins_on, limit.period, subject, benefit.benefit_id)
    return f"{benefit.benefit_id}|{limit.period}"[:KEY_LENGTH]


def take_write(key: str, limit: QuotaLimit) -> Write:
    """Return the write that counts one more redemption; a counter at its limit is a conflict."""
    return Write(TAKE, (key, queries.to_day_number(limit.ends_on), limit.most))


async def read_taken(keys: Sequence[str]) -> tuple[int, ...]:
    """Return the number of redemptions that each counter has now, 0 without a row."""
    return tuple([(await read_counter(key)).taken or 0 for key in keys])


async def read_counter(key: str) -> CounterRow:
    """Return the present counter of a key; CounterRow(None, None) where it has no row."""
    row = await queries.fetch_one("SELECT taken, ends_on FROM quota_use WHERE quota_key = $1", key)
    return CounterRow(None, None) if row is None else CounterRow(row["taken"], row["ends_on"])


def keys_of_subject(keyring: Keyring, subject: str, benefit: LiveBenefit) -> list[str]:
    """Return the keys of the counters of every limit of the benefit's day, in the order of `limits`."""
    return [key_of(keyring, subject, benefit, limit) for limit in benefit.limits]


def counts_residents(benefit: LiveBenefit) -> bool:
    """Report whether a limit counts each resident, so that its key needs the resident's `sub`."""
    return any(limit.per_resident for limit in benefit.limits)


async def keys_of_person(keyring: Keyring, person: Person, benefit: LiveBenefit) -> list[str]:
    """Return the keys of `keys_of_subject` for a person; reads their `sub` only where a limit counts each resident."""
    subject = await persons.subject_of(person) if counts_residents(benefit) else ""
    return keys_of_subject(keyring, subject, benefit)


async def open_counters(keyring: Keyring, person: Person, benefit: LiveBenefit) -> list[str] | None:
    """Return the keys of the counters if each admits one more redemption by this person now, else None."""
    keys = await keys_of_person(keyring, person, benefit)
    taken = await read_taken(keys)
    return keys if admit_one_more(benefit.limits, taken) else None


async def take_all(keys: Sequence[str], benefit: LiveBenefit) -> bool:
    """Count one more redemption on each counter in the running transaction, or on none; return whether it was.

    Raises:
        WriteConflict: a counter without a row until now got one meanwhile and is full; nothing must be committed.
    """
    for key in keys:
        # Locks the counter, so that nobody takes the last place between the read and the write.
        await queries.execute("UPDATE quota_use SET taken = taken WHERE quota_key = $1", key)
    if not admit_one_more(benefit.limits, await read_taken(keys)):
        return False
    if keys:
        await write_plan.apply(tuple(map(take_write, keys, benefit.limits)))
    return True


async def available_again(keyring: Keyring, person: Person | None, benefits: Sequence[LiveBenefit]) -> dict[str, date]:
    """Return, for each benefit (by id) of which a limit is used up, the day after the period of that limit.

    Reads the counters of all benefits in one query. `person` is None for somebody unknown, who has used nothing.
    """
    subject = "" if person is None else await persons.subject_of(person)
    counters = {
        key_of(keyring, subject, benefit, limit): (benefit.benefit_id, limit)
        for benefit in benefits
        for limit in benefit.limits
        if person is not None or not limit.per_resident
    }
    if not counters:
        return {}
    rows = await QuotaUse.filter(quota_key__in=[*counters]).values("quota_key", "taken")
    days: dict[str, date] = {}
    for row in rows:
        benefit_id, limit = counters[row["quota_key"]]
        if not limit.admits(row["taken"]):
            days[benefit_id] = max(days.get(benefit_id, date.min), limit.ends_on + timedelta(days=1))
    return days


async def give_back(keys: Sequence[str]) -> None:
    """Count one redemption less on each counter, by its key, in the running transaction."""
    for key in keys:
        await QuotaUse.filter(quota_key=key, taken__gt=0).update(taken=F("taken") - 1)


async def delete_ended(first_day: date) -> int:
    """Delete the counters whose period ended before a day, the first whose uses still count; return their number."""
    return await QuotaUse.filter(ends_on__lt=queries.to_day_number(first_day)).delete()
