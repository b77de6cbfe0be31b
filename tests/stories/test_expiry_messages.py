"""Messages a month and a week before points expire: summed by civil day, each exactly once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from benefits.balances import expiry_reminders
from benefits.balances.expiry_reminders import REMIND_DAYS
from benefits.catalogue import in_force as catalogue
from benefits.scoring.points import expiry_of
from service.jobs import background
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
MONTHS = 24
"""Validity of the demonstration's deeds."""


def day_that_expires_on(day: date) -> date:
    """Return a civil day whose deeds expire on `day`; the test moves its clock by a day or two where none does."""
    earlier = date(day.year - MONTHS // 12, day.month, min(day.day, 28))
    return next(
        earlier + timedelta(days=offset)
        for offset in range(-3, 5)
        if expiry_of(earlier + timedelta(days=offset), MONTHS) == day
    )


async def expiry_messages(me: Resident) -> list[dict[str, Any]]:
    rows = (await me.get("/v1/me/messages", {"Accept-Language": "en"})).json()["data"]
    return [row for row in rows if row["kind"] == "points_expiring"]


async def test_points_that_expire_are_announced_a_month_and_a_week_before(town: City) -> None:
    today = await town.today()
    expires_on = today + timedelta(days=30)
    deed = day_that_expires_on(expires_on).isoformat()
    me, other = town.resident("wang"), town.resident("li")
    for who, account in ((me, "bike-1"), (other, "bike-2")):
        await who.link("green-travel", account)
    await town.source().deliver(
        record("r-1", "bike-1", quantity=10, occurred_on=deed),
        record("r-2", "bike-1", kind="transit_trip", quantity=8, occurred_on=deed),
        record("r-3", "bike-2", quantity=10, occurred_on=today.isoformat()),
    )
    assert await me.total() == 7
    for _ in range(3):
        await background.run_cleanup(town.app_context)
    (message,) = await expiry_messages(me)
    assert message["facts"] == {"points": 7, "expires_on": expires_on.isoformat(), "days": 30}
    assert "7 of your points expire on" in message["text"]
    assert await expiry_messages(other) == []
    # A pause of 23 days: each run makes up for one civil day.
    town.shift.by = timedelta(days=23)
    for _ in range(10):
        await background.run_cleanup(town.app_context)
    assert [row["facts"]["days"] for row in await expiry_messages(me)] == [7, 30]
    town.shift.by = timedelta(days=30)
    await background.run_cleanup(town.app_context)
    assert len(await expiry_messages(me)) == 2
    assert await me.total() == 0


async def test_two_processes_and_small_batches_send_each_message_once(town: City) -> None:
    today = await town.today()
    deed = day_that_expires_on(today + timedelta(days=7)).isoformat()
    people = [town.resident(f"many-{number}") for number in range(5)]
    for number, who in enumerate(people):
        await who.link("green-travel", f"bike-{number}")
        await town.source().deliver(record(f"r-{number}", f"bike-{number}", quantity=10, occurred_on=deed))
    at = await town.app_context.clock()
    timeline, keyring = await catalogue.timeline(at), town.app_context.keyring
    sent = 0
    for _ in range(4):
        sent += sum(
            await asyncio.gather(*(expiry_reminders.remind(keyring, timeline, today, at, limit=2) for _ in range(2)))
        )
    assert sent == len(people)
    for who in people:
        assert [row["facts"]["days"] for row in await expiry_messages(who)] == [7]


async def test_days_missed_by_a_pause_are_caught_up(town: City) -> None:
    today = await town.today()
    me = town.resident("pause")
    await me.link("green-travel", "bike-1")
    await background.run_cleanup(town.app_context)
    deed = day_that_expires_on(today + timedelta(days=33)).isoformat()
    await town.source().deliver(record("r-1", "bike-1", quantity=10, occurred_on=deed))
    # Nothing ran for eight days: the message of a month before comes late, with the right day.
    town.shift.by = timedelta(days=8)
    for _ in range(12):
        await background.run_cleanup(town.app_context)
    (message,) = await expiry_messages(me)
    assert message["facts"]["expires_on"] == (today + timedelta(days=33)).isoformat()


def test_a_week_and_a_month_before() -> None:
    assert REMIND_DAYS == (7, 30)
