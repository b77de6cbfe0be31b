"""Batch computation of all points: C8, resuming, skipped persons, and the logged use for all."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from benefits.balances import batch, person_balance
from benefits.balances.stored import balance_from
from benefits.catalogue import in_force
from consent import persons as people
from consent.database import queries
from consent.kernel.errors import RecordsWithheld
from consent.records.gate import Part
from consent.rights import access_log
from consent.verification import logs
from service.jobs import background
from tests.factories import add_people_with_rides
from tests.support.city import City

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.cluster]

ALL = Part(0, 1)
EVERYTHING = (access_log.AFTER_ALL, access_log.AFTER_ALL)


async def computed(town: City, which: Part = ALL) -> batch.BatchResult:
    return await batch.compute_part(which, town.app_context.clock, town.app_context.day_of)


async def c8(town: City, count: int) -> None:
    """A batch of ten parts in one long transaction; one consent of the fifth part expires while the second runs."""
    ids = await add_people_with_rides(town, count)
    parts = [Part(number, 10) for number in range(10)]
    first, beyond = parts[4].bounds()
    middle = next(person_id for person_id in ids if first <= person_id < beyond)
    start, ticks = await town.app_context.clock(), 0

    async def clock() -> datetime:
        nonlocal ticks
        ticks += 1
        return start + timedelta(milliseconds=ticks)

    await queries.execute(
        "UPDATE consent SET expires_at = $2 WHERE person_id = $1",
        middle,
        queries.to_micros(start + timedelta(milliseconds=2)),
    )
    async with queries.transaction():
        done = [await batch.compute_part(part, clock, town.app_context.day_of) for part in parts]
    people_there = await queries.fetch_one("SELECT count(*) AS persons FROM person")
    assert people_there is not None
    assert sum(part.persons for part in done) == people_there["persons"]
    totals = {
        row["person_id"]: row["total"] for row in await queries.fetch_all("SELECT person_id, total FROM snapshot")
    }
    assert middle not in totals
    assert {totals[person_id] for person_id in ids if person_id != middle} == {20}
    assert len(await access_log.list_for(await person_of(town, ids[0]), EVERYTHING, 5)) == 1
    assert await access_log.list_for(await person_of(town, middle), EVERYTHING, 5) == []


async def person_of(town: City, person_id: str) -> people.Person:
    return await people.read(town.app_context.keyring, person_id)


async def test_c8_a_consent_that_expires_in_the_middle_of_a_batch(town: City) -> None:
    await c8(town, 200)


@pytest.mark.campaign
async def test_c8_in_a_batch_of_10_000(town: City) -> None:
    await c8(town, 10_000)


async def test_the_parts_cover_every_person_exactly_once(town: City) -> None:
    await add_people_with_rides(town, 50)
    await town.resident("nothing-live").request_notice(purpose="benefit.check", provider_id="city-library")
    for count in (1, 3, 7, 64):
        done = [await computed(town, Part(number, count)) for number in range(count)]
        row = await queries.fetch_one("SELECT count(*) AS persons FROM person")
        live = await queries.fetch_one(
            "SELECT count(DISTINCT person_id) AS persons FROM consent WHERE purpose = 'points.compute'"
            " AND state = 'given'"
        )
        assert row is not None
        assert live is not None
        assert sum(part.persons for part in done) == row["persons"]
        assert sum(part.computed for part in done) == live["persons"]
    bounds = [Part(number, 7).bounds() for number in range(7)]
    assert bounds[0][0] == "0" * 32
    assert [beyond for _, beyond in bounds[:-1]] == [first for first, _ in bounds[1:]]
    assert bounds[-1][1] > "f" * 32


async def test_a_batch_stores_the_same_points_as_single_computations(town: City) -> None:
    """The demonstration's own residents: every snapshot is the one that asking makes, and is believed."""
    await computed(town)
    at, today = await town.app_context.clock(), await town.today()
    timeline = await in_force.timeline(at)
    rows = await queries.fetch_all("SELECT person_id, total, dimensions FROM snapshot")
    assert len(rows) >= 10
    events = await queries.fetch_all("SELECT count(*) AS events FROM event")
    for row in rows:
        person = await person_of(town, row["person_id"])
        believed = await person_balance.balance_of(person, timeline, today, at)
        assert (believed.total, list(believed.dimensions)) == (row["total"], json.loads(row["dimensions"]))
        assert await queries.fetch_all("SELECT count(*) AS events FROM event") == events
        alone, _ = await person_balance.compute(person, timeline, today, at)
        assert balance_from(alone) == believed
        events = await queries.fetch_all("SELECT count(*) AS events FROM event")


