"""A wallet of others answers a desk's request (OpenID4VP 1.0): npm `@openid4vc/openid4vp` with `@sd-jwt/sd-jwt-vc`.

The wallet reads the request, chooses a pass by DCQL and binds it to the request; nothing of it is ours. A campaign,
because it comes from npm. `python -m pytest -m campaign tests/clients/test_wallet.py`
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from benefits.passes import jose
from tests.clients.workshops import install, run_script
from tests.support import means, offline
from tests.support.city import City
from tests.support.means import LIBRARY, PARKING
from tests.support.offline import DevicePass

FOLDER = Path(__file__).parent / "wallet"
FINAL_VERSION = 100
"""The library's number of OpenID4VP 1.0; drafts have smaller ones."""
PATH = "/v1/venue/presentation-requests"

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.campaign,
    pytest.mark.skipif(not shutil.which("npm"), reason="needs Node.js with npm"),
]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wallet with its npm packages installed."""
    return install(tmp_path_factory.mktemp("wallet"), FOLDER)


def in_wallet(shown: DevicePass) -> dict[str, Any]:
    """A pass as the wallet stores it, with its private key."""
    private = shown.key.private_numbers().private_value.to_bytes(jose.COORDINATE_BYTES)
    return {"text": shown.signed, "jwk": {**jose.public_jwk(shown.key.public_key()), "d": jose.encode(private)}}


async def answers(town: City, folder: Path, requests: list[str], passes: list[DevicePass]) -> list[dict[str, Any]]:
    """The wallet's answers to requests, from these passes."""
    now = await offline.seconds(town)
    given = {"requests": requests, "passes": [in_wallet(shown) for shown in passes], "now": now}
    return await run_script(folder, "answer.mjs", given)


async def new_request(town: City, where: tuple[str, str]) -> dict[str, Any]:
    """A new request of a venue."""
    answer = await town.venue(where[1]).post(PATH, {"benefit_id": where[0]})
    assert answer.status_code == 201, answer.text
    new: dict[str, Any] = answer.json()
    return new


async def send(town: City, sent: dict[str, Any]) -> Any:
    """Send the HTTP request that the wallet has made."""
    return await town.client.request(sent["method"], sent["url"], headers=sent["headers"], content=sent["body"])


async def test_an_independent_wallet_answers_and_the_benefit_is_redeemed(town: City, workshop: Path) -> None:
    who = await means.driver(town)
    parking = await offline.take_passes(who, 2, PARKING)
    library = await offline.take_passes(await means.reader(town))
    new = await new_request(town, PARKING)
    # The wallet has passes of both venues, and chooses one of the venue that asks.
    (answer,) = await answers(town, workshop, [new["request_url"]], [*library, *parking])
    assert (answer["prefix"], answer["version"]) == ("redirect_uri", FINAL_VERSION)
    received = await send(town, answer["sent"])
    assert (received.status_code, received.json()) == (200, {})
    result = (await town.venue(PARKING[1]).get(f"{PATH}/{new['request_id']}")).json()
    assert (result["state"], result["verdict"]["applies"]) == ("answered", True)
    # The same answer again, and to another request.
    assert (await send(town, answer["sent"])).json() == {}
    other = await new_request(town, PARKING)
    sent = {**answer["sent"], "url": answer["sent"]["url"].replace(new["request_id"], other["request_id"])}
    assert (await send(town, sent)).json() == {}
    rows = (await town.venue(PARKING[1]).get("/v1/venue/redemptions")).json()["data"]
    assert len(rows) == 1


async def test_an_independent_wallet_refuses_what_it_does_not_have_and_what_was_changed(
    town: City, workshop: Path
) -> None:
    library = await offline.take_passes(await means.reader(town))
    url = (await new_request(town, PARKING))["request_url"]
    own = (await new_request(town, LIBRARY))["request_url"]
    elsewhere = own.replace("&response_uri=http%3A%2F%2Fcity.test", "&response_uri=http%3A%2F%2Fthief.test")
    assert elsewhere != own
    outcomes = await answers(town, workshop, [url, elsewhere, own], library)
    assert ["refused" in outcome for outcome in outcomes] == [True, True, False]
