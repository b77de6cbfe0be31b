"""Forged tokens sent to the running service, with its keys behind a real HTTP server that counts requests (API2)."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx2
import pytest

from service.app import create_app
from service.auth.access_tokens import Audience, TokenVerifier, remote_sources
from service.auth.jwks import COOLDOWN_SECONDS
from service.http.rate_limits import make_limiter
from service.settings import Settings
from tests.service.auth.test_forgeries import public_forms
from tests.support import city
from tests.support.city import City
from tests.support.tokens import claims, documents, ec_jwk, ec_key, listener, segment, token, trusted

pytestmark = pytest.mark.anyio
PATH = "/v1/me/points"


@asynccontextmanager
async def service_with_keys_at(url: str, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """Run the application with the keys of an identity provider that is reached over HTTP."""
    issuers = trusted(jwks_url=url)
    limiter = make_limiter(None, city.UNLIMITED)
    app = create_app(settings, TokenVerifier(issuers, remote_sources(issuers)), limiter=limiter)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://city.test") as client:
            yield client


def current(audience: Audience = Audience.RESIDENT, **more: Any) -> dict[str, Any]:
    """Return claims of a token that is valid by the clock of this machine."""
    second = int(datetime.now(UTC).timestamp())
    return claims(audience, **{"iat": second, "exp": second + 300, **more})


async def answered(client: httpx2.AsyncClient, text: str, path: str = PATH) -> tuple[int, str]:
    """Return status and code of a call with a token."""
    answer = await client.get(path, headers={"Authorization": f"Bearer {text}"})
    return answer.status_code, answer.json().get("code", "")


REFUSED = (401, "token_invalid")


async def test_no_forged_token_opens_anything_or_makes_the_service_fetch(
    shared_city_settings: Settings,
) -> None:
    attacker = ec_key("attacker")
    evil = {"keys": [ec_jwk(attacker, "ec-1"), ec_jwk(attacker, "evil")]}
    with listener(documents()) as (url, fetched), listener(evil) as (elsewhere, seen):
        async with service_with_keys_at(url, shared_city_settings) as client:
            assert (await answered(client, token(current())))[0] == 200
            for header in (
                {"jku": elsewhere},
                {"x5u": elsewhere},
                {"jwk": ec_jwk(attacker, "ec-1")},
                {"x5c": ["AAAA"]},
                {"jku": elsewhere, "kid": "evil"},
                {"kid": elsewhere},
                {"kid": f"{elsewhere}#ec-1"},
                {"kid": "../../../../dev/null"},
                {"kid": "' UNION SELECT 'key' --"},
                {"kid": "ec-1\x00.pem"},
                {"crit": ["exp"]},
            ):
                assert await answered(client, token(current(), key=attacker, **header)) == REFUSED, header
                if "kid" not in header and "crit" not in header:
                    assert (await answered(client, token(current(), **header)))[0] == 200
            assert seen == [], "no address in a token is ever asked"
            assert len(fetched) <= 2, "and the provider is asked at the start, and once for all unknown kids"


async def test_a_public_key_in_any_form_signs_nothing(shared_city_settings: Settings) -> None:
    """HS256 with the public key as secret: PEM, DER, JWK, raw point, compressed point."""
    with listener(documents()) as (url, _):
        async with service_with_keys_at(url, shared_city_settings) as client:
            for algorithm in ("HS256", "HS384", "HS512"):
                for name, secret in public_forms().items():
                    head = {"alg": algorithm, "typ": "at+jwt", "kid": name.split()[0]}
                    text = f"{segment(json.dumps(head).encode())}.{segment(json.dumps(current()).encode())}"
                    mac = hmac.digest(secret, text.encode(), algorithm.replace("HS", "sha"))
                    assert await answered(client, f"{text}.{segment(mac)}") == REFUSED, (algorithm, name)
            for spelling in ("none", "None", "nOnE", ""):
                head = {"alg": spelling, "typ": "at+jwt", "kid": "ec-1"}
                text = f"{segment(json.dumps(head).encode())}.{segment(json.dumps(current()).encode())}."
                assert await answered(client, text) == REFUSED


async def test_a_thousand_unknown_kids_cause_at_most_one_fetch(shared_city_settings: Settings) -> None:
    with listener(documents()) as (url, fetched):
        async with service_with_keys_at(url, shared_city_settings) as client:
            assert len(fetched) == 1
            began = time.monotonic()
            texts = [token(current(), kid=secrets.token_hex(16)) for _ in range(1_000)]
            for text in texts:
                assert await answered(client, text) == REFUSED
            with anyio.move_on_after(20):  # the fetch happens in the background
                while len(fetched) < 2:  # noqa: ASYNC110
                    await anyio.sleep(0.02)
            for text in texts:
                assert await answered(client, text) == REFUSED
            # One for each cooldown that has begun: a single one, unless this machine is very slow.
            assert 2 <= len(fetched) <= 2 + (time.monotonic() - began) // COOLDOWN_SECONDS
            assert (await answered(client, token(current())))[0] == 200


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "iat", "exp"])
async def test_a_token_without_a_required_claim_is_refused(shared_city_settings: Settings, name: str) -> None:
    with listener(documents()) as (url, _):
        async with service_with_keys_at(url, shared_city_settings) as client:
            assert await answered(client, token(current(Audience.RESIDENT, **{name: ...}))) == REFUSED


async def test_claims_that_are_stretched_are_refused(shared_city_settings: Settings) -> None:
    """T3 among them: an audience as a list, also of one."""
    second = int(datetime.now(UTC).timestamp())
    with listener(documents()) as (url, _):
        async with service_with_keys_at(url, shared_city_settings) as client:
            for change in (
                {"aud": ["city:resident"]},
                {"aud": ["city:resident", "city:venue"]},
                {"aud": "city:resident "},
                {"iss": "https://id.city.example/"},
                {"exp": second - 60},
                {"nbf": second + 120},
                {"iat": second + 120, "exp": second + 240},
                {"sub": ""},
                {"sub": "a\nb"},
            ):
                assert await answered(client, token(current(**change))) == REFUSED, change
            for kind in ("JWT", "id+jwt", ""):
                assert await answered(client, token(current(), typ=kind)) == REFUSED, kind


async def test_a_staff_token_of_more_than_five_minutes_is_refused(shared_city_settings: Settings) -> None:
    second = int(datetime.now(UTC).timestamp())
    with listener(documents()) as (url, _):
        async with service_with_keys_at(url, shared_city_settings) as client:
            for audience, path in (
                (Audience.ADMINISTRATOR, "/v1/admin/benefits"),
                (Audience.PRIVACY, "/v1/privacy/cases"),
            ):
                long = token(current(audience, iat=second, exp=second + 301))
                assert await answered(client, long, path) == REFUSED
                short = token(current(audience, iat=second, exp=second + 300))
                assert (await answered(client, short, path))[0] == 200


async def test_a_token_of_one_venue_does_nothing_at_another(town: City) -> None:
    """A ticket is for one venue: another venue's scan is answered like a handle that never was."""
    wang = town.resident("wang")
    await wang.volunteer(7_200, "v-wang")
    await wang.consent_to_provider("city-library")
    handle = (await wang.ticket())["handle"]
    other = town.venue("riverside-hotel-desk")
    for path, status in (("/v1/venue/checks", 200), ("/v1/venue/redemptions", 200)):
        scanned = await other.post(path, {"handle": handle})
        unknown = await other.post(path, {"handle": "0" * 32})
        assert (scanned.status_code, scanned.content) == (unknown.status_code, unknown.content)
        assert scanned.status_code == status
    assert (await town.venue().post("/v1/venue/redemptions", {"handle": handle})).status_code == 201


