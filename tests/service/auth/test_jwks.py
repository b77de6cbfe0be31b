"""Key sets: which keys are accepted, how rotation is noticed, and what an attacker can make the refresher do."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from service.auth import access_tokens
from service.auth.access_tokens import Audience, TokenVerifier, TrustedTokenIssuer
from service.auth.jwks import KeySet, KeySource
from tests.support.tokens import (
    ISSUER,
    NOW,
    documents,
    ec_jwk,
    ec_key,
    listener,
    make_verifier,
    rsa_jwk,
    rsa_key,
    segment,
    token,
    trusted,
)


async def wait_for_fetches(seen: list[str], count: int) -> None:
    """Wait, at most five seconds, until the server has been asked `count` times: that happens in its own thread."""
    async with asyncio.timeout(5):
        while len(seen) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_only_public_p256_and_rsa_signing_keys_with_a_kid_are_accepted() -> None:
    good = ec_jwk(ec_key(), "good", use="sig", alg="ES256", key_ops=["verify"])
    private = ECAlgorithm.to_jwk(ec_key(), as_dict=True)
    p384 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True)
    passed_over: list[Any] = [
        {**private, "kid": "private"},
        {**p384, "kid": "p384"},
        ec_jwk(ec_key(), "enc", use="enc"),
        ec_jwk(ec_key(), "alg", alg="ES384"),
        ec_jwk(ec_key(), "ops", key_ops=["sign"]),
        ec_jwk(ec_key(), "ops-number", key_ops=7),
        ec_jwk(ec_key(), ""),
        ec_jwk(ec_key(), "off-curve", x=segment(bytes(32))),
        ec_jwk(ec_key(), "short", x="AQ"),
        rsa_jwk(rsa_key(1024), "weak"),
        rsa_jwk(rsa_key(), "pss", alg="PS256"),
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": segment(bytes(32))},
        {"kid": "empty"},
        "no key",
        None,
    ]
    assert set(KeySet.read({"keys": [*passed_over, good, rsa_jwk(rsa_key(), "rsa")]}).keys) == {"good", "rsa"}


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": [None] * 65}])
def test_a_document_that_is_not_a_jwks_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="JWKS"):
        KeySet.read(document)


def test_a_key_that_is_listed_twice_counts_once() -> None:
    twice = [
        ec_jwk(ec_key(), "k"),
        rsa_jwk(rsa_key(), "r"),
        {**ec_jwk(ec_key(), "k"), "use": "sig"},
        rsa_jwk(rsa_key(), "r"),
    ]
    assert KeySet.read({"keys": twice}) == KeySet.read({"keys": twice[:2]})


def test_different_keys_of_one_kid_are_left_out_and_the_others_stay() -> None:
    good = ec_jwk(ec_key("second"), "good")
    for other in (ec_jwk(ec_key("attacker"), "k"), rsa_jwk(rsa_key(), "k")):
        read = KeySet.read({"keys": [ec_jwk(ec_key(), "k"), good, other, ec_jwk(ec_key(), "k")]})
        assert read == KeySet.read({"keys": [good]})


def test_an_empty_jwks_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no"):
        KeySource.fixed({"keys": []})


@pytest.mark.parametrize(
    "url", ["http://id.city.example/jwks", "ftp://127.0.0.1/", "file:///etc/passwd", "https://", "jwks"]
)
def test_keys_are_not_fetched_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        TrustedTokenIssuer(ISSUER, "a", url)


def test_audiences_with_one_jwks_share_one_key_source() -> None:
    sources = access_tokens.remote_sources(trusted(jwks_url="https://id.city.example/jwks"))
    assert len(set(map(id, sources.values()))) == 1
    assert sources.keys() == set(Audience)
    with pytest.raises(ValueError, match="needs a JWKS URL"):
        access_tokens.remote_sources(trusted())


def miss_a_thousand_times(verifier: TokenVerifier) -> None:
    for text in [token(kid=secrets.token_hex(16)) for _ in range(1000)]:
        with pytest.raises(access_tokens.TokenInvalid, match="unknown_kid"):
            verifier.verify(Audience.RESIDENT, text, NOW)


@pytest.mark.slow
def test_a_thousand_unknown_kids_cause_one_fetch_and_no_request_waits() -> None:
    async def attack(url: str, seen: list[str]) -> None:
        verifier = make_verifier(KeySource(url))
        await verifier.start()
        assert verifier.ready()
        assert len(seen) == 1
        miss_a_thousand_times(verifier)
        assert len(seen) == 1, "the request path fetches nothing itself"
        await wait_for_fetches(seen, 2)
        miss_a_thousand_times(verifier)
        await asyncio.sleep(1)
        assert len(seen) == 2
        assert verifier.verify(Audience.RESIDENT, token(), NOW)
        await verifier.stop()

    with listener(documents(), delay_ms=200) as (url, seen):
        asyncio.run(attack(url, seen))


@pytest.mark.slow
def test_after_the_cooldown_an_unknown_kid_causes_another_fetch() -> None:
    async def ask_twice(url: str, seen: list[str]) -> None:
        verifier = make_verifier(KeySource(url, cooldown_seconds=1))
        await verifier.start()
        for count in (2, 3):
            with pytest.raises(access_tokens.TokenInvalid, match="unknown_kid"):
                verifier.verify(Audience.RESIDENT, token(kid="unknown"), NOW)
            await wait_for_fetches(seen, count)
            await asyncio.sleep(1)
        await verifier.stop()

    with listener(documents()) as (url, seen):
        asyncio.run(ask_twice(url, seen))


def test_a_new_key_is_picked_up_when_its_kid_is_first_seen() -> None:
    async def rotate(url: str, document: dict[str, Any], seen: list[str]) -> None:
        verifier = make_verifier(KeySource(url))
        await verifier.start()
        document["keys"] = [*document["keys"], ec_jwk(ec_key("second"), "ec-2")]
        text = token(key=ec_key("second"), kid="ec-2")
        with pytest.raises(access_tokens.TokenInvalid, match="unknown_kid"):
            verifier.verify(Audience.RESIDENT, text, NOW)
        await wait_for_fetches(seen, 2)
        await asyncio.sleep(0.1)
        assert verifier.verify(Audience.RESIDENT, text, NOW)
        await verifier.stop()

    with listener(document := documents()) as (url, seen):
        asyncio.run(rotate(url, document, seen))


@pytest.mark.slow
def test_a_removed_key_stops_working_also_for_remembered_tokens() -> None:
    async def retire(url: str, document: dict[str, Any], seen: list[str]) -> None:
        verifier = make_verifier(KeySource(url, refresh_seconds=1))
        await verifier.start()
        old, new = token(), token(key=ec_key("second"), kid="ec-2")
        assert verifier.verify(Audience.RESIDENT, old, NOW)
        document["keys"] = [ec_jwk(ec_key("second"), "ec-2")]
        await wait_for_fetches(seen, 2)
        await asyncio.sleep(0.1)
        assert verifier.verify(Audience.RESIDENT, new, NOW)
        with pytest.raises(access_tokens.TokenInvalid, match="unknown_kid"):
            verifier.verify(Audience.RESIDENT, old, NOW)
        await verifier.stop()

    with listener(document := documents()) as (url, seen):
        asyncio.run(retire(url, document, seen))


def test_an_unchanged_jwks_forgets_nothing() -> None:
    async def refresh_twice(url: str) -> None:
        source = KeySource(url)
        assert await source.refresh()
        before = source.current()
        assert before is not None
        assert await source.refresh()
        assert source.current() is before

    with listener(documents()) as (url, _):
        asyncio.run(refresh_twice(url))


@pytest.mark.parametrize(
    "behaviour",
    [
        {"status": 500},
        {"status": 203},
        {"headers": {"content-encoding": "gzip"}},
        {"body": b'{"keys":[],"keys":[]}'},
        {"body": b"[" * 60_000},
        {"body": b"<html>"},
    ],
)
def test_a_bad_answer_changes_nothing(behaviour: dict[str, Any]) -> None:
    async def refresh(url: str, seen: list[str]) -> None:
        source = KeySource(url)
        assert not await source.refresh()
        assert source.current() is None
        assert len(seen) == 1

    with listener(documents(), **behaviour) as (url, seen):
        asyncio.run(refresh(url, seen))


def test_a_redirect_to_good_keys_is_not_followed() -> None:
    async def refresh(url: str) -> None:
        assert not await KeySource(url).refresh()

    with (
        listener(documents()) as (elsewhere, visited),
        listener({}, status=302, headers={"location": elsewhere}) as (url, seen),
    ):
        asyncio.run(refresh(url))
        assert len(seen) == 1
        assert visited == []


def test_a_jwks_beyond_the_size_limit_is_refused() -> None:
    async def refresh(url: str) -> bool:
        return await KeySource(url).refresh()

    for padding, read in ((1_000, True), (70_000, False)):
        with listener({**documents(), "padding": "x" * padding}) as (url, _):
            assert asyncio.run(refresh(url)) is read


def test_without_keys_tokens_are_answered_keys_unavailable() -> None:
    async def away() -> None:
        with listener({}) as (url, _):
            pass  # nobody listens there any more
        verifier = make_verifier(KeySource(url))
        await verifier.start()
        assert not verifier.ready()
        with pytest.raises(access_tokens.KeysUnavailable):
            verifier.verify(Audience.RESIDENT, token(), NOW)
        with pytest.raises(access_tokens.TokenInvalid):
            verifier.verify(Audience.RESIDENT, token(typ="JWT"), NOW)
        await verifier.stop()

    asyncio.run(away())


@pytest.mark.slow
def test_keys_older_than_the_maximum_age_are_not_trusted() -> None:
    async def outage(url: str) -> None:
        source = KeySource(url, usable_seconds=1)
        verifier = make_verifier(source)
        assert await source.refresh()
        assert verifier.verify(Audience.RESIDENT, token(), NOW)
        await asyncio.sleep(1)
        with pytest.raises(access_tokens.KeysUnavailable):
            verifier.verify(Audience.RESIDENT, token(), NOW)

    with listener(documents()) as (url, _):
        asyncio.run(outage(url))
