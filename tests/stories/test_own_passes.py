"""A resident's own passes: listed on whichever device they are, all stopped by one call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from benefits.passes import verifier
from benefits.passes.refusals import PassFault, PassRefused
from consent.database import queries
from consent.rights.tombstone_records import TombstoneKind
from service.compliance import replay
from tests.support import means, offline
from tests.support.city import City
from tests.support.means import LIBRARY, PARKING
from tests.support.offline import NONCE, DevicePass
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


async def is_revoked(town: City, shown: DevicePass) -> bool:
    """Report whether the status list of this step has a pass for parking as revoked."""
    at = await offline.seconds(town)
    try:
        trust = await offline.trust(town, shown, where=PARKING)
        verifier.verify(shown.signed + shown.key_binding(at), NONCE, trust, at)
    except PassRefused as refused:
        assert refused.fault is PassFault.REVOKED
        return True
    return False


async def scan(town: City, shown: DevicePass) -> int:
    """The status of the answer to a scanned code at the car park."""
    code = shown.code(await offline.seconds(town))
    answer = await town.venue(PARKING[1]).post("/v1/venue/redemptions/pass", {"pass": code})
    status: int = answer.status_code
    return status


async def test_passes_are_listed_until_they_are_used(town: City) -> None:
    assert (await town.resident("nobody").get("/v1/me/passes")).json() == {"data": []}
    who = await means.driver(town)
    passes = await offline.take_passes(who, 3, PARKING)
    (row,) = (await who.get("/v1/me/passes")).json()["data"]
    assert (row["benefit_id"], row["venue_id"], row["number"]) == (*PARKING, 3)
    assert await scan(town, passes[0]) == 201
    (row,) = (await who.get("/v1/me/passes")).json()["data"]
    assert row["number"] == 2
    town.shift.by = timedelta(hours=25)
    assert (await who.get("/v1/me/passes")).json() == {"data": []}


async def test_a_withdrawal_empties_the_list(town: City) -> None:
    who = await means.driver(town)
    await offline.take_passes(who, 2, PARKING)
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    assert (await who.get("/v1/me/passes")).json() == {"data": []}


async def test_stopped_passes_are_revoked_with_the_next_step_for_good(town: City) -> None:
    who = await means.driver(town)
    shown, other = await offline.take_passes(who, 2, PARKING)
    theirs = (await offline.take_passes(await means.driver(town, "qian"), 1, PARKING))[0]
    await offline.begin_step(town)
    assert (await who.delete("/v1/me/passes")).json() == {"stopped": 2}
    assert (await who.delete("/v1/me/passes")).json() == {"stopped": 0}
    assert (await who.get("/v1/me/passes")).json() == {"data": []}
    # Not in its own step, so that its minute is not public; the city itself knows at once.
    assert not await is_revoked(town, shown)
    assert await scan(town, other) == 200
    await offline.begin_step(town)
    assert await is_revoked(town, shown)
    assert not await is_revoked(town, theirs)
    exported = (await who.get("/v1/me/export")).json()["passes"]
    assert all(row["stopped_at"] for row in exported)
    # An erasure after the stop does not move its step.
    assert (await who.delete("/v1/me")).status_code == 200
    assert await is_revoked(town, shown)


async def test_stopped_passes_count_as_taken_until_they_end(town: City) -> None:
    who = await means.reader(town)
    await offline.take_passes(who)
    assert (await who.delete("/v1/me/passes")).json() == {"stopped": 1}
    again = await offline.ask_for_passes(who, [new_key()], LIBRARY)
    assert (again.status_code, again.json()["code"]) == (409, "benefit_not_available")


async def test_somebody_unknown_has_nothing_to_stop(town: City) -> None:
    assert (await town.resident("nobody").delete("/v1/me/passes")).status_code == 404


@pytest.mark.both_engines
async def test_a_restored_database_stops_them_again(town: City) -> None:
    who = await means.driver(town)
    await offline.take_passes(who, 2, PARKING)
    assert (await who.delete("/v1/me/passes")).json() == {"stopped": 2}
    stones = list(town.app_context.tombstones.read_all())
    assert [stone.kind for stone in stones].count(TombstoneKind.TICKET_STOPPED) == 2
    await queries.execute("UPDATE offline_pass SET revoked_from = NULL")
    assert (await replay.replay_tombstones(town.app_context)).tickets_stopped == 2
    assert (await who.get("/v1/me/passes")).json() == {"data": []}