@pytest.mark.parametrize(
    ("kind", "document_id", "audience", "path"),
    [
        ("venues", "city-library-main", Audience.VENUE, "/v1/venue/benefits"),
        ("sources", "green-travel", Audience.SOURCE, "/v1/source/links"),
    ],
)
async def test_a_suspension_takes_effect_at_the_next_request(
    town: City, kind: str, document_id: str, audience: Audience, path: str
) -> None:
    client, admin = town.actor(audience, document_id), town.actor(Audience.ADMINISTRATOR, "admin-1")
    assert (await client.get(path)).status_code == 200
    done = await admin.post(f"/v1/admin/{kind}/{document_id}/versions/1/suspend", {"reason": "It was stolen."})
    assert done.status_code == 200
    refused = await client.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "suspended")


async def test_a_token_ends_with_its_time_although_it_was_accepted_before(town: City) -> None:
    now = datetime.now(UTC)
    short = town.issuer.mint(
        Audience.RESIDENT, "resident-1", now=now - timedelta(seconds=40), lifetime=timedelta(seconds=11)
    )
    # Within the leeway of thirty seconds it may still be accepted; two seconds later it is not.
    await town.client.get(PATH, headers={"Authorization": f"Bearer {short}"})
    with anyio.fail_after(20):
        while (await answered(town.client, short))[0] == 200:  # noqa: ASYNC110
            await anyio.sleep(0.1)
    assert await answered(town.client, short) == REFUSED
