"""Everybody's points in batches: C8, resuming, and nothing kept of what may no longer be used."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from benefits import recompute
from consent import database, people
from consent.pseudonyms import new_id
from consent.vault import new_data_key
from tests.cities import Town

pytestmark = pytest.mark.anyio


async def populate(town: Town, count: int) -> list[str]:
    """Persons with a live consent for green travel and 40 rides each; their ids in order."""
    at = await town.city.clock()
    given, expires = database.to_micros(at - timedelta(days=30)), database.to_micros(at + timedelta(days=300))
    year = (await town.today()).year - 1
    keyring = town.city.keyring
    persons: list[tuple[Any, ...]] = []
    for _ in range(count):
        person_id = new_id()
        wrapped = new_data_key(keyring, person_id)
        person = people.opened(keyring, {"person_id": person_id, "epoch": 1, "wrapped_key": wrapped})
        persons.append((person_id, wrapped, person.seal("person", "sealed_subject", person_id, b"x")))
    async with database.transaction():
        await database.run_many(
            "INSERT INTO person (person_id, epoch, events, last_leaf, wrapped_key, sealed_subject, created_at)"
            " VALUES ($1, 1, 0, '', $2, $3, 0)",
            persons,
        )
        await database.run_many(
            "INSERT INTO consent (person_id, consent_id, purpose, counterpart, notice_id, notice_version,"
            " notice_sha256, state, given_at, expires_at)"
            " VALUES ($1, $2, 'points.compute', 'green-travel', 'n', 1, 'h', 'given', $3, $4)",
            [(one[0], new_id(), given, expires) for one in persons],
        )
        await database.run_many(
            "INSERT INTO record (person_id, record_id, source_id, source_record_id, kind, quantity, occurred_on,"
            " received_at) VALUES ($1, $2, 'green-travel', $2, 'bike_trip', 40, $3, $4)",
            [(one[0], new_id(), database.to_day_number(date(year, 6, 1)), given) for one in persons],
        )
    return sorted(one[0] for one in persons)


async def c8(town: Town, count: int) -> None:
    """A batch in one transaction, in the middle of which one consent expires."""
    ids = await populate(town, count)
    everybody = [row["person_id"] for row in await database.rows("SELECT person_id FROM person ORDER BY person_id")]
    middle = ids[count // 2]
    start, ticks = await town.city.clock(), 0

    async def clock() -> datetime:
        nonlocal ticks
        ticks += 1
        return start + timedelta(milliseconds=ticks)

    await database.run(
        "UPDATE consent SET expires_at = $2 WHERE person_id = $1",
        middle,
        database.to_micros(start + timedelta(milliseconds=everybody.index(middle))),
    )
    async with database.transaction():
        done = await recompute.batch(town.city.keyring, "", count * 2 + 1_000, clock, town.city.day_of)
    assert done.last == ""
    kept = {row["person_id"]: row["total"] for row in await database.rows("SELECT person_id, total FROM snapshot")}
    assert middle not in kept
    assert {kept[one] for one in ids if one != middle} == {20}
    events = await database.rows("SELECT person_id FROM event WHERE kind = 'points.computed'")
    assert {row["person_id"] for row in events} >= set(ids) - {middle}
    assert middle not in {row["person_id"] for row in events}


async def test_c8_a_consent_that_expires_in_the_middle_of_a_batch(town: Town) -> None:
    await c8(town, 200)


@pytest.mark.campaign
async def test_c8_in_a_batch_of_10_000(town: Town) -> None:
    await c8(town, 10_000)


async def test_a_batch_goes_on_where_it_was_stopped(town: Town) -> None:
    ids = await populate(town, 50)
    await town.resident("nothing-live").ask(purpose="benefit.check", provider_id="city-library")
    last, computed, skipped, rounds = "", 0, 0, 0
    while rounds == 0 or last:
        done = await recompute.batch(town.city.keyring, last, 7, town.city.clock, town.city.day_of)
        last, computed, skipped, rounds = done.last, computed + done.computed, skipped + done.skipped, rounds + 1
    assert rounds > 7
    found = await database.row("SELECT count(*) AS persons FROM person")
    assert found is not None
    assert (computed + skipped, skipped) == (found["persons"], skipped)
    assert skipped >= 1
    kept = {row["person_id"] for row in await database.rows("SELECT person_id FROM snapshot")}
    assert set(ids) <= kept


async def test_whoever_stopped_is_passed_over(town: Town) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")

    await recompute.batch(town.city.keyring, "", 1_000, town.city.clock, town.city.day_of)
    assert await wang.total() == 63
    await wang.post("/v1/me/withdrawals", {"scope": "all"})
    (person,) = await database.rows("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1")
    await recompute.batch(town.city.keyring, "", 1_000, town.city.clock, town.city.day_of)
    assert await database.rows("SELECT 1 FROM snapshot WHERE person_id = $1", person["person_id"]) == []
    assert await wang.total() == 0
