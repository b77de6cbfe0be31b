"""Requests of a desk for a pass in a wallet (OpenID4VP 1.0): answered once, the same answer to every wallet."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from benefits.passes import sd_jwt
from benefits.redemption.offline_passes import wallet_requests
from consent.database import queries
from service.auth.access_tokens import Audience
from service.jobs import background
from tests.factories import administrator, publish_document
from tests.support import means, offline
from tests.support.browsing import Browser
from tests.support.city import City
from tests.support.issuers import URL as OTHER_URL
from tests.support.issuers import recognised
from tests.support.means import CHECKUP, LIBRARY, PARKING
from tests.support.offline import URL, DevicePass
from tests.support.passes import new_key

pytestmark = [pytest.mark.anyio, pytest.mark.both_engines(everyday=False)]
PATH = "/v1/venue/presentation-requests"
REDEMPTION_MEMBERS = {"applies", "redemption_id", "benefit_id", "effect", "terms", "runs_until"}


async def new_request(town: City, where: tuple[str, str] = PARKING) -> dict[str, Any]:
    """A new request of a venue."""
    answer = await town.venue(where[1]).post(PATH, {"benefit_id": where[0]})
    assert answer.status_code == 201, answer.text
    new: dict[str, Any] = answer.json()
    return new


def read(new: dict[str, Any]) -> dict[str, str]:
    """The parameters of a request, as a wallet reads them."""
    link = urlsplit(new["request_url"])
    assert link.scheme == "openid4vp"
    return {name: value for name, (value,) in parse_qs(link.query, strict_parsing=True).items()}


async def answer_of(town: City, shown: DevicePass, request: dict[str, str], **changed: Any) -> dict[str, str]:
    """The form that a wallet posts; some members of the key binding or of the form may be changed."""
    binding: dict[str, Any] = {"key": shown.key, "aud": request["client_id"], "nonce": request["nonce"], "late": 0}
    binding.update({name: changed.pop(name) for name in [*changed] if name in binding})
    at = await offline.seconds(town) - binding["late"]
    signed = sd_jwt.sign_key_binding(binding["key"], shown.signed, binding["aud"], binding["nonce"], at)
    return {"vp_token": json.dumps({"pass": [shown.signed + signed]}), "state": request["state"], **changed}


async def post(town: City, request: dict[str, str], form: dict[str, str]) -> Any:
    """The answer to a posted form."""
    return await town.client.post(request["response_uri"], data=form)


async def verdict(town: City, new: dict[str, Any], where: tuple[str, str] = PARKING) -> dict[str, Any]:
    """The state and verdict of a request, as its venue reads them."""
    answer = await town.venue(where[1]).get(f"{PATH}/{new['request_id']}")
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def test_a_request_asks_for_one_pass_and_for_nobody(town: City) -> None:
    request = read(await new_request(town))
    assert request["client_id"] == f"redirect_uri:{request['response_uri']}"
    assert (request["response_type"], request["response_mode"]) == ("vp_token", "direct_post")
    assert len({request["nonce"], request["state"]}) == 2
    (query,) = json.loads(request["dcql_query"])["credentials"]
    assert query["format"] == "dc+sd-jwt"
    assert query["meta"] == {"vct_values": [f"{URL}/vct/{PARKING[0]}/1"]}
    assert query["claims"] == [{"path": ["aud"], "values": [f"{URL}/venues/{PARKING[1]}"]}]
    assert query["require_cryptographic_holder_binding"] is True


async def test_a_pass_of_the_version_before_answers_for_a_day(town: City) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    body = (await administrator(town).get(f"/v1/admin/benefits/{LIBRARY[0]}")).json()["document"]
    for up_to_fen in (2_000, 4_000):
        body["effect"]["up_to_fen"] = up_to_fen
        assert await publish_document(town, "benefits", LIBRARY[0], body) == "in_force"
    new = await new_request(town, LIBRARY)
    request = read(new)
    assert versions_asked_for(request) == [1, 2, 3]
    assert (await post(town, request, await answer_of(town, shown, request))).status_code == 200
    # The venue is told the present version, which is what it honours.
    assert (await verdict(town, new, LIBRARY))["verdict"]["effect"] == body["effect"]
    town.shift.by += timedelta(days=1, seconds=1)
    assert versions_asked_for(read(await new_request(town, LIBRARY))) == [3]


def versions_asked_for(request: dict[str, str]) -> list[int]:
    """The versions of the benefit of which a request takes a pass."""
    (query,) = json.loads(request["dcql_query"])["credentials"]
    return [int(value.rpartition("/")[2]) for value in query["meta"]["vct_values"]]


async def test_a_benefit_of_places_is_not_asked_for(town: City) -> None:
    refused = await town.venue(CHECKUP[1]).post(PATH, {"benefit_id": CHECKUP[0]})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_offline_pass")
    desk = await Browser(town).sign_in(Audience.VENUE, CHECKUP[1])
    assert f'value="{CHECKUP[0]}"' not in (await desk.go("/desk/wallet")).html


async def test_a_wallets_answer_redeems_once(town: City) -> None:
    who = await means.driver(town)
    shown, other = await offline.take_passes(who, 2, PARKING)
    new = await new_request(town)
    request = read(new)
    assert await verdict(town, new) == {"request_id": new["request_id"], "state": "open"}
    received = await post(town, request, await answer_of(town, shown, request))
    assert (received.status_code, received.json()) == (200, {})
    result = await verdict(town, new)
    assert (result["state"], result["verdict"].keys()) == ("answered", REDEMPTION_MEMBERS)
    again = await post(town, request, await answer_of(town, other, request))
    assert again.content == received.content
    assert await verdict(town, new) == result
    rows = (await town.venue(PARKING[1]).get("/v1/venue/redemptions")).json()["data"]
    assert [row["redemption_id"] for row in rows] == [result["verdict"]["redemption_id"]]
    assert (await who.get("/v1/me/passes")).json()["data"][0]["number"] == 1
    assert (await town.venue(LIBRARY[1]).get(f"{PATH}/{new['request_id']}")).status_code == 404


async def test_every_no_is_the_same_to_wallet_and_venue(town: City) -> None:
    passes = await offline.take_passes(await means.driver(town), 10, PARKING)
    erased = await means.driver(town, "qian")
    theirs = (await offline.take_passes(erased, 1, PARKING))[0]
    assert (await erased.delete("/v1/me")).status_code == 200
    library = (await offline.take_passes(await means.reader(town, "zhou")))[0]
    # Of a city that is recognised for this very benefit, for this venue: a wallet brings no key set and no status list.
    of_parking = {"vct": f"{OTHER_URL}/vct/{PARKING[0]}/1", "benefit_id": PARKING[0]}
    other = await recognised(town, recognises=[of_parking])
    here = f"{URL}/venues/{PARKING[1]}"
    visitor = other.new_pass(await offline.seconds(town), benefit_type=of_parking["vct"], venue=here)
    foreign = DevicePass(visitor.device, visitor.signed)
    attempts: list[tuple[DevicePass, dict[str, Any]]] = [
        (passes[0], {"nonce": "another-nonce-of-the-desk"}),
        (passes[1], {"aud": passes[1].claims.venue}),
        (passes[2], {"key": new_key()}),
        (passes[3], {"late": 3_600}),
        (passes[4], {"vp_token": "x"}),
        (passes[5], {"vp_token": json.dumps({"pass": [passes[5].signed]})}),
        (passes[6], {"vp_token": json.dumps({"other": ["x"]})}),
        (passes[7], {"vp_token": "", "error": "access_denied"}),
        (theirs, {}),
        (library, {}),
        (foreign, {}),
    ]
    wallet, venue = set(), set()
    for shown, changed in attempts:
        new = await new_request(town)
        request = read(new)
        wallet.add((await post(town, request, await answer_of(town, shown, request, **changed))).content)
        venue.add(json.dumps({**await verdict(town, new), "request_id": ""}))
    assert wallet == {b"{}"}
    assert venue == {json.dumps({"request_id": "", "state": "answered", "verdict": {"applies": False}})}
    assert await queries.fetch_all("SELECT 1 AS one FROM redemption") == []


async def test_another_state_and_an_unknown_request_take_nothing(town: City) -> None:
    shown = (await offline.take_passes(await means.driver(town), 1, PARKING))[0]
    new = await new_request(town)
    request = read(new)
    for changed in ({"state": "x" * 22}, {"state": ""}, {"state": "é"}):
        form = await answer_of(town, shown, request, **changed)
        assert (await post(town, request, form)).json() == {}
    nowhere = {**request, "response_uri": f"{URL}/v1/public/presentations/{'0' * 32}"}
    assert (await post(town, nowhere, await answer_of(town, shown, request))).json() == {}
    assert (await verdict(town, new))["state"] == "open"
    await post(town, request, await answer_of(town, shown, request))
    assert (await verdict(town, new))["verdict"]["applies"]


async def test_a_request_ends_after_three_minutes_and_is_deleted_after_a_day(town: City) -> None:
    shown = (await offline.take_passes(await means.driver(town), 1, PARKING))[0]
    new = await new_request(town)
    town.shift.by = wallet_requests.REQUEST_LIFE
    request = read(new)
    assert (await post(town, request, await answer_of(town, shown, request))).json() == {}
    assert (await verdict(town, new)) == {"request_id": new["request_id"], "state": "expired"}
    town.shift.by = timedelta(days=1, minutes=4)
    await background.run_cleanup(town.app_context)
    assert (await town.venue(PARKING[1]).get(f"{PATH}/{new['request_id']}")).status_code == 404


async def test_bodies_are_small_forms(town: City) -> None:
    request = read(await new_request(town))
    large = await post(town, request, {"vp_token": "x" * 9_000, "state": request["state"]})
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    as_json = await town.client.post(request["response_uri"], json={"state": request["state"]})
    assert (as_json.status_code, as_json.json()["code"]) == (415, "not_a_form")
    for raw in (b"\xff\xfe", b"a", b"&".join(b"a=%d" % number for number in range(50))):
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await town.client.post(request["response_uri"], content=raw, headers=form)
        assert (answer.status_code, answer.json()) == (200, {})


async def ask_at_once(town: City, count: int) -> list[tuple[int, str]]:
    """The statuses of requests that a venue makes at once, each with its code, if any; sorted."""
    desk = town.venue(PARKING[1])
    answers = await asyncio.gather(*(desk.post(PATH, {"benefit_id": PARKING[0]}) for _ in range(count)))
    return sorted((answer.status_code, answer.json().get("code", "")) for answer in answers)


async def test_a_venue_has_few_open_requests_however_many_ask_at_once(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallet_requests, "OPEN_REQUESTS_MAX", 3)
    first = read(await new_request(town))
    assert await ask_at_once(town, 8) == [(201, "")] * 2 + [(409, "conflict")] * 6
    # An answer allows one more, and the end of all as many as before; another venue has its own limit.
    await post(town, first, {"state": first["state"], "vp_token": "", "error": "access_denied"})
    assert await ask_at_once(town, 4) == [(201, "")] + [(409, "conflict")] * 3
    await new_request(town, LIBRARY)
    town.shift.by = wallet_requests.REQUEST_LIFE
    assert await ask_at_once(town, 4) == [(201, "")] * 3 + [(409, "conflict")]


async def test_requests_of_a_day_are_bounded_answered_or_not(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallet_requests, "STORED_REQUESTS_MAX", 3)
    new = await new_request(town)
    answered = read(new)
    await post(town, answered, {"state": answered["state"], "vp_token": "", "error": "access_denied"})
    town.shift.by = wallet_requests.REQUEST_LIFE
    assert await ask_at_once(town, 6) == [(201, "")] * 2 + [(409, "conflict")] * 4
    town.shift.by += timedelta(days=1) - wallet_requests.REQUEST_LIFE
    await background.run_cleanup(town.app_context)
    assert (await verdict(town, new))["state"] == "answered"
    town.shift.by += wallet_requests.REQUEST_LIFE
    await background.run_cleanup(town.app_context)
    assert (await town.venue(PARKING[1]).get(f"{PATH}/{new['request_id']}")).status_code == 404
    assert await ask_at_once(town, 2) == [(201, ""), (409, "conflict")]


async def test_a_venue_requests_passes_of_its_own_benefits_alone(town: City) -> None:
    elsewhere = await town.venue(PARKING[1]).post(PATH, {"benefit_id": LIBRARY[0]})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "not_found")


@pytest.mark.both_engines
async def test_the_desk_shows_the_request_and_its_verdict(town: City) -> None:
    shown = (await offline.take_passes(await means.reader(town)))[0]
    desk = await Browser(town).sign_in(Audience.VENUE, LIBRARY[1])
    await desk.go("/desk/wallet")
    await desk.send("/desk/wallet", benefit_id=LIBRARY[0])
    assert "Let the wallet app scan this" in desk.text
    link = next(word for word in desk.text.split() if word.startswith("openid4vp://"))
    request = read({"request_url": link})
    path = f"/desk/wallet/{request['response_uri'].rpartition('/')[2]}"
    assert (await desk.go(path)).text.count("No answer yet.") == 1
    await post(town, request, await answer_of(town, shown, request))
    assert (await desk.client.get(f"{path}/state")).text == "answered"
    assert "Redeemed : No deposit, up to ¥100" in (await desk.go(path)).text


async def test_a_verdict_is_of_what_was_redeemed_whatever_happens_to_the_benefit(town: City) -> None:
    (shown,) = await offline.take_passes(await means.driver(town), 1, PARKING)
    new = await new_request(town)
    request = read(new)
    await post(town, request, await answer_of(town, shown, request))
    result = await verdict(town, new)
    assert result["verdict"]["applies"] is True
    path = f"/v1/admin/benefits/{PARKING[0]}"
    assert (await administrator(town).post(f"{path}/versions/1/suspend")).status_code == 200
    assert await verdict(town, new) == result
    # A redemption that was taken back is none.
    reversal = f"/v1/venue/redemptions/{result['verdict']['redemption_id']}/reversal"
    reversed_ = await town.venue(PARKING[1]).post(reversal, {"reason_code": "mistaken_scan"})
    assert reversed_.status_code == 200, reversed_.text
    assert (await verdict(town, new))["verdict"] == {"applies": False}
