"""Passes that a venue scans while it has a network: redeemed at once, with the same bytes for every "no"."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consent.database import queries
from consent.kernel.instants import rfc3339
from service.auth.access_tokens import Audience
from tests.factories import administrator
from tests.support import means, offline
from tests.support.browsing import Browser
from tests.support.city import City
from tests.support.means import LIBRARY, PARKING
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
PATH = "/v1/venue/redemptions/pass"


async def scan(town: City, code: str, venue: str = LIBRARY[1], **options: Any) -> Any:
    """The answer to a scanned code."""
    return await town.venue(venue).post(PATH, {"pass": code}, **options)


async def test_a_scanned_pass_is_redeemed_once(town: City) -> None:
    who = await means.reader(town)
    code = (await offline.take_passes(who))[0].code(await offline.seconds(town))
    first = await scan(town, code, key="the-scan")
    assert first.status_code == 201, first.text
    granted = first.json()
    assert (granted["applies"], granted["benefit_id"], granted["effect"]["kind"]) == (
        True,
        LIBRARY[0],
        "deposit_waiver",
    )
    assert "wu" not in first.text
    assert (await scan(town, code, key="the-scan")).json() == granted
    assert (await scan(town, code)).json() == {"applies": False}
    day = (await town.venue().get("/v1/venue/redemptions")).json()["data"]
    assert [row["redemption_id"] for row in day] == [granted["redemption_id"]]
    rows = (await who.get("/v1/me/access-log")).json()["data"]
    assert [row["outcome"] for row in rows if row["what"] == LIBRARY[0]] == ["applies", "issued"]


async def test_no_pass_is_redeemed_while_records_are_withheld(town: City) -> None:
    (shown,) = await offline.take_passes(await means.driver(town), 1, PARKING)
    at = await offline.seconds(town)
    use = {"pass": shown.signed, "presentation": shown.key_binding(at)}
    upload = {"items": [{**use, "at": rfc3339(await town.app_context.clock())}]}
    await queries.execute("UPDATE log_head SET withheld = 1 WHERE log = 'consent'")
    for path, body in ((PATH, use), (PATH, {"pass": "hello"}), ("/v1/venue/redemptions/offline", upload)):
        refused = await town.venue(PARKING[1]).post(path, body)
        assert (refused.status_code, refused.json()["code"]) == (503, "records_withheld")
    await queries.execute("UPDATE log_head SET withheld = 0 WHERE log = 'consent'")
    assert (await scan(town, shown.code(at), PARKING[1])).status_code == 201


async def test_every_no_is_the_same_bytes(town: City) -> None:
    who, erased = await means.driver(town), await means.driver(town, "qian")
    passes, at = await offline.take_passes(who, 3, PARKING), await offline.seconds(town)
    theirs = (await offline.take_passes(erased, 1, PARKING))[0]
    assert (await erased.delete("/v1/me")).status_code == 200
    elsewhere = await scan(town, passes[0].code(at))
    thief = offline.DevicePass(new_key(), passes[0].signed, passes[0].compact)
    codes = ["CE1:", "CE1:NCFOXN", "hello", passes[0].code(at - 3_600), thief.code(at), theirs.code(at)]
    answers = [elsewhere, *[await scan(town, code, PARKING[1]) for code in codes]]
    assert (await scan(town, passes[1].code(at), PARKING[1])).status_code == 201
    answers.append(await scan(town, passes[1].code(at), PARKING[1]))
    assert (await who.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    answers.append(await scan(town, passes[2].code(at), PARKING[1]))
    hidden = {"date", "x-request-id", "ratelimit"}
    seen = {
        (answer.status_code, answer.content, *sorted(name for name in answer.headers if name not in hidden))
        for answer in answers
    }
    assert len(seen) == 1, seen
    assert answers[0].json() == {"applies": False}


async def test_an_expired_pass_and_one_of_a_suspended_benefit_are_a_no(town: City) -> None:
    passes = await offline.take_passes(await means.driver(town), 2, PARKING)
    path = f"/v1/admin/benefits/{PARKING[0]}/versions/1/suspend"
    assert (await administrator(town).post(path)).status_code == 200
    assert (await scan(town, passes[0].code(await offline.seconds(town)), PARKING[1])).json() == {"applies": False}
    town.shift.by = timedelta(hours=25)
    assert (await scan(town, passes[1].code(await offline.seconds(town)), PARKING[1])).json() == {"applies": False}
    assert await queries.fetch_all("SELECT 1 AS one FROM redemption") == []


@pytest.mark.both_engines
async def test_the_desk_redeems_a_pass_and_checks_none(town: City) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    code = shown.code(await offline.seconds(town))
    desk = await Browser(town).sign_in(Audience.VENUE, LIBRARY[1])
    await desk.send("/desk/answer", handle=code, act="check")
    assert "This code can only be redeemed" in desk.text
    form = next(form for form in desk.forms if form.action == "/desk/answer")
    assert dict(form.fields)["handle"] == code
    await desk.submit(form, act="redeem")
    assert "Redeemed : No deposit, up to ¥100" in desk.text
    await desk.send("/desk/answer", handle=f" {code}", act="redeem")
    assert "Standard terms apply" in desk.text
