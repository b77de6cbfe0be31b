"""T5: libraries of others accept our passes with their status list: npm `jose` and `@sd-jwt/sd-jwt-vc`.

Both are acceptors of what we issue, and no verifiers of ours: each attack that they let pass is refused by
`benefits.passes`, as tests/benefits/passes shows. A campaign, because they come from npm.
`python -m pytest -m campaign tests/clients/test_pass_acceptors.py`
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from benefits.passes import sd_jwt, verifier
from benefits.passes.refusals import PassRefused
from tests.clients.workshops import install, run_script
from tests.support import means, offline
from tests.support.city import City
from tests.support.means import LIBRARY, PARKING
from tests.support.offline import NONCE, DevicePass

FOLDER = Path(__file__).parent / "passes"
LIBRARIES = {"jose", "sd-jwt-vc"}

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.campaign,
    pytest.mark.skipif(not shutil.which("npm"), reason="needs Node.js with npm"),
]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script with the npm packages installed."""
    return install(tmp_path_factory.mktemp("passes"), FOLDER)


async def answers(town: City, folder: Path, *shown: dict[str, Any]) -> list[dict[str, dict[str, Any]]]:
    """The outcome of each shown pass by library, from what the city publishes now."""
    metadata = (await town.client.get("/.well-known/jwt-vc-issuer")).json()
    uris = {sd_jwt.take_apart(row["text"].partition("~")[0] + "~")[1].status.uri for row in shown}
    lists = {uri: (await town.client.get(uri)).text for uri in uris}
    return await run_script(folder, "accept.mjs", {"metadata": metadata, "lists": lists, "shown": shown})


def row(shown: DevicePass, now: int, nonce: str = NONCE, **changed: Any) -> dict[str, Any]:
    """A shown pass as the script reads it."""
    text = shown.signed + shown.key_binding(now)
    return {"text": text, "nonce": nonce, "now": now, "venue": shown.claims.venue, **changed}


async def test_t5_independent_libraries_accept_our_passes(town: City, workshop: Path) -> None:
    passes = await offline.take_passes(await means.driver(town), 10, PARKING)
    now = await offline.seconds(town)
    for shown, outcome in zip(
        passes, await answers(town, workshop, *(row(shown, now) for shown in passes)), strict=True
    ):
        assert outcome == {library: {"claims": shown.claims.members()} for library in LIBRARIES}


async def test_t5_they_read_our_status_list_and_key_binding(town: City, workshop: Path) -> None:
    who, other = await means.reader(town), await means.reader(town, "chen")
    shown, revoked = (await offline.take_passes(who))[0], (await offline.take_passes(other))[0]
    assert (await other.post("/v1/me/withdrawals", {"scope": "all"})).status_code == 200
    await offline.begin_step(town)
    now = await offline.seconds(town)
    attacks = [
        row(revoked, now),
        row(shown, now, nonce="a-nonce-of-yesterday"),
        row(shown, now + 25 * 3_600),
        row(shown, now, text=shown.signed + revoked.key_binding(now)),
        row(shown, now, text=shown.signed),
    ]
    for attack, outcome in zip(attacks, await answers(town, workshop, *attacks), strict=True):
        assert {library for library, result in outcome.items() if "refused" in result} == LIBRARIES
        trust = await offline.trust(town, shown, revoked, where=LIBRARY)
        with pytest.raises(PassRefused):
            verifier.verify(attack["text"], attack["nonce"], trust, attack["now"])
