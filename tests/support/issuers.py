"""Another city as this one knows it: its document, and the passes, key set and status list that its people bring."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from benefits.passes import claims, cwt, issuers, jose, sd_jwt, status_list
from benefits.passes.claims import PassClaims, StatusReference
from benefits.passes.jose import PrivateKey
from benefits.passes.status_list import ListTimes
from tests.factories import publish_document
from tests.support.city import City
from tests.support.offline import NONCE
from tests.support.offline import URL as CITY_URL
from tests.support.passes import new_key

URL = "https://other.example"
TYPE = f"{URL}/vct/library-deposit/1"
HOUR = 3_600
ISSUER: dict[str, Any] = {
    "issuer_id": "other-city",
    "url": URL,
    "name": {"zh-CN": "邻市", "en": "Neighbour City"},
    "division": "2101",
    "keys_sha256": "a" * 64,
    "recognises": [{"vct": TYPE, "benefit_id": "library-deposit"}],
}


@dataclass(frozen=True)
class OtherCity:
    """A city with its own key, whose passes are shown at a venue of this one."""

    url: str = URL
    key: PrivateKey = field(default_factory=new_key)

    @property
    def list_url(self) -> str:
        return f"{self.url}/v1/public/status-lists/7"

    def document(self, **changed: Any) -> dict[str, Any]:
        """This city's document about it."""
        pinned = issuers.key_set_sha256([jose.encode(jose.thumbprint(self.key.public_key()))])
        return {**ISSUER, "url": self.url, "keys_sha256": pinned, **changed}

    def metadata(self) -> str:
        """The document at its `/.well-known/jwt-vc-issuer`."""
        return json.dumps({"issuer": self.url, "jwks": {"keys": [jose.public_jwk(self.key.public_key())]}})

    def list_token(self, at: int, *revoked: int, lasts: int = HOUR) -> str:
        """Its status list as of some time before `at`."""
        return status_list.sign(self.key, self.list_url, revoked, ListTimes(at - 60, at - 60 + lasts, 300))

    def new_pass(self, at: int, place: int = 12_345, **changed: Any) -> ForeignPass:
        """A pass of this hour for the library here, with some claims changed."""
        device, begins = new_key(), at - at % HOUR
        members = PassClaims(
            issuer=self.url,
            benefit_type=f"{self.url}/vct/library-deposit/1",
            venue=claims.venue_url(CITY_URL, "city-library-main"),
            issued_at=begins,
            expires_at=begins + 24 * HOUR,
            device_key=device.public_key(),
            status=StatusReference(self.list_url, place),
        )
        return ForeignPass(self, device, replace(members, **changed))


@dataclass(frozen=True)
class ForeignPass:
    """A pass of another city with its device key."""

    city: OtherCity
    device: PrivateKey
    claims: PassClaims

    @property
    def signed(self) -> str:
        return sd_jwt.sign_pass(self.city.key, self.claims)

    def use(self, at: int) -> dict[str, Any]:
        """The pass and its key binding, as a venue sends them."""
        signed = self.signed
        key_binding = sd_jwt.sign_key_binding(self.device, signed, self.claims.venue, NONCE, at)
        return {"pass": signed, "presentation": key_binding}

    def shown(self, at: int, **changed: Any) -> dict[str, Any]:
        """The body of a redemption with a network."""
        return {
            **self.use(at),
            "issuer": self.city.metadata(),
            "status_list": self.city.list_token(at),
            **changed,
        }

    def scanned(self, at: int, **changed: Any) -> dict[str, Any]:
        """The body of a redemption by a QR code."""
        code = cwt.show(self.device, cwt.sign_pass(self.city.key, self.claims), at)
        return {"pass": code, "issuer": self.city.metadata(), "status_list": self.city.list_token(at), **changed}

    def upload(self, at: int, *revoked: int) -> dict[str, Any]:
        """The body of an upload of one use."""
        item = {**self.use(at), "at": datetime.fromtimestamp(at, UTC).isoformat()}
        lists = [self.city.list_token(at, *revoked)]
        return {"items": [item], "issuers": [self.city.metadata()], "status_lists": lists}


async def recognised(town: City, **changed: Any) -> OtherCity:
    """Another city that this one has recognised; `changed` are members of its document."""
    other = OtherCity()
    assert await publish_document(town, "issuers", "other-city", other.document(**changed)) == "in_force"
    return other
