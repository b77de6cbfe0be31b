"""Many at once, on both engines: exactly once for a ticket, exactly a hundred for a quota, and the fence.

On PostgreSQL every request has a connection of its own, so these are real races.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from benefits.balances import batch, person_balance
from benefits.catalogue import in_force
from benefits.scoring import points
from consent import persons
from consent.database import queries
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.records.gate import Part
from service.demo import seed
from tests.support.city import City, record

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines, pytest.mark.cluster]


async def test_t1_one_ticket_redeemed_64_times_at_once(town: City) -> None:
    wu, venue = town.resident("wu"), town.venue()
    await wu.volunteer(7_200, "v-wu")
    await wu.consent_to_provider("city-library")
    ticket = await wu.ticket()
    answers = await asyncio.gather(
        *(venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}) for _ in range(64))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert {answer.content for answer in answers if answer.status_code == 200} == {b'{"applies":false}'}
    rows = await queries.fetch_all("SELECT state FROM redemption")
    assert [row["state"] for row in rows] == ["redeemed"]


async def test_an_erasure_sent_several_times_at_once_succeeds_each_time(town: City) -> None:
    """A client that got no answer sends it again while the first one is still committing."""
    for number in range(6):
        who = town.resident(f"leaves-{number}")
        await who.volunteer(60, f"v-leaves-{number}")
        answers = await asyncio.gather(*(who.delete("/v1/me") for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert sum("receipt" in answer.json() for answer in answers) == 1


async def test_one_key_sent_many_times_at_once_is_one_redemption(town: City) -> None:
    wu, venue = town.resident("wu"), town.venue()
    await wu.volunteer(7_200, "v-wu")
    await wu.consent_to_provider("city-library")
    ticket = await wu.ticket()
    answers = await asyncio.gather(
        *(venue.post("/v1/venue/redemptions", {"handle": ticket["handle"]}, key="same") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19


@pytest.mark.parametrize("tickets_each", [5, pytest.param(20, marks=pytest.mark.campaign)])
async def test_b9_a_quota_of_100_and_more_who_want_it(town: City, tickets_each: int) -> None:
    """25 residents with 5 tickets each, 500 tickets in the campaign, are at the desks at once."""
    at = await queries.now()
    async with queries.transaction():
        benefit = (await in_force.load(at)).benefit("library-deposit", await town.today())
        assert benefit is not None
        body = {**benefit.body, "quota": {"total": {"count": 100, "period": "day"}}}
        await seed.publish(DocumentKind.BENEFITS, "library-deposit", body, await queries.now())
    venue, handles = town.venue(), []
    people_of_the_town = [town.resident(f"reader-{number}") for number in range(25)]
    for number, who in enumerate(people_of_the_town):
        await who.volunteer(7_200, f"v-{number}")
        await who.consent_to_provider("city-library")
    for _ in range(tickets_each):
        handles += [(await who.ticket())["handle"] for who in people_of_the_town]
    answers = await asyncio.gather(*(venue.post("/v1/venue/redemptions", {"handle": handle}) for handle in handles))
    assert sum(answer.status_code == 201 for answer in answers) == 100
    assert {answer.content for answer in answers if answer.status_code == 200} == {b'{"applies":false}'}
    counted = await queries.fetch_one("SELECT count(*) AS redeemed FROM redemption WHERE state = 'redeemed'")
    taken = await queries.fetch_one("SELECT sum(taken) AS taken FROM quota_use")
    assert counted is not None
    assert taken is not None
    assert (counted["redeemed"], taken["taken"]) == (100, 100)


async def test_c3_accept_sent_twice_at_once_with_one_key(town: City) -> None:
    wu = town.resident("wu")
    shown = await wu.request_notice(purpose="benefit.check", provider_id="city-library")
    answers = await asyncio.gather(
        *(wu.post("/v1/me/consents", {"ticket": shown["ticket"]}, key="yes") for _ in range(8))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len((await wu.get("/v1/me/consents")).json()["data"]) == 1


async def test_b2_the_same_record_three_times_at_once(town: City) -> None:
    wu, source = town.resident("wu"), town.source()
    await wu.link("green-travel", "bike-1")
    answers = await asyncio.gather(*(source.deliver(record("r-1", "bike-1", quantity=10)) for _ in range(3)))
    assert sorted((answer["accepted"], answer["duplicates"]) for answer in answers) == [(0, 1), (0, 1), (1, 0)]
    assert len((await wu.get("/v1/me/records")).json()["data"]) == 1


async def test_c6_a_computation_caught_in_the_middle_writes_nothing(town: City) -> None:
    wu = town.resident("wu")
    await wu.volunteer(4_800, "v-wu")
    at, today = await queries.now(), await town.today()
    person = await persons.find(town.app_context.keyring, "wu")
    assert person is not None
    timeline = await in_force.timeline(at)
    computed, released = await person_balance.compute(person, timeline, today, at)
    assert computed.total == 50

    # It has read and not written; the withdrawal does not wait for it.
    stopped = await asyncio.wait_for(wu.post("/v1/me/withdrawals", {"scope": "all"}), timeout=3)
    assert stopped.json() == {"withdrawn": 1}
    assert await person_balance.store(released, computed, timeline) is False
    assert await queries.fetch_all("SELECT * FROM snapshot WHERE person_id = $1", person.person_id) == []
    assert await wu.total() == 0
    assert points.compute(released, timeline, today).total == 50


@pytest.mark.parametrize("stored_before", [True, False])
async def test_c8_a_withdrawal_between_a_batchs_statements_leaves_nothing(
    town: City, monkeypatch: pytest.MonkeyPatch, stored_before: bool
) -> None:
    """It ends while the batch waits for it, or holds the person's lock and waits for the batch."""
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    if stored_before:
        assert await wang.total() == 63
    caught, trace = asyncio.Event(), ledger.record_use_for_all

    async def stop() -> None:
        await caught.wait()
        assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200

    stopping = asyncio.create_task(stop())

    async def record_use_for_all(*facts: Any) -> None:
        await trace(*facts)
        caught.set()
        if not queries.is_sqlite():
            await asyncio.wait([stopping], timeout=0.5 if stored_before else None)
            assert stopping.done() != stored_before

    monkeypatch.setattr(ledger, "record_use_for_all", record_use_for_all)
    await batch.compute_part(Part(0, 1), town.app_context.clock, town.app_context.day_of)
    await stopping
    (person,) = await queries.fetch_all("SELECT person_id FROM person ORDER BY created_at DESC LIMIT 1")
    assert await queries.fetch_all("SELECT 1 FROM snapshot WHERE person_id = $1", person["person_id"]) == []
    assert await wang.total() == 0


