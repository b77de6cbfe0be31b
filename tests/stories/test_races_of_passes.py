"""Many at once with passes, bindings and bookings, on both engines: each used once, and nothing after its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benefits.redemption.offline_passes import redemption_rows
from consent.database import queries
from consent.kernel.instants import rfc3339
from tests.factories import administrator
from tests.support import means, offline
from tests.support.city import City, Resident
from tests.support.deadlines import WAIT_SECONDS
from tests.support.means import PARKING, offer
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def count(table: str) -> int:
    """The number of rows of a table."""
    (row,) = await queries.fetch_all(f"SELECT count(*) AS rows FROM {table}")
    return int(row["rows"])


async def test_passes_taken_at_once_are_no_more_than_one_may_have(town: City) -> None:
    reader, driver = await means.reader(town), await means.driver(town)
    await asyncio.gather(*(offline.ask_for_passes(reader, [new_key(), new_key()]) for _ in range(4)))
    assert await count("offline_pass") == 1
    asked = (offline.ask_for_passes(driver, [new_key() for _ in range(7)], PARKING) for _ in range(4))
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409]
    assert await count("offline_pass") == 1 + 20


async def test_one_device_key_at_once_gets_one_pass(town: City) -> None:
    people, key = [await means.driver(town, f"driver-{number}") for number in range(3)], new_key()
    answers = await asyncio.gather(*(offline.ask_for_passes(who, [key], PARKING) for who in people))
    assert (
        sorted((answer.status_code, answer.json().get("code")) for answer in answers if answer.is_error)
        == [(409, "pass_key_used")] * 2
    )


async def test_one_pass_shown_and_uploaded_at_once_is_redeemed_once(town: City) -> None:
    (shown,) = await offline.take_passes(await means.driver(town), 1, PARKING)
    desk, at = town.venue(PARKING[1]), await offline.seconds(town)
    use = {"pass": shown.signed, "presentation": shown.key_binding(at)}
    upload = {"items": [{**use, "at": rfc3339(await town.app_context.clock())}]}
    answers = await asyncio.gather(
        *(desk.post("/v1/venue/redemptions/pass", use) for _ in range(3)),
        *(desk.post("/v1/venue/redemptions/pass", {"pass": shown.code(at)}) for _ in range(3)),
        *(desk.post("/v1/venue/redemptions/offline", upload) for _ in range(3)),
    )
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert await count("redemption") == 1


async def test_a_suspension_before_the_commit_undoes_a_redemption(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    if queries.is_sqlite():
        pytest.skip("SQLite has one writer")
    (shown,) = await offline.take_passes(await means.driver(town), 1, PARKING)
    decided, suspended, store = asyncio.Event(), asyncio.Event(), redemption_rows.store

    async def suspend() -> None:
        await decided.wait()
        answer = await administrator(town).post(f"/v1/admin/benefits/{PARKING[0]}/versions/1/suspend")
        assert answer.status_code == 200, answer.text
        suspended.set()

    async def store_late(*facts: Any) -> str:
        decided.set()
        await asyncio.wait_for(suspended.wait(), WAIT_SECONDS)
        return await store(*facts)

    monkeypatch.setattr(redemption_rows, "store", store_late)
    suspending = asyncio.create_task(suspend())
    code = {"pass": shown.code(await offline.seconds(town))}
    assert (await town.venue(PARKING[1]).post("/v1/venue/redemptions/pass", code)).content == means.STANDARD_TERMS
    await suspending
    assert await count("redemption") == 0


async def test_an_erasure_among_uses_ends_them_without_an_error(town: City) -> None:
    desk = town.venue(PARKING[1])
    for number in range(2):
        who = await means.driver(town, f"leaver-{number}")
        shown, uploaded = await offline.take_passes(who, 2, PARKING)
        slip, (_, token) = await means.new_slip(who, PARKING), await means.new_binding(town, who, PARKING)
        waiting, at = await means.requested_binding(who, PARKING), await offline.seconds(town)
        item = {"pass": uploaded.signed, "presentation": uploaded.key_binding(at)}
        upload = {"items": [{**item, "at": rfc3339(await town.app_context.clock())}]}
        answers = await asyncio.gather(
            desk.post("/v1/venue/redemptions", {"short_code": slip["short_code"]}),
            desk.post("/v1/venue/redemptions", {"binding_token": token}),
            who.delete("/v1/me"),
            *(desk.post("/v1/venue/bindings", {"code": waiting["code"]}) for _ in range(2)),
            desk.post("/v1/venue/redemptions/pass", {"pass": shown.code(at)}),
            desk.post("/v1/venue/redemptions/offline", upload),
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 404}
        assert {answer.json()["code"] for answer in answers if answer.is_error} <= {"code_unknown"}
        assert await count("lasting_ticket") == 0


async def test_a_code_typed_many_times_at_once_binds_once(town: City) -> None:
    who, desk = await means.driver(town), town.venue(PARKING[1])
    asked = await asyncio.gather(*(who.post("/v1/me/bindings", offer(PARKING)) for _ in range(3)))
    codes = [answer.json()["code"] for answer in asked]
    typed = await asyncio.gather(*(desk.post("/v1/venue/bindings", {"code": code}) for code in codes for _ in range(3)))
    assert sorted(answer.status_code for answer in typed) == [201] + [404] * 8
    assert await count("lasting_ticket") == 1


async def test_nothing_is_redeemed_by_a_binding_after_its_stop(town: City) -> None:
    who, desk = await means.driver(town), town.venue(PARKING[1])
    binding_id, token = await means.new_binding(town, who, PARKING)
    answers = await asyncio.gather(
        *(desk.post("/v1/venue/redemptions", {"binding_token": token}) for _ in range(6)),
        who.delete(f"/v1/me/bindings/{binding_id}"),
        *(desk.post("/v1/venue/redemptions", {"binding_token": token}) for _ in range(6)),
    )
    kinds = [row["kind"] for row in await queries.fetch_all("SELECT kind FROM event ORDER BY person_id, number")]
    assert kinds.count("benefit.redeemed") == sum(answer.status_code == 201 for answer in answers)
    assert "benefit.redeemed" not in kinds[kinds.index("binding.stopped") :]


async def test_places_taken_are_the_bookings_after_every_kind_of_end(town: City) -> None:
    people = [await means.patient(town, f"patient-{number}") for number in range(5)]
    session_id = await means.new_session(town, places=3)

    async def book_and_leave(who: Resident, number: int) -> None:
        booked = await who.post("/v1/me/bookings", {"session_id": session_id})
        assert booked.status_code in (201, 409), booked.text
        if booked.status_code == 409:
            return
        cancel = f"/v1/me/bookings/{booked.json()['booking_id']}"
        if number < 3:
            withdrawal = who.post("/v1/me/withdrawals", {"scope": "all"})
            ended = await asyncio.gather(who.delete(cancel), withdrawal, who.delete(cancel), who.delete("/v1/me"))
            assert {answer.status_code for answer in ended} <= {200, 404}

    await asyncio.gather(*(book_and_leave(who, number) for number, who in enumerate(people)))
    (row,) = await queries.fetch_all("SELECT taken FROM added_session")
    assert row["taken"] == await count("booking")
