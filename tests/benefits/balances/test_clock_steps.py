"""Stored balances under a clock that is set back and right again: none outlives what it was computed without."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from benefits.balances import batch, person_balance
from benefits.catalogue import in_force
from consent import persons as people
from consent.database import queries
from consent.records.gate import Part
from tests.support.city import City, Resident, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.cluster]

BACK_SECONDS = (1, 60, 3_600)
LATER = timedelta(days=1)
"""The clock of these tests: an hour before it the seeded city is already there, with the same scheme in force.

Before the seeding no scheme is in force, and a balance stored there is not used under another one."""
ROUNDS, CAMPAIGN_ROUNDS, STEPS = 6, 100, 12
QUANTITY = 600
SOURCES = {"volunteer-service": "volunteer_minutes", "green-travel": "bike_trip"}


@pytest.mark.parametrize("seconds", BACK_SECONDS)
async def test_points_read_while_the_clock_is_back_do_not_stay(town: City, seconds: int) -> None:
    wang = town.resident("wang")
    town.shift.by = LATER
    await wang.volunteer(7_200, "v-wang")
    town.shift.by -= timedelta(seconds=seconds)
    await wang.total()
    town.shift.by = LATER
    assert await wang.total() == 63


@pytest.mark.parametrize("seconds", BACK_SECONDS)
async def test_a_stored_balance_is_not_used_while_the_clock_is_before_a_consent_behind_it(
    town: City, seconds: int
) -> None:
    wang = town.resident("wang")
    await wang.consent_to_provider("city-library")
    town.shift.by = LATER
    before = await town.app_context.clock()
    await wang.volunteer(7_200, "v-wang")
    assert await wang.total() == 63
    handle = (await wang.ticket())["handle"]
    town.shift.stopped = before - timedelta(seconds=seconds)
    redeemed = await town.venue().post("/v1/venue/redemptions", {"handle": handle})
    assert redeemed.json() == {"applies": False}
    assert await wang.total() == 0
    town.shift.stopped, town.shift.by = None, LATER + timedelta(seconds=1)
    assert await wang.total() == 63


@pytest.mark.parametrize("seconds", BACK_SECONDS)
async def test_a_balance_of_a_batch_is_not_used_while_the_clock_is_before_a_consent_behind_it(
    town: City, seconds: int
) -> None:
    wang = town.resident("wang")
    town.shift.by = LATER
    before = await town.app_context.clock()
    await wang.volunteer(7_200, "v-wang")
    await batch.compute_part(Part(0, 1), town.app_context.clock, town.app_context.day_of)
    town.shift.stopped = before - timedelta(seconds=seconds)
    assert await wang.total() == 0


async def test_points_read_while_the_clock_is_back_over_midnight_do_not_stay(town: City) -> None:
    wang = town.resident("wang")
    await wang.link("volunteer-service", "v-wang")
    town.shift.by = timedelta(days=1)
    body = record("tomorrow", "v-wang", "volunteer_minutes", 7_200, (await town.today()).isoformat())
    assert (await town.source("volunteer-service").deliver(body))["accepted"] == 1
    town.shift.by = timedelta(0)
    assert await wang.total() == 0
    town.shift.by = timedelta(days=1)
    assert await wang.total() == await replayed(town) > 0


@pytest.mark.parametrize("seconds", BACK_SECONDS)
async def test_a_batch_while_the_clock_is_back_leaves_nothing_that_stays(town: City, seconds: int) -> None:
    wang, year = town.resident("wang"), await town.last_year()
    await wang.link("green-travel", "g-wang")
    await town.source().deliver(record("ride", "g-wang", "bike_trip", 1, f"{year}-06-01"))
    town.shift.by = LATER + timedelta(seconds=seconds)
    await wang.volunteer(7_200, "v-wang")
    # The first consent lives at this instant, the second lies ahead.
    town.shift.by = LATER
    await batch.compute_part(Part(0, 1), town.app_context.clock, town.app_context.day_of)
    town.shift.by = LATER + timedelta(seconds=2 * seconds)
    assert await wang.total() == await replayed(town)


async def replayed(town: City) -> int:
    """Return the newest person's points, computed from their records now."""
    row = await queries.fetch_one("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1")
    assert row is not None
    person = await people.read(town.app_context.keyring, row["person_id"])
    at = await town.app_context.clock()
    computed, _ = await person_balance.compute(person, await in_force.timeline(at), await town.today(), at)
    return computed.total


async def test_points_equal_a_replay_after_any_steps_of_the_clock(town: City) -> None:
    await stepped(town, ROUNDS)


@pytest.mark.campaign
async def test_points_equal_a_replay_after_any_steps_of_the_clock_in_many_orders(town: City) -> None:
    await stepped(town, CAMPAIGN_ROUNDS)


async def stepped(town: City, rounds: int) -> None:
    """Mix consents, withdrawals, records, reads and batches with a clock that steps by up to an hour either way.

    After every step the points that are read, twice, are those of a new computation at that clock: the first read may
    store a balance, the second uses it. Half of the steps are followed by one past everything that has happened.
    """
    choose = random.Random(rounds)
    latest = LATER
    for number in range(rounds):
        # A new person of each round is the newest one, since `latest` is past every older one.
        town.shift.by = latest = latest + timedelta(seconds=1)
        resident, linked = town.resident(f"person-{number}"), dict[str, str]()
        source_id = choose.choice(sorted(SOURCES))
        for what in ("link", "deliver"):
            await act(town, resident, linked, f"{number}.{what}", (what, source_id))
        for step in range(STEPS):
            town.shift.by += timedelta(seconds=choose.choice((-1, 1)) * choose.choice((0, *BACK_SECONDS)))
            latest = max(latest, town.shift.by)
            what = choose.choice(("link", "deliver", "deliver", "read", "batch", "batch", "withdraw"))
            await act(town, resident, linked, f"{number}.{step}", (what, choose.choice(sorted(SOURCES))))
            await require_replayed(town, resident)
            if choose.random() < 0.5:
                town.shift.by = latest = latest + timedelta(seconds=1)
                await require_replayed(town, resident)


async def require_replayed(town: City, resident: Resident) -> None:
    computed, after = 0, -1
    # On a slow machine an instant ahead, such as that of a consent, may pass between two readings: read again then.
    while computed != after:
        computed = await replayed(town)
        totals = [await resident.total(), await resident.total()]
        after = await replayed(town)
    assert totals == [computed, computed]


async def act(town: City, resident: Resident, linked: dict[str, str], name: str, what: tuple[str, str]) -> None:
    """Do one thing with a source where it is possible, else read; `linked` has the accounts by source."""
    done, source_id = what
    if done == "link" and source_id not in linked:
        linked[source_id] = f"account-{name}"
        await resident.link(source_id, linked[source_id])
    elif done == "deliver" and source_id in linked:
        day = f"{await town.last_year()}-06-01"
        await town.source(source_id).deliver(record(name, linked[source_id], SOURCES[source_id], QUANTITY, day))
    elif done == "batch":
        await batch.compute_part(Part(0, 1), town.app_context.clock, town.app_context.day_of)
    elif done == "withdraw" and source_id in linked:
        answer = await resident.post("/v1/me/withdrawals", {"scope": "source", "source_id": source_id})
        assert answer.status_code == 200, answer.text
        del linked[source_id]
    else:
        await resident.total()