async def test_withdrawal_racing_a_hundred_redemptions(town: City) -> None:
    wu, venue = town.resident("wu"), town.venue("riverside-parking-1")
    await wu.volunteer(12_000, "v-wu")
    await wu.link("green-travel", "bike-1")
    year = await town.last_year()
    await town.source().deliver(record("r-1", "bike-1", quantity=200, occurred_on=f"{year}-02-02"))
    await wu.consent_to_provider("riverside-parking")
    handles = [(await wu.ticket("parking-free-minutes", "riverside-parking-1"))["handle"] for _ in range(100)]
    stop = asyncio.create_task(wu.post("/v1/me/withdrawals", {"scope": "all"}))
    answers = await asyncio.gather(*(venue.post("/v1/venue/redemptions", {"handle": handle}) for handle in handles))
    assert (await stop).status_code == 200
    redeemed = sum(answer.status_code == 201 for answer in answers)
    events = await queries.fetch_one("SELECT count(*) AS n FROM event WHERE kind = 'benefit.redeemed'")
    assert events is not None
    assert events["n"] == redeemed
    last_use = await queries.fetch_one("SELECT max(number) AS n FROM event WHERE kind = 'benefit.redeemed'")
    withdrawn = await queries.fetch_one("SELECT min(number) AS n FROM event WHERE kind = 'consent.withdrawn'")
    assert last_use is not None
    assert withdrawn is not None
    assert (last_use["n"] or 0) < withdrawn["n"] or redeemed == 0
    late = await venue.post("/v1/venue/redemptions", {"handle": handles[0]})
    assert late.content == b'{"applies":false}'


async def test_a_snapshot_dies_with_the_consent_it_rests_on(town: City) -> None:
    wu = town.resident("wu")
    await wu.volunteer(4_800, "v-wu", await town.today())
    assert await wu.total() == 50
    town.shift.by = timedelta(days=364)
    assert await wu.total() == 50
    town.shift.by = timedelta(days=366)
    assert await wu.total() == 0
