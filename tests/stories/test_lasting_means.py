"""Slips, bindings, bookings and passes after an undo, on an older copy, and while the index key is replaced."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benefits.passes import verifier
from benefits.passes.refusals import PassFault, PassRefused
from benefits.redemption.offline_passes import status_list_steps, status_lists
from consent.database import queries
from consent.kernel.instants import rfc3339
from service.compliance import key_fingerprints, keyring_rotation, replay
from service.compliance.keyring_rotation import WAIT, IndexStep
from service.settings import Settings
from tests.support import city, means, offline
from tests.support.city import City
from tests.support.copies import copied
from tests.support.keyrings import with_file
from tests.support.means import CHECKUP, PARKING, STANDARD_TERMS
from tests.support.offline import NONCE, DevicePass

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]


async def redeem(town: City, **shown: str) -> tuple[int, bytes]:
    """Redeem at the car park, whose benefit has no quota."""
    answer = await town.venue(PARKING[1]).post("/v1/venue/redemptions", shown)
    return answer.status_code, answer.content


NO = (200, STANDARD_TERMS)


async def places_taken(town: City) -> int:
    (row,) = (await town.venue(CHECKUP[1]).get("/v1/venue/sessions")).json()["data"]
    taken: int = row["taken"]
    return taken


async def test_on_an_older_copy_everything_that_was_stopped_stays_stopped(
    city_settings: Settings, demo_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with city.running_city(city_settings, demo_folder) as town:
        stops, withdraws, stays = [await means.driver(town, name) for name in ("stops", "withdraws", "stays")]
        slips = [(await means.new_slip(who, PARKING)) for who in (stops, withdraws, stays)]
        bindings = [(await means.new_binding(town, who, PARKING)) for who in (stops, withdraws, stays)]
        passes = [(await offline.take_passes(who, 1, PARKING))[0] for who in (stops, withdraws)]
        session_id = await means.new_session(town)
        patients = [await means.patient(town, name) for name in ("cancels", "ends", "comes")]
        bookings = [await means.new_booking(who, session_id) for who in patients]
    older = copied(city_settings, tmp_path, request)
    async with city.running_city(city_settings, demo_folder) as town:
        for path in (
            f"slips/{slips[0]['slip_id']}", f"bindings/{bindings[0][0]}",
        ):  # fmt: skip
            assert (await town.resident("stops").delete(f"/v1/me/{path}")).status_code == 200
        assert (await town.resident("cancels").delete(f"/v1/me/bookings/{bookings[0]}")).status_code == 200
        for name in ("withdraws", "ends"):
            assert (await town.resident(name).post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200

    async with city.running_city(older, demo_folder) as town:
        for slip, (_, token) in zip(slips[:2], bindings[:2], strict=True):
            assert await redeem(town, short_code=slip["short_code"]) == NO
            assert await redeem(town, binding_token=token) == NO
        for shown in ({"short_code": slips[2]["short_code"]}, {"binding_token": bindings[2][1]}):
            assert (await redeem(town, **shown))[0] == 201
        assert await places_taken(town) == 1
        for name in ("cancels", "ends"):
            assert (await town.resident(name).get("/v1/me/bookings")).json()["data"] == []
        await offline.begin_step(town)
        at = await offline.seconds(town)
        trust = await offline.trust(town, *passes, where=PARKING)
        assert verifier.verify(passes[0].signed + passes[0].key_binding(at), NONCE, trust, at)
        with pytest.raises(PassRefused) as error:
            verifier.verify(passes[1].signed + passes[1].key_binding(at), NONCE, trust, at)
        assert error.value.fault is PassFault.REVOKED
        again = await replay.replay_tombstones(town.app_context, from_the_start=True)
        assert (again.tickets_stopped, again.bookings_cancelled, again.withdrawn) == (0, 0, 0)


@pytest.mark.both_engines(everyday=False)
async def test_an_undo_brings_back_the_consent_and_nothing_that_ended_with_it(town: City) -> None:
    """Others may have the place, venues have read that the pass ended, and a paper may be in other hands."""
    chen, sun = await means.driver(town), await means.patient(town)
    consents = [(await who.get("/v1/me/consents")).json()["data"][0]["consent_id"] for who in (chen, sun)]
    slip, (_, token) = await means.new_slip(chen, PARKING), await means.new_binding(town, chen, PARKING)
    shown = (await offline.take_passes(chen, 1, PARKING))[0]
    session_id = await means.new_session(town)
    await means.new_booking(sun, session_id)
    for who, consent_id in zip((chen, sun), consents, strict=True):
        assert (await who.post(f"/v1/me/consents/{consent_id}/withdraw")).status_code == 200
        assert (await who.post(f"/v1/me/withdrawals/{consent_id}/undo")).status_code == 201
    assert await redeem(town, short_code=slip["short_code"]) == NO
    assert await redeem(town, binding_token=token) == NO
    for path in ("slips", "bindings"):
        assert [row["state"] for row in (await chen.get(f"/v1/me/{path}")).json()["data"]] == ["ended"]
    await offline.begin_step(town)
    at = await offline.seconds(town)
    with pytest.raises(PassRefused) as error:
        verifier.verify_signed(shown.signed, await offline.trust(town, shown, where=PARKING), at)
    assert error.value.fault is PassFault.REVOKED
    scanned = await town.venue(PARKING[1]).post("/v1/venue/redemptions/pass", {"pass": shown.code(at)})
    assert (scanned.status_code, scanned.content) == NO
    assert (await places_taken(town), (await sun.get("/v1/me/bookings")).json()["data"]) == (0, [])
    # Each is made again under the consent that is there again.
    again = await means.new_slip(chen, PARKING)
    assert (await redeem(town, short_code=again["short_code"]))[0] == 201
    assert await means.new_booking(sun, session_id)


@pytest.mark.both_engines(everyday=False)
async def test_a_booking_of_somebody_else_or_of_nobody_leaves_no_tombstone(town: City) -> None:
    booking_id = await means.new_booking(await means.patient(town), await means.new_session(town))
    other = await means.patient(town, "li")
    for name in (booking_id, "0" * 32, "x" * 200):
        assert (await other.delete(f"/v1/me/bookings/{name}")).status_code == 404
    assert [*town.app_context.tombstones.read_all()] == []


def use(shown: DevicePass, at: int) -> dict[str, Any]:
    """A use of a pass as a venue uploads it."""
    instant = rfc3339(datetime.fromtimestamp(at, UTC))
    return {"items": [{"pass": shown.signed, "presentation": shown.key_binding(at), "at": instant}]}


async def turned_bits(town: City) -> dict[int, set[int]]:
    """The decoy bits of the lists of this day and the day before that have turned, by the list's number."""
    now = await town.app_context.clock()
    last = status_list_steps.first_list(now) + status_list_steps.LISTS_A_DAY
    numbers = range(last - 2 * status_list_steps.LISTS_A_DAY, last)
    return {number: status_lists.turned_decoy_bits(town.app_context.keyring, number, now) for number in numbers}


