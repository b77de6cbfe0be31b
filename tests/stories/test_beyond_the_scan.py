"""Slip, short code, binding, booking, offline pass, also of another city: used, seen in the activity, and stopped.

From then on the venue gets the bytes of every other "no".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from benefits.passes import claims, issuers, jose, status_list, verifier
from benefits.passes.refusals import PassFault, PassRefused
from benefits.passes.verifier import Trust
from consent.database import queries
from consent.kernel.instants import rfc3339
from service.api.venue import handlers
from tests.support import means, offline
from tests.support.answers import PER_REQUEST_HEADERS
from tests.support.city import City, Resident
from tests.support.issuers import TYPE, URL, recognised
from tests.support.means import CHECKUP, LIBRARY, PARKING, STANDARD_TERMS
from tests.support.offline import NONCE, DevicePass
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines]

REDEMPTIONS = "/v1/venue/redemptions"
OFFLINE, SCANNED = f"{REDEMPTIONS}/offline", f"{REDEMPTIONS}/pass"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "NO_STEP_SECONDS", 0.001)


def seen(answer: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """Everything of an answer that a venue sees and that is not new with each request."""
    headers = {name: value for name, value in answer.headers.items() if name not in PER_REQUEST_HEADERS}
    return answer.status_code, answer.content, headers


async def activity(who: Resident, what: str) -> list[tuple[str, str]]:
    """The organisations and outcomes in a resident's activity that are about a benefit, the newest first."""
    rows = (await who.get("/v1/me/access-log", {"Accept-Language": "en"})).json()["data"]
    assert all(row["text"] for row in rows)
    return [(row["organisation"], row["outcome"]) for row in rows if row["what"] == what]


async def redeem(town: City, where: tuple[str, str], **shown: str) -> httpx2.Response:
    return await town.venue(where[1]).post(REDEMPTIONS, shown)


async def require_same_no(town: City, where: tuple[str, str], **shown: str) -> None:
    """The answer to what was stopped is that to a handle that never was, byte for byte."""
    answer, unknown = await redeem(town, where, **shown), await redeem(town, where, handle="f" * 32)
    assert unknown.content == STANDARD_TERMS
    assert seen(answer) == seen(unknown)


@pytest.mark.both_engines(everyday=False)
async def test_somebody_without_a_phone_borrows_a_book(town: City) -> None:
    """Two slips are printed at a counter: one is used, the other is stopped."""
    wang = await means.reader(town)
    used, stopped = await means.new_slip(wang), await means.new_slip(wang)
    printed = await wang.get(f"/v1/me/slips/{used['slip_id']}.pdf")
    assert printed.content.startswith(b"%PDF-")
    borrowed = await redeem(town, LIBRARY, short_code=used["short_code"])
    assert (borrowed.status_code, borrowed.json()["effect"]["kind"]) == (201, "deposit_waiver")
    assert await activity(wang, LIBRARY[0]) == [("city-library", outcome) for outcome in ("applies", *["issued"] * 2)]
    assert (await wang.delete(f"/v1/me/slips/{stopped['slip_id']}")).status_code == 200
    town.shift.by = timedelta(days=1)
    for slip in (used, stopped):
        await require_same_no(town, LIBRARY, short_code=slip["short_code"])
        await require_same_no(town, LIBRARY, handle=slip["short_code"])