async def test_a_person_who_withdrew_is_skipped_by_the_batch(town: City) -> None:
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")

    await computed(town)
    assert await wang.total() == 63
    await wang.post("/v1/me/withdrawals", {"scope": "all"})
    (person,) = await queries.fetch_all("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1")
    await computed(town)
    assert await queries.fetch_all("SELECT 1 FROM snapshot WHERE person_id = $1", person["person_id"]) == []
    assert await wang.total() == 0


async def test_a_use_for_all_is_in_the_access_log_the_export_and_the_public_log(town: City) -> None:
    wang, late = town.resident("wang"), town.resident("late")
    await wang.volunteer(600, "v-wang")
    await wang.total()
    before = (await wang.get("/v1/me/access-log")).json()["data"]
    await computed(town, Part(0, 1))
    await computed(town, Part(0, 1))
    await late.volunteer(600, "v-late")
    shown = (await wang.get("/v1/me/access-log")).json()["data"]
    assert len(shown) == len(before) + 2
    assert shown[0]["text"] == shown[-1]["text"]
    assert {use["organisation"] for use in shown} == {"credit-easy"}
    assert (await late.get("/v1/me/access-log")).json()["data"] == []

    paged, cursor = [], ""
    while True:
        page = (await wang.get(f"/v1/me/access-log?limit=1{cursor}")).json()
        paged += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert paged == shown

    await background.advance_logs(town.app_context)
    exported = (await wang.get("/v1/me/export")).json()["uses_for_all"]
    assert [event["event"]["kind"] for event in exported] == ["used.for_all"] * 2
    assert all(event["proof"] for event in exported)
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)


@pytest.mark.parametrize(
    ("change", "fault"),
    [("at = at + 1", "the row is not what its leaf commits to"), ("first_id = 'a'", "the row is not what its leaf")],
)
@pytest.mark.database_owner
async def test_a_changed_use_for_all_is_reported_by_name(town: City, change: str, fault: str) -> None:
    await computed(town)
    for trigger in ("use_for_all_no_update", "use_for_all_append_only ON use_for_all"):
        if queries.is_sqlite() == trigger.endswith("no_update"):
            await queries.execute(f"DROP TRIGGER {trigger}")
    await queries.execute(f"UPDATE use_for_all SET {change}")
    report = await logs.check_chains(town.app_context.keyring)
    assert report.fault is not None
    assert (report.fault.where, fault in report.fault.what) == ("use_for_all", True)


@pytest.mark.database_owner
async def test_a_removed_use_for_all_is_reported_by_name(town: City) -> None:
    await computed(town)
    await background.advance_logs(town.app_context)
    await queries.execute(
        "DROP TRIGGER use_for_all_no_delete"
        if queries.is_sqlite()
        else "DROP TRIGGER use_for_all_append_only ON use_for_all"
    )
    await queries.execute("DELETE FROM use_for_all")
    report = await logs.check_chains(town.app_context.keyring)
    assert report.fault is not None
    assert report.fault.what == "no event stands behind the leaf"


async def test_nothing_is_computed_while_records_are_withheld(town: City) -> None:
    await queries.execute("UPDATE log_head SET withheld = 1 WHERE log = 'consent'")
    with pytest.raises(RecordsWithheld):
        await computed(town)
    assert await queries.fetch_all("SELECT 1 FROM use_for_all") == []
