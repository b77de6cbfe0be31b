"""Tokens somebody made up: no algorithm, the wrong key, a key brought along, two meanings, another spelling."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from service.auth import access_tokens
from service.auth.access_tokens import Audience, TokenVerifier
from tests.support.tokens import (
    NOW,
    claims,
    documents,
    ec_jwk,
    ec_key,
    listener,
    make_verifier,
    refused,
    resident_says,
    rsa_key,
    segment,
    signed,
    token,
)


@pytest.mark.parametrize("absent", [None, ""])
def test_a_missing_token_has_its_own_error(absent: str | None) -> None:
    with pytest.raises(access_tokens.TokenMissing):
        make_verifier().verify(Audience.VENUE, absent, NOW)


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE", ""])
def test_alg_none_is_refused(spelling: str) -> None:
    head = json.dumps({"alg": spelling, "typ": "at+jwt", "kid": "ec-1"}).encode()
    unsigned = f"{segment(head)}.{segment(json.dumps(claims()).encode())}."
    assert refused(unsigned) == "algorithm"
    assert refused(unsigned + segment(bytes(64))) == "algorithm"
    with pytest.raises(jwt.PyJWTError):  # and the library, asked with our list, agrees
        jwt.decode(unsigned, ec_key().public_key(), algorithms=["ES256"], audience="city:resident")


def public_forms() -> dict[str, bytes]:
    """Every form in which an attacker may hold the public keys."""
    forms: dict[str, bytes] = {}
    for kid, key in (("ec-1", ec_key().public_key()), ("rsa-1", rsa_key().public_key())):
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = key.public_bytes(serialization.Encoding.PEM, spki)
        forms[f"{kid} pem"], forms[f"{kid} stripped"] = pem, pem.strip()
        forms[f"{kid} der"] = key.public_bytes(serialization.Encoding.DER, spki)
    for jwk in documents()["keys"]:
        forms[f"{jwk['kid']} jwk"] = json.dumps(jwk).encode()
        forms[f"{jwk['kid']} compact"] = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    point = ec_key().public_key()
    forms["ec-1 point"] = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    forms["ec-1 compressed"] = point.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    return forms


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_public_key_is_no_hmac_secret(algorithm: str) -> None:
    for name, secret in public_forms().items():
        head = {"alg": algorithm, "typ": "at+jwt", "kid": name.split()[0]}
        text = f"{segment(json.dumps(head).encode())}.{segment(json.dumps(claims()).encode())}"
        mac = hmac.digest(secret, text.encode(), algorithm.replace("HS", "sha"))
        assert refused(f"{text}.{segment(mac)}") == "algorithm", name


def test_the_algorithm_is_the_keys_and_not_the_tokens() -> None:
    assert refused(jwt.encode(claims(), rsa_key(), "RS256", {"typ": "at+jwt", "kid": "ec-1"})) == "algorithm"
    assert refused(token(kid="rsa-1")) == "algorithm"
    for other in ("RS384", "RS512", "PS256"):
        assert refused(jwt.encode(claims(), rsa_key(), other, {"typ": "at+jwt", "kid": "rsa-1"})) == "algorithm"


def test_anothers_signature_is_refused() -> None:
    assert refused(token(key=ec_key("attacker"))) == "signature"


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63), bytes(65), b"\xff" * 64])
def test_nonsense_signatures_are_refused(signature: bytes) -> None:
    text = token().rsplit(".", 1)[0]
    assert refused(f"{text}.{segment(signature)}") == "signature"


def test_an_es256_signature_in_der_is_refused() -> None:
    text = token().rsplit(".", 1)[0]
    assert refused(f"{text}.{segment(ec_key().sign(text.encode(), ec.ECDSA(hashes.SHA256())))}") == "signature"


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = token().split(".")
    assert refused(f"{head}.{segment(json.dumps(claims(sub='subject-2')).encode())}.{signature}") == "signature"


def test_keys_a_token_brings_along_are_not_used_and_nothing_is_fetched() -> None:
    attacker = ec_key("attacker")
    with listener({"keys": [ec_jwk(attacker, "ec-1"), ec_jwk(attacker, "evil")]}) as (url, seen):
        brought: dict[str, Any] = {"jku": url, "x5u": url, "x5c": ["AAAA"], "jwk": ec_jwk(attacker, "ec-1")}
        for name, value in brought.items():
            assert refused(token(key=attacker, **{name: value})) == "signature"
            assert refused(token(key=attacker, kid="evil", **{name: value})) == "unknown_kid"
        assert refused(token(key=attacker, kid=url)) == "unknown_kid"
        assert resident_says(token(**brought)), "with the real key they are only noise"
        time.sleep(0.1)
        assert seen == []


@pytest.mark.parametrize(
    "kid",
    ["../../dev/null", "' OR 1=1 --", "ec-1\x00", "EC-1", " ec-1", "ec-1|/bin/true", "http://127.0.0.1/", "x" * 4000],
)
def test_a_kid_is_only_ever_a_name(kid: str) -> None:
    assert refused(token(kid=kid)) == "unknown_kid"


@pytest.mark.parametrize(
    "header", [{"kid": ...}, {"kid": 1}, {"kid": None}, {"kid": ["ec-1"]}, {"alg": ...}, {"alg": 1}]
)
def test_a_header_without_a_usable_kid_or_alg_is_refused(header: dict[str, Any]) -> None:
    assert refused(token(**header)) == "malformed"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "id+jwt", "kb+jwt", "vc+sd-jwt", "at+jwt ", "", "application/jwt"])
def test_another_type_is_no_access_token(kind: str) -> None:
    assert refused(token(typ=kind)) == "typ"


@pytest.mark.parametrize("kind", [..., None, 1, ["at+jwt"]])
def test_a_token_without_a_type_is_refused(kind: Any) -> None:
    assert refused(token(typ=kind)) == "malformed"


@pytest.mark.parametrize("extensions", [["exp"], ["b64"], [], None, "b64"])
def test_critical_extensions_are_refused(extensions: Any) -> None:
    assert refused(token(crit=extensions)) == "critical_extension"
    assert refused(token(crit=extensions, b64=False)) == "critical_extension"


def test_duplicate_names_are_refused_wherever_they_stand() -> None:
    head = b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}'
    body = json.dumps(claims()).encode()
    assert resident_says(signed(head, body))
    assert refused(signed(b'{"alg":"none",' + head[1:], body)) == "malformed"
    assert refused(signed(head, b'{"sub":"subject-2",' + body[1:])) == "malformed"
    assert refused(signed(head, b'{"s\\u0075b":"subject-2",' + body[1:])) == "malformed"
    assert refused(signed(head, b'{"act":{"a":1,"a":2},' + body[1:])) == "malformed"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"null", b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 5000, b"9" * 5000]
)
def test_payloads_that_are_no_object_are_refused(body: bytes) -> None:
    assert refused(signed(b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', body)) == "malformed"


def test_utf_16_is_refused() -> None:
    body = json.dumps(claims()).encode("utf-16")
    assert refused(signed(b'{"alg":"ES256","typ":"at+jwt","kid":"ec-1"}', body)) == "malformed"


def test_only_the_canonical_spelling_of_a_token_is_accepted() -> None:
    good = token()
    head, body, signature = good.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = signature[:-1] + alphabet[alphabet.index(signature[-1]) ^ 1]  # 64 bytes leave four unused bits
    assert refused(f"{head}.{body}.{twin}") == "malformed"
    assert refused(good + "==") == "malformed"
    assert refused(good + "\n") == "malformed"
    assert refused(f"{head}.{body[:8]} {body[8:]}.{signature}") == "malformed"
    for count in (f"{head}.{body}", f"{good}.", f".{good}", "x", "....", "Bearer"):
        assert refused(count) in {"not three segments", "malformed"}


def test_size_and_characters_are_bounded_before_anything_is_parsed() -> None:
    long = token(claims(padding="x" * 8192))
    assert refused(long) == "size"
    assert refused("ä.b.c") == "size"
    assert refused("\ud800.b.c") == "size"


@given(
    st.text(max_size=60) | st.binary(max_size=60).map(segment),
    st.lists(st.binary(max_size=80).map(segment), max_size=4),
)
def test_any_input_is_answered_with_an_identity_error(text: str, segments: list[str]) -> None:
    verifier = TokenVerifier({}, {})
    for attempt in (text, ".".join(segments), f"{segment(text.encode('utf-8', 'replace'))}.{text}.x"):
        with pytest.raises(access_tokens.IdentityError):
            verifier.verify(Audience.VENUE, attempt, NOW)


def test_errors_quote_nothing_of_the_token() -> None:
    with pytest.raises(access_tokens.TokenInvalid) as caught:
        resident_says(token(claims(sub="secret\x00person", exp="secret")))
    assert "secret" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
