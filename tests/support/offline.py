"""Devices with passes, and a venue that verifies their passes from what the city publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benefits.passes import claims, cwt, issuers, jose, sd_jwt, status_list
from benefits.passes.issuers import PassIssuer
from benefits.passes.jose import PrivateKey
from benefits.passes.verifier import Trust
from benefits.redemption.offline_passes import status_list_steps
from tests.support.city import City, Resident
from tests.support.means import LIBRARY, offer
from tests.support.passes import new_key

URL = "http://city.test"
NONCE = "nonce-of-the-desk-1"


@dataclass(frozen=True)
class DevicePass:
    """A pass as a device stores it: the key it was issued for, and its text."""

    key: PrivateKey
    signed: str
    compact: str = ""

    @property
    def claims(self) -> claims.PassClaims:
        return sd_jwt.take_apart(self.signed)[1]

    def key_binding(self, at: int, nonce: str = NONCE) -> str:
        """The key-binding JWT for a venue's nonce."""
        return sd_jwt.sign_key_binding(self.key, self.signed, self.claims.venue, nonce, at)

    def code(self, at: int) -> str:
        """The text of the QR code that the device draws."""
        return cwt.show(self.key, jose.decode(self.compact), at)


async def ask_for_passes(who: Resident, keys: list[PrivateKey], where: tuple[str, str] = LIBRARY) -> Any:
    """The answer to a request for passes with these device keys."""
    jwks = [jose.public_jwk(key.public_key()) for key in keys]
    return await who.post("/v1/me/passes", {**offer(where), "keys": jwks})


async def take_passes(who: Resident, count: int = 1, where: tuple[str, str] = LIBRARY) -> list[DevicePass]:
    """New passes; the answer must be 201."""
    keys = [new_key() for _ in range(count)]
    answer = await ask_for_passes(who, keys, where)
    assert answer.status_code == 201, answer.text
    return [
        DevicePass(key, row["pass"], row.get("compact", ""))
        for key, row in zip(keys, answer.json()["passes"], strict=False)
    ]


async def seconds(town: City) -> int:
    """The city's time in seconds since 1970."""
    return int((await town.app_context.clock()).timestamp())


async def begin_step(town: City) -> None:
    """Move the clock into the first second of the next step of the status lists."""
    now = await town.app_context.clock()
    # SQLite's clock counts milliseconds: at the beginning itself the next act would often belong to the step before.
    town.shift.by += status_list_steps.next_step(now) - now + timedelta(milliseconds=10)


async def issuer(town: City) -> PassIssuer:
    """The city as an issuer, from its published metadata."""
    answer = await town.client.get("/.well-known/jwt-vc-issuer")
    assert answer.status_code == 200, answer.text
    return issuers.read_metadata(answer.content, URL)


async def trust(town: City, *passes: DevicePass, where: tuple[str, str] = LIBRARY) -> Trust:
    """A venue's knowledge, fetched from the city now: keys, and the status lists that passes name."""
    trusted, at, lists = await issuer(town), await seconds(town), {}
    for uri in {shown.claims.status.uri for shown in passes}:
        answer = await town.client.get(uri)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == status_list.MEDIA_TYPE
        lists[uri] = status_list.read(answer.text, trusted, at)
    return Trust(claims.venue_url(URL, where[1]), (claims.benefit_type(URL, where[0], 1),), {URL: trusted}, lists)
