"""T6: uses of passes without a network, uploaded later: each booked once, the excess at the venue's cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benefits.passes import cwt, jose, sd_jwt
from consent.database import queries
from consent.verification import logs
from service.jobs import background
from tests.support import means, offline
from tests.support.city import City
from tests.support.means import LIBRARY, PARKING
from tests.support.offline import NONCE, DevicePass
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]


def item(shown: DevicePass, at: int, **changed: Any) -> dict[str, Any]:
    """A use as a venue uploads it."""
    instant = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return {"pass": shown.signed, "presentation": shown.key_binding(at), "at": instant, **changed}


async def upload(town: City, *items: dict[str, Any], venue: str = LIBRARY[1]) -> list[dict[str, Any]]:
    answer = await town.venue(venue).post("/v1/venue/redemptions/offline", {"items": list(items)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def results(town: City, *items: dict[str, Any], venue: str = LIBRARY[1]) -> list[str]:
    return [row["result"] for row in await upload(town, *items, venue=venue)]


async def taken(benefit_id: str = "library-deposit") -> int:
    rows = await queries.fetch_all("SELECT taken FROM quota_use")
    return sum(row["taken"] for row in rows)


@pytest.mark.both_engines
async def test_t6_a_use_is_booked_once(town: City) -> None:
    who = await means.reader(town)
    shown, at = (await offline.take_passes(who))[0], await offline.seconds(town)
    first = (await upload(town, item(shown, at)))[0]
    again = (await upload(town, item(shown, at)))[0]
    assert first["result"] == "booked"
    assert again == {**first, "result": "already_booked"}
    assert await taken() == 1
    day = (await town.venue().get("/v1/venue/redemptions")).json()["data"]
    assert [row["redemption_id"] for row in day] == [first["redemption_id"]]
    rows = (await who.get("/v1/me/access-log")).json()["data"]
    assert [row["outcome"] for row in rows if row["what"] == "library-deposit"] == ["applies", "issued"]
    reports = await logs.check_all(town.app_context.keyring, town.app_context.settings.publisher)
    assert {name: report.fault for name, report in reports.items()} == dict.fromkeys(reports)


async def test_the_export_has_the_passes_and_their_uses(town: City) -> None:
    who = await means.driver(town)
    passes, at = await offline.take_passes(who, 2, PARKING), await offline.seconds(town)
    assert await results(town, item(passes[0], at), venue=PARKING[1]) == ["booked"]
    exported = (await who.get("/v1/me/export")).json()["passes"]
    assert [(row["benefit_id"], row["venue_id"]) for row in exported] == [PARKING] * 2
    used = datetime.fromtimestamp(at, UTC)
    uses = [row["used_at"] and datetime.fromisoformat(row["used_at"]) for row in exported]
    assert sorted(uses, key=str) == [used, None]
    assert (await town.resident("nobody").get("/v1/me/export")).json()["passes"] == []


async def test_t6_the_same_upload_again_gets_the_stored_answer(town: City) -> None:
    shown, at = (await offline.take_passes(await means.reader(town)))[0], await offline.seconds(town)
    body = {"items": [item(shown, at)]}
    first, second = [await town.venue().post("/v1/venue/redemptions/offline", body, key="one") for _ in range(2)]
    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")


async def test_t6_a_pass_honoured_twice_is_borne_by_the_venue(town: City) -> None:
    shown, at = (await offline.take_passes(await means.driver(town), 1, PARKING))[0], await offline.seconds(town)
    # A pass begins with its hour: a use of a minute before could be before it.
    twice = [item(shown, at), item(shown, at + 1)]
    assert await results(town, *twice, venue=PARKING[1]) == ["booked", "venue_bears"]
    assert len(await queries.fetch_all("SELECT 1 AS one FROM redemption")) == 1


async def test_t6_beyond_the_quota_the_venue_bears_and_nothing_is_counted(town: City) -> None:
    who = await means.reader(town)
    shown, at = (await offline.take_passes(who))[0], await offline.seconds(town)
    # The day's use was taken online meanwhile.
    handle = (await who.ticket())["handle"]
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    borne = await upload(town, item(shown, at))
    assert borne == [{"result": "venue_bears"}]
    assert await taken() == 1
    # Nothing is owed: tomorrow the benefit applies as ever.
    town.shift.by = timedelta(days=1)
    assert (await offline.ask_for_passes(who, [new_key()])).status_code == 201


async def test_t6_a_quota_that_was_used_up_binds_uploads_of_three_days_later(town: City) -> None:
    who = await means.reader(town)
    shown, at = (await offline.take_passes(who))[0], await offline.seconds(town)
    handle = (await who.ticket())["handle"]
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201
    for hours in (50, 94):
        town.shift.by = timedelta(hours=hours)
        await background.run_cleanup(town.app_context)
        assert await taken() == 1
    assert await results(town, item(shown, at)) == ["venue_bears"]
    town.shift.by = timedelta(days=7)
    await background.run_cleanup(town.app_context)
    assert await taken() == 0


async def test_t6_a_use_of_before_a_withdrawal_is_booked_and_of_after_it_is_borne(town: City) -> None:
    who = await means.driver(town)
    passes, start = await offline.take_passes(who, 2, PARKING), await offline.seconds(town)
    town.shift.by = timedelta(minutes=30)
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    town.shift.by = timedelta(minutes=60)
    uses = item(passes[0], start + 60), item(passes[1], start + 45 * 60)
    assert await results(town, *uses, venue=PARKING[1]) == ["booked", "venue_bears"]


async def test_t6_under_a_later_consent_the_venue_bears_the_pass_of_a_withdrawn_one(town: City) -> None:
    who = await means.driver(town)
    shown = (await offline.take_passes(who, 1, PARKING))[0]
    town.shift.by = timedelta(minutes=55)
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    town.shift.by = timedelta(minutes=115)
    await who.consent_to_provider("riverside-parking")
    at = await offline.seconds(town) + 1
    assert await results(town, item(shown, at), venue=PARKING[1]) == ["venue_bears"]


async def test_t6_after_an_erasure_the_venue_bears_it(town: City) -> None:
    who = await means.reader(town)
    shown, at = (await offline.take_passes(who))[0], await offline.seconds(town)
    assert (await who.delete("/v1/me")).status_code == 200
    assert await upload(town, item(shown, at + 1)) == [{"result": "venue_bears"}]


async def test_t6_every_reason_that_is_about_a_person_has_one_answer(town: City) -> None:
    erased, withdrawn = await means.driver(town, "qian"), await means.driver(town, "sun")
    passes = [(await offline.take_passes(who, 1, PARKING))[0] for who in (erased, withdrawn)]
    await erased.delete("/v1/me")
    await withdrawn.post("/v1/me/withdrawals", {"scope": "all"})
    at = await offline.seconds(town) + 1
    for shown in passes:
        assert await upload(town, item(shown, at), venue=PARKING[1]) == [{"result": "venue_bears"}]


async def test_t6_what_is_no_valid_use_is_refused(town: City) -> None:
    who, thief = await means.reader(town), new_key()
    shown, at = (await offline.take_passes(who))[0], await offline.seconds(town)
    stolen = DevicePass(thief, shown.signed)
    forged = DevicePass(thief, sd_jwt.sign_pass(thief, shown.claims))
    stale = item(shown, at, presentation=shown.key_binding(at - 3_600))
    other = sd_jwt.sign_key_binding(shown.key, shown.signed, "http://city.test/venues/riverside-parking-1", NONCE, at)
    later = item(shown, at + 3_600)
    uses = [item(stolen, at), item(forged, at), stale, item(shown, at, presentation=other), later,
            item(shown, at, presentation="x.y.z"), item(shown, at, **{"pass": "~"})]  # fmt: skip
    assert await results(town, *uses) == ["refused"] * len(uses)
    assert await results(town, item(shown, at), venue=PARKING[1]) == ["refused"]
    assert await queries.fetch_all("SELECT 1 AS one FROM redemption") == []


async def test_t6_uploads_end_three_days_after_the_pass(town: City) -> None:
    who = await means.driver(town)
    passes, at = await offline.take_passes(who, 2, PARKING), await offline.seconds(town)
    town.shift.by = timedelta(hours=90)
    assert await results(town, item(passes[0], at), venue=PARKING[1]) == ["booked"]
    await background.run_cleanup(town.app_context)
    town.shift.by = timedelta(hours=97)
    await background.run_cleanup(town.app_context)
    assert await results(town, item(passes[1], at), venue=PARKING[1]) == ["refused"]
    # The redemption stays and leads to nobody.
    rows = await queries.fetch_all("SELECT handle_index, redemption_id FROM redemption")
    assert [row["handle_index"] for row in rows] == [row["redemption_id"] for row in rows]
    assert len(rows) == 1


async def test_t6_a_scanned_pass_is_booked_once_in_either_form(town: City) -> None:
    key = new_key()
    answer = await offline.ask_for_passes(await means.driver(town), [key], PARKING)
    row, at = answer.json()["passes"][0], await offline.seconds(town)
    code = cwt.show(key, jose.decode(row["compact"]), at)
    trust = await offline.trust(town, DevicePass(key, row["pass"]), where=PARKING)
    assert cwt.verify(code, trust, at).claims == DevicePass(key, row["pass"]).claims
    instant = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    scanned = {"pass": code, "at": instant}
    assert await results(town, scanned, scanned, venue=PARKING[1]) == ["booked", "already_booked"]
    assert await results(town, item(DevicePass(key, row["pass"]), at + 1), venue=PARKING[1]) == ["venue_bears"]
    assert await results(town, scanned) == ["refused"]


async def test_a_booked_use_is_taken_back_on_its_day(town: City) -> None:
    shown, at = (await offline.take_passes(await means.reader(town)))[0], await offline.seconds(town)
    redemption_id = (await upload(town, item(shown, at)))[0]["redemption_id"]
    path = f"/v1/venue/redemptions/{redemption_id}/reversal"
    assert (await town.venue().post(path, {"reason_code": "mistaken_scan"})).status_code == 200
    assert await taken() == 0


@pytest.mark.parametrize("at", ["yesterday", "2027-01-02", "2027-01-02T08:00:00", ""])
async def test_a_time_in_another_form_is_named(town: City, at: str) -> None:
    body = {"items": [{"pass": "x~", "presentation": "x", "at": at}]}
    answer = await town.venue().post("/v1/venue/redemptions/offline", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/items/0/at")


async def test_a_time_that_no_calendar_has_is_refused_alone(town: City) -> None:
    shown, at = (await offline.take_passes(await means.reader(town)))[0], await offline.seconds(town)
    times = ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+08:00", "0001-01-01T00:00:00Z")
    uses = [{**item(shown, at), "at": text} for text in times]
    assert await results(town, *uses, item(shown, at)) == ["refused"] * len(times) + ["booked"]


async def test_a_suspended_venue_uploads_nothing(town: City) -> None:
    body = {"items": [{"pass": "x~", "presentation": "x", "at": "2027-01-02T08:00:00Z"}]}
    answer = await town.venue("no-venue").post("/v1/venue/redemptions/offline", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "suspended")