def require_no_bit_back(before: dict[int, set[int]], after: dict[int, set[int]]) -> None:
    """Every decoy bit that had turned has turned still, in the lists that are served still."""
    assert any(before.values())
    assert {number for number, turned in before.items() if not turned <= after.get(number, turned)} == set()


async def test_everything_works_through_a_rotation_of_the_index_key(
    city_settings: Settings, demo_folder: Path, keyring_path: Path
) -> None:
    """Made under the old key, used under both, and under the new one alone; no bit of a status list goes back to 0."""
    async with city.running_city(city_settings, demo_folder) as town:
        await key_fingerprints.require_known(city_settings)
        chen = await means.driver(town)
        slips = [await means.new_slip(chen, PARKING) for _ in range(2)]
        _, token = await means.new_binding(town, chen, PARKING)
        waiting = await means.requested_binding(chen, PARKING)
        passes = await offline.take_passes(chen, 2, PARKING)
        booking_id = await means.new_booking(await means.patient(town), await means.new_session(town))
        before = await turned_bits(town)
        for step in (IndexStep.ADDED, IndexStep.SWITCHED):
            assert (await keyring_rotation.rotate_index(keyring_path, await queries.now())).step is step

    both = with_file(city_settings, keyring_path)
    async with city.running_city(both, demo_folder) as town:
        require_no_bit_back(before, await turned_bits(town))
        assert (await redeem(town, short_code=slips[0]["short_code"]))[0] == 201
        assert (await redeem(town, binding_token=token))[0] == 201
        typed = await town.venue(PARKING[1]).post("/v1/venue/bindings", {"code": waiting["code"]})
        assert typed.status_code == 201, typed.text
        at = await offline.seconds(town)
        uploaded = await town.venue(PARKING[1]).post("/v1/venue/redemptions/offline", use(passes[0], at))
        assert uploaded.json()["results"][0]["result"] == "booked"
        during = await turned_bits(town)
        removed = await keyring_rotation.rotate_index(keyring_path, await queries.now() + WAIT)
        assert removed.step is IndexStep.REMOVED

    alone = with_file(city_settings, keyring_path)
    assert list(alone.keyring.index_keys) == [2]
    async with city.running_city(alone, demo_folder) as town:
        require_no_bit_back(during, await turned_bits(town))
        assert (await redeem(town, short_code=slips[1]["short_code"]))[0] == 201
        for value in (token, typed.json()["binding_token"]):
            assert (await redeem(town, binding_token=value))[0] == 201
        at = await offline.seconds(town)
        uploaded = await town.venue(PARKING[1]).post("/v1/venue/redemptions/offline", use(passes[1], at))
        assert uploaded.json()["results"][0]["result"] == "booked"
        trust = await offline.trust(town, passes[1], where=PARKING)
        verifier.verify_signed(passes[1].signed, trust, at)
        chen, sun = town.resident("chen"), town.resident("sun")
        assert len((await chen.get("/v1/me/slips")).json()["data"]) == 2
        (own,) = (await sun.get("/v1/me/bookings")).json()["data"]
        assert own["booking_id"] == booking_id
        # The stop under the new key ends what was made under the old one.
        assert (await chen.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
        assert await redeem(town, binding_token=token) == NO
        await offline.begin_step(town)
        late = await offline.trust(town, passes[0], where=PARKING)
        with pytest.raises(PassRefused, match="revoked"):
            verifier.verify_signed(passes[0].signed, late, await offline.seconds(town))