@pytest.mark.both_engines(everyday=False)
async def test_a_code_that_is_read_out_is_a_loan_and_ends_with_its_consent(town: City) -> None:
    """The eight characters of a ticket, for a desk without a scanner; a withdrawal stops both code and handle."""
    wang = await means.reader(town)
    first, second = await wang.ticket(), await wang.ticket()
    assert (await redeem(town, LIBRARY, short_code=first["short_code"])).status_code == 201
    assert (await activity(wang, LIBRARY[0]))[0] == ("city-library", "applies")
    town.shift.by = timedelta(seconds=10)
    assert (await wang.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    for shown in ({"short_code": second["short_code"]}, {"handle": second["handle"]}):
        await require_same_no(town, LIBRARY, **shown)


async def test_a_car_leaves_a_car_park_without_a_scan(town: City) -> None:
    chen = await means.driver(town)
    binding_id, token = await means.new_binding(town, chen, PARKING)
    left = await redeem(town, PARKING, binding_token=token)
    assert (left.status_code, left.json()["effect"]["kind"]) == (201, "free_minutes")
    assert await activity(chen, PARKING[0]) == [("riverside-parking", "applies"), ("riverside-parking", "issued")]
    (own,) = (await chen.get("/v1/me/bindings")).json()["data"]
    assert len(own["uses"]) == 1
    assert (await chen.delete(f"/v1/me/bindings/{binding_id}")).status_code == 200
    await require_same_no(town, PARKING, binding_token=token)


async def test_a_check_up_is_booked_and_redeemed_at_its_session(town: City) -> None:
    """Of two bookings one is used at the desk, one is cancelled; a third has a ticket, which a withdrawal stops."""
    session_id = await means.new_session(town)
    sun, li, zhao = [await means.patient(town, name) for name in ("sun", "li", "zhao")]
    bookings = [await means.new_booking(who, session_id) for who in (sun, li, zhao)]
    assert (await li.delete(f"/v1/me/bookings/{bookings[1]}")).status_code == 200
    town.shift.by = timedelta(hours=71, minutes=30)
    refused = await li.post("/v1/me/tickets", means.offer(CHECKUP))
    assert refused.json()["code"] == "booking_needed"
    shown, stopped = await sun.ticket(*CHECKUP), await zhao.ticket(*CHECKUP)
    assert (await redeem(town, CHECKUP, handle=shown["handle"])).status_code == 201
    assert (await activity(sun, CHECKUP[0]))[0] == ("second-hospital", "applies")
    assert (await zhao.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    for ticket in (shown, stopped):
        await require_same_no(town, CHECKUP, handle=ticket["handle"])


async def show_offline(town: City, shown: DevicePass) -> dict[str, Any]:
    """Honour a pass as a venue without a network does; return the use for the later upload."""
    at = await offline.seconds(town)
    trust, key_binding = await offline.trust(town, shown), shown.key_binding(at)
    verifier.verify(shown.signed + key_binding, NONCE, trust, at)
    return {"pass": shown.signed, "presentation": key_binding, "at": rfc3339(datetime.fromtimestamp(at, UTC))}


@pytest.mark.both_engines(everyday=False)
async def test_a_traveller_borrows_a_book_offline(town: City) -> None:
    """Used without a network, uploaded, seen; stopped with its consent, at the venue by the list and online alike."""
    wu = await means.reader(town, "wu")
    taken = (await offline.take_passes(wu))[0]
    use = await show_offline(town, taken)
    town.shift.by = timedelta(hours=1)
    uploaded = await town.venue().post(OFFLINE, {"items": [use]})
    assert uploaded.json()["results"][0]["result"] == "booked"
    assert await activity(wu, LIBRARY[0]) == [("city-library", "applies"), ("city-library", "issued")]
    town.shift.by = timedelta(days=1)
    next_day = (await offline.take_passes(wu))[0]
    assert (await wu.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    await offline.begin_step(town)
    with pytest.raises(PassRefused) as error:
        await show_offline(town, next_day)
    assert error.value.fault is PassFault.REVOKED
    at = await offline.seconds(town)
    late = {**use, "pass": next_day.signed, "presentation": next_day.key_binding(at),
            "at": rfc3339(datetime.fromtimestamp(at, UTC))}  # fmt: skip
    again = {**use, "at": rfc3339(datetime.fromisoformat(use["at"]) + timedelta(seconds=1))}
    # With a network the venue gets the "no" of every other means.
    scanned = await town.venue().post(SCANNED, {"pass": next_day.code(at)})
    assert seen(scanned) == seen(await redeem(town, LIBRARY, handle="f" * 32))
    # Stopped, and honoured twice: one answer.
    answers = [await town.venue().post(OFFLINE, {"items": [item]}) for item in (late, again)]
    assert answers[0].json() == {"results": [{"result": "venue_bears"}]}
    assert seen(answers[0]) == seen(answers[1])


async def test_t10_a_traveller_from_the_other_city_borrows_a_book_offline_and_online(town: City) -> None:
    """One pass is honoured without a network and uploaded, one is shown with a network, one was stopped at home."""
    other, at = await recognised(town), await offline.seconds(town)
    first, second, stopped = [other.new_pass(at, place) for place in (1, 2, 3)]
    here = claims.venue_url(offline.URL, LIBRARY[1])
    issuer = issuers.read_metadata(other.metadata().encode(), URL)
    trust = Trust(here, (TYPE,), {URL: issuer}, {other.list_url: status_list.read(other.list_token(at, 3), issuer, at)})
    brought = first.upload(at, 3)
    (use,) = brought["items"]
    verifier.verify(use["pass"] + use["presentation"], NONCE, trust, at)
    uploaded = await town.venue().post(OFFLINE, brought)
    assert uploaded.json()["results"][0]["result"] == "booked"
    borrowed = await town.venue().post(SCANNED, second.shown(at))
    assert (borrowed.status_code, borrowed.json()["effect"]["kind"]) == (201, "deposit_waiver")
    body = stopped.shown(at, status_list=other.list_token(at, 3))
    with pytest.raises(PassRefused) as error:
        verifier.verify(body["pass"] + body["presentation"], NONCE, trust, at)
    assert error.value.fault is PassFault.REVOKED
    answer = await town.venue().post(SCANNED, body)
    unknown = await redeem(town, LIBRARY, handle="f" * 32)
    assert unknown.content == STANDARD_TERMS
    assert seen(answer) == seen(unknown)
    # Nothing crosses: no event of anybody here tells of the two loans.
    assert len(await queries.fetch_all("SELECT 1 AS one FROM redemption")) == 2
    assert await queries.fetch_all("SELECT 1 AS one FROM event WHERE kind = 'pass.redeemed'") == []


async def test_t10_a_traveller_to_the_other_city_sees_at_home_what_was_taken_and_stops_it(town: City) -> None:
    """The venue there honours the pass by what this city publishes, until its owner has stopped it here.

    The activity names the issue alone: this city never learns of a use there.
    """
    await recognised(town)
    wu, keys = await means.reader(town, "wu"), [new_key()]
    asked = {**means.offer((LIBRARY[0], "their-library")), "issuer_id": "other-city"}
    taken = await wu.post("/v1/me/passes", {**asked, "keys": [jose.public_jwk(key.public_key()) for key in keys]})
    assert taken.status_code == 201, taken.text
    shown = DevicePass(keys[0], taken.json()["passes"][0]["pass"])
    there = claims.venue_url(URL, "their-library")

    async def show_there() -> None:
        at = await offline.seconds(town)
        trust = replace(await offline.trust(town, shown), venue=there)
        verifier.verify(shown.signed + shown.key_binding(at), NONCE, trust, at)

    await show_there()
    assert await activity(wu, LIBRARY[0]) == [("city-library", "issued_for_other_city")]
    for language, sentence in (("en", "at a venue of another city"), ("zh-CN", "在另一城市场所使用的离线凭证")):
        rows = (await wu.get("/v1/me/access-log", {"Accept-Language": language})).json()["data"]
        assert [sentence in row["text"] for row in rows if row["what"] == LIBRARY[0]] == [True]
    assert (await wu.delete("/v1/me/passes")).json() == {"stopped": 1}
    await offline.begin_step(town)
    with pytest.raises(PassRefused) as error:
        await show_there()
    assert error.value.fault is PassFault.REVOKED
