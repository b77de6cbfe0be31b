"""T5: a pass proves its benefit at its venue, and each attack on it is refused with the check that stops it."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from benefits.passes import claims, issuers, jose, sd_jwt, status_list, verifier
from benefits.passes.claims import StatusReference
from benefits.passes.issuers import PassIssuer
from benefits.passes.jose import PrivateKey
from benefits.passes.refusals import PassFault, PassRefused
from benefits.passes.verifier import Trust
from tests.support.passes import HOUR, NONCE, NOW, Issuer, Shown, new_key, new_pass

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def refusal_of(shown: str, trust: Trust, nonce: str = NONCE, at: int = NOW) -> PassFault:
    """The check that refuses a shown pass."""
    with pytest.raises(PassRefused) as refused:
        verifier.verify(shown, nonce, trust, at)
    return refused.value.fault


def test_t5_a_pass_proves_its_benefit_at_its_venue() -> None:
    shown = new_pass()
    verified = verifier.verify(shown.text(), NONCE, shown.trust(), NOW)
    assert verified.claims.members() == shown.claims.members()
    assert verified.pass_id == f"{shown.issuer.list_url}#12345"


def test_t5_an_independent_library_reads_the_same_claims() -> None:
    shown = new_pass()
    token = shown.signed.removesuffix("~")
    read = jwt.decode(token, shown.issuer.key.public_key(), algorithms=["ES256"], audience=shown.claims.venue,
                      options={"verify_exp": False, "verify_iat": False})  # fmt: skip
    assert read == shown.claims.members()
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": shown.issuer.key_id}


class TestKeyBinding:
    def test_t5_stripped(self) -> None:
        shown = new_pass()
        assert refusal_of(shown.signed, shown.trust()) is PassFault.NO_KEY_BINDING

    def test_t5_swapped_for_that_of_another_pass(self) -> None:
        shown, other = new_pass(), new_pass()
        key_binding = other.text().rpartition("~")[2]
        assert refusal_of(shown.signed + key_binding, shown.trust()) is PassFault.WRONG_KEY_BINDING

    def test_t5_of_the_same_device_over_another_pass(self) -> None:
        shown = new_pass()
        again = sd_jwt.sign_pass(shown.issuer.key, shown.claims)
        key_binding = sd_jwt.sign_key_binding(shown.device, again, shown.claims.venue, NONCE, NOW)
        assert refusal_of(shown.signed + key_binding, shown.trust()) is PassFault.WRONG_KEY_BINDING

    @pytest.mark.parametrize("at", [NOW - 121, NOW + 31, 0])
    def test_t5_stale_or_from_the_future(self, at: int) -> None:
        shown = new_pass()
        assert refusal_of(shown.text(at=at), shown.trust()) is PassFault.STALE_KEY_BINDING

    def test_t5_for_another_nonce(self) -> None:
        shown = new_pass()
        replayed = shown.text(nonce="a-nonce-of-yesterday")
        assert refusal_of(replayed, shown.trust()) is PassFault.WRONG_KEY_BINDING

    def test_t5_for_another_venue(self) -> None:
        shown = new_pass()
        relayed = shown.text(venue="https://city.example/venues/riverside-parking-1")
        assert refusal_of(relayed, shown.trust()) is PassFault.WRONG_KEY_BINDING

    @pytest.mark.parametrize("header", [{"typ": "dc+sd-jwt"}, {"typ": "JWT"}, {"typ": "kb+jwt", "kid": "x"}])
    def test_t5_of_another_type(self, header: dict[str, str]) -> None:
        shown = new_pass()
        key_binding = {"iat": NOW, "aud": shown.claims.venue, "nonce": NONCE, "sd_hash": sd_jwt.hash_of(shown.signed)}
        text = shown.signed + jose.sign(shown.device, header, key_binding)
        assert refusal_of(text, shown.trust()) in (PassFault.WRONG_TYPE, PassFault.MALFORMED)

    def test_t5_with_a_further_claim(self) -> None:
        shown = new_pass()
        key_binding = {"iat": NOW, "aud": shown.claims.venue, "nonce": NONCE, "sd_hash": sd_jwt.hash_of(shown.signed)}
        text = shown.signed + jose.sign(shown.device, {"typ": "kb+jwt"}, {**key_binding, "exp": NOW + 60})
        assert refusal_of(text, shown.trust()) is PassFault.MALFORMED


class TestClaims:
    def test_t5_for_another_venue(self) -> None:
        shown = new_pass(venue="https://city.example/venues/riverside-parking-1")
        assert refusal_of(shown.text(), shown.trust()) is PassFault.OTHER_VENUE

    def test_t5_for_a_list_of_venues(self) -> None:
        shown = new_pass()
        listed = forge(shown, {"aud": [shown.claims.venue]})
        assert refusal_of(listed, shown.trust()) is PassFault.MALFORMED

    def test_t5_for_another_benefit(self) -> None:
        shown = new_pass(benefit_type="https://city.example/vct/library-deposit/2")
        assert refusal_of(shown.text(), shown.trust()) is PassFault.OTHER_BENEFIT

    def test_t5_of_another_issuer(self) -> None:
        shown = new_pass(Issuer("https://other.example"))
        assert refusal_of(shown.text(), new_pass().trust()) is PassFault.UNKNOWN_ISSUER

    def test_t5_of_another_issuer_in_this_issuers_name(self) -> None:
        forged, trust = new_pass(), new_pass().trust()
        assert refusal_of(forged.text(), trust) is PassFault.UNKNOWN_KEY

    def test_t5_signed_by_another_key_under_the_right_id(self) -> None:
        shown, thief = new_pass(), new_key()
        header = {"typ": sd_jwt.TYPE, "kid": shown.issuer.key_id}
        forged = resigned(shown, jose.sign(thief, header, shown.claims.members()) + "~")
        assert refusal_of(forged, shown.trust()) is PassFault.WRONG_SIGNATURE

    def test_t5_a_changed_claim_under_the_old_signature(self) -> None:
        shown = new_pass()
        head, _, signature = shown.signed.removesuffix("~").split(".")
        changed = {**shown.claims.members(), "exp": shown.claims.expires_at + HOUR}
        text = f"{head}.{jose.encode(jose.write_json(changed))}.{signature}~"
        assert refusal_of(resigned(shown, text), shown.trust()) is PassFault.WRONG_SIGNATURE

    @pytest.mark.parametrize("at", [NOW + 24 * HOUR, NOW - 2 * HOUR])
    def test_t5_expired_or_not_valid_yet(self, at: int) -> None:
        shown = new_pass()
        assert refusal_of(shown.text(at=at), shown.trust(), at=at) is PassFault.NOT_VALID_NOW

    def test_t5_the_second_of_the_expiry_is_too_late(self) -> None:
        shown = new_pass()
        last = shown.claims.expires_at
        lists = {shown.issuer.list_url: status_list.read(shown.issuer.list_token(expires_at=last + 9),
                                                         shown.issuer.trusted(), NOW)}  # fmt: skip
        trust = shown.trust(status_lists=lists)
        assert verifier.verify(shown.text(at=last - 1), NONCE, trust, last - 1)
        assert refusal_of(shown.text(at=last), trust, at=last) is PassFault.NOT_VALID_NOW

    def test_t5_valid_for_longer_than_a_day(self) -> None:
        issued_at = NOW - NOW % HOUR
        shown = new_pass(issued_at=issued_at, expires_at=issued_at + 25 * HOUR)
        assert refusal_of(shown.text(), shown.trust()) is PassFault.NOT_VALID_NOW

    @pytest.mark.parametrize("name", ["iat", "exp"])
    def test_t5_times_that_are_no_full_hours(self, name: str) -> None:
        shown = new_pass()
        assert refusal_of(forge(shown, {name: NOW + 60}), shown.trust()) is PassFault.MALFORMED

    @pytest.mark.parametrize(
        "changed",
        [
            {"sub": "somebody"}, {"points": 120}, {"nbf": NOW}, {"_sd": []}, {"_sd_alg": "sha-256"}, {"iat": True},
            {"iat": "1800000000"}, {"exp": 1.8e9}, {"exp": 2**53}, {"iss": None}, {"cnf": {}}, {"cnf": {"kid": "1"}},
            {"status": {}}, {"status": {"status_list": {"idx": 1}}}, {"status": {"status_list": [1]}},
            {"status": {"status_list": {"idx": -1, "uri": "https://city.example/v1/public/status-lists/7"}}},
            {"status": {"status_list": {"idx": 1, "uri": "https://city.example/x", "more": 1}}}, {"cnf": [1]},
            {"vct": "x" * 300}, {"aud": ""}, {"iss": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}},
        ],
        ids=lambda changed: str(changed)[:40],
    )  # fmt: skip
    def test_t5_another_set_or_form_of_claims(self, changed: dict[str, Any]) -> None:
        shown = new_pass()
        assert refusal_of(forge(shown, changed), shown.trust()) is PassFault.MALFORMED

    @pytest.mark.parametrize("name", sorted(claims.MEMBERS))
    def test_t5_a_missing_claim(self, name: str) -> None:
        shown = new_pass()
        without = {member: value for member, value in shown.claims.members().items() if member != name}
        assert refusal_of(resigned(shown, signed_by(shown, without)), shown.trust()) is PassFault.MALFORMED

    def test_t5_a_claim_that_comes_twice(self) -> None:
        shown = new_pass()
        text = jose.write_json(shown.claims.members()).decode()
        twice = text[:-1] + ',"aud":"https://city.example/venues/riverside-parking-1"}'
        assert refusal_of(resigned(shown, signed_bytes(shown, twice.encode())), shown.trust()) is PassFault.MALFORMED

    def test_t5_a_disclosure(self) -> None:
        shown = new_pass()
        disclosure = jose.encode(b'["salt","points",120]')
        head, _, key_binding = shown.text().partition("~")
        assert refusal_of(f"{head}~{disclosure}~{key_binding}", shown.trust()) is PassFault.MALFORMED

    def test_t5_a_pass_beyond_the_size(self) -> None:
        shown = new_pass()
        assert refusal_of("a" * 4_000 + shown.text(), shown.trust()) is PassFault.MALFORMED


class TestHeader:
    @pytest.mark.parametrize("kind", ["JWT", "vc+sd-jwt", "at+jwt", "kb+jwt", "DC+SD-JWT", ""])
    def test_t5_another_type(self, kind: str) -> None:
        shown = new_pass()
        header = {"typ": kind, "kid": shown.issuer.key_id}
        text = jose.sign(shown.issuer.key, header, shown.claims.members()) + "~"
        assert refusal_of(resigned(shown, text), shown.trust()) is PassFault.WRONG_TYPE

    @pytest.mark.parametrize(
        "header",
        [
            {"alg": "none"}, {"alg": "HS256"}, {"alg": "ES384"}, {"alg": "es256"}, {"alg": ""},
            {"jwk": {"kty": "EC"}}, {"jku": "https://thief.example/keys"}, {"x5u": "https://thief.example/cert"},
            {"crit": ["exp"]}, {"b64": "false"}, {"kid": ""}, {"kid": "../../etc/passwd"},
        ],
        ids=str,
    )  # fmt: skip
    def test_t5_another_algorithm_or_a_further_member(self, header: dict[str, Any]) -> None:
        shown = new_pass()
        whole = {"alg": "ES256", "typ": sd_jwt.TYPE, "kid": shown.issuer.key_id, **header}
        _, payload, signature = shown.signed.removesuffix("~").split(".")
        text = f"{jose.encode(jose.write_json(whole))}.{payload}.{signature}~"
        refused = refusal_of(resigned(shown, text), shown.trust())
        assert refused in (PassFault.WRONG_TYPE, PassFault.MALFORMED, PassFault.UNKNOWN_KEY)

    def test_t5_the_public_key_as_a_secret_of_hs256(self) -> None:
        shown = new_pass()
        secret = json.dumps(jose.public_jwk(shown.issuer.key.public_key())).encode()
        header = {"alg": "HS256", "typ": sd_jwt.TYPE, "kid": shown.issuer.key_id}
        message = ".".join(jose.encode(jose.write_json(part)) for part in (header, shown.claims.members()))
        text = f"{message}.{jose.encode(hmac.digest(secret, message.encode(), 'sha256'))}~"
        assert refusal_of(resigned(shown, text), shown.trust()) is PassFault.WRONG_TYPE

    def test_t5_no_signature(self) -> None:
        shown = new_pass()
        text = shown.signed.rpartition(".")[0] + ".~"
        assert refusal_of(resigned(shown, text), shown.trust()) is PassFault.MALFORMED


class TestEncodings:
    def test_t5_bits_left_over_in_the_last_character(self) -> None:
        shown = new_pass()
        text = shown.signed.removesuffix("~")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        # 64 bytes are 86 characters, the last of which has 4 bits that must be zero.
        place = alphabet.index(text[-1])
        other = f"{text[:-1]}{alphabet[place | 1]}~"
        assert place & 15 == 0
        assert refusal_of(resigned(shown, other), shown.trust()) is PassFault.MALFORMED

    @pytest.mark.parametrize("change", ["=", " ", "\n", "+", "é", "\x00"])
    def test_t5_other_characters(self, change: str) -> None:
        shown = new_pass()
        text = shown.signed.removesuffix("~") + change + "~"
        assert refusal_of(resigned(shown, text), shown.trust()) is PassFault.MALFORMED

    def test_t5_the_same_signature_in_another_form_is_the_same_pass(self) -> None:
        shown = new_pass()
        head, payload, signature = shown.signed.removesuffix("~").split(".")
        raw = jose.decode(signature)
        mirrored = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32)
        text = f"{head}.{payload}.{jose.encode(mirrored)}~"
        verified = verifier.verify(resigned(shown, text), NONCE, shown.trust(), NOW)
        assert verified.pass_id == verifier.verify(shown.text(), NONCE, shown.trust(), NOW).pass_id

    @pytest.mark.parametrize("raw", [bytes(64), b"\xff" * 64, bytes(63), bytes(65), bytes(32) + b"\x01" * 32])
    def test_t5_signatures_out_of_range(self, raw: bytes) -> None:
        shown = new_pass()
        text = f"{shown.signed.rpartition('.')[0]}.{jose.encode(raw)}~"
        assert refusal_of(resigned(shown, text), shown.trust()) is PassFault.WRONG_SIGNATURE


class TestKeys:
    @pytest.mark.parametrize(
        "change",
        [
            lambda jwk: {**jwk, "crv": "P-384"}, lambda jwk: {**jwk, "kty": "RSA"}, lambda jwk: {**jwk, "d": "AA"},
            lambda jwk: {**jwk, "kid": "1"}, lambda jwk: {**jwk, "x": jwk["y"]}, lambda jwk: {**jwk, "x": "AA"},
            lambda jwk: {**jwk, "y": jwk["y"] + "="}, lambda jwk: {"kty": "oct", "k": "AA"}, lambda jwk: jwk["x"],
            lambda jwk: {**jwk, "x": jose.encode(bytes(32)), "y": jose.encode(bytes(32))},
        ],
    )  # fmt: skip
    def test_t5_device_keys_of_another_curve_or_form(self, change: Callable[[dict[str, str]], object]) -> None:
        shown = new_pass()
        jwk = change(jose.public_jwk(shown.device.public_key()))
        assert refusal_of(forge(shown, {"cnf": {"jwk": jwk}}), shown.trust()) is PassFault.MALFORMED

    def test_t5_a_key_of_a_larger_curve_is_no_issuer_key(self) -> None:
        numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-384", **{
            name: jose.encode(value.to_bytes(48)) for name, value in (("x", numbers.x), ("y", numbers.y))
        }}  # fmt: skip
        with pytest.raises(PassRefused):
            issuers.read_keys([jwk])

    def test_metadata_of_an_issuer_has_its_keys(self) -> None:
        issuer = Issuer()
        jwk = {**jose.public_jwk(issuer.key.public_key()), "kid": issuer.key_id, "use": "sig"}
        document = json.dumps({"issuer": issuer.url, "jwks": {"keys": [jwk]}}).encode()
        assert issuers.read_metadata(document, issuer.url).keys.keys() == {issuer.key_id}

    @pytest.mark.parametrize(
        "document",
        [
            b"", b"[]", b"{}", b'{"issuer":"https://other.example","jwks":{"keys":[]}}',
            b'{"issuer":"https://city.example"}', b'{"issuer":"https://city.example","jwks":{"keys":[]}}',
            b'{"issuer":"https://city.example","issuer":"https://city.example","jwks":{"keys":[]}}',
            b'{"issuer":"https://city.example","jwks":{"keys":[{"kty":"EC"}]}}', b"[" * 70_000,
        ],
        ids=lambda document: str(document[:40]),
    )  # fmt: skip
    def test_metadata_in_another_form_is_refused(self, document: bytes) -> None:
        with pytest.raises(PassRefused):
            issuers.read_metadata(document, "https://city.example")

    def test_metadata_with_a_private_key_or_a_wrong_id_is_refused(self) -> None:
        jwk = jose.public_jwk(new_key().public_key())
        for wrong in ({**jwk, "d": jwk["x"]}, {**jwk, "kid": "1"}):
            with pytest.raises(PassRefused):
                issuers.read_keys([wrong])


class TestStatusList:
    def test_t5_a_revoked_index(self) -> None:
        shown = new_pass()
        lists = {shown.issuer.list_url: shown.issuer.status_list(12_345)}
        assert refusal_of(shown.text(), shown.trust(status_lists=lists)) is PassFault.REVOKED

    def test_t5_the_neighbours_of_a_revoked_index_stand(self) -> None:
        shown = new_pass()
        lists = {shown.issuer.list_url: shown.issuer.status_list(12_344, 12_346, 12_345 + 8)}
        assert verifier.verify(shown.text(), NONCE, shown.trust(status_lists=lists), NOW)

    def test_t5_no_list(self) -> None:
        shown = new_pass()
        assert refusal_of(shown.text(), shown.trust(status_lists={})) is PassFault.NO_STATUS_LIST

    def test_t5_an_expired_list(self) -> None:
        shown = new_pass()
        late = NOW + HOUR
        assert refusal_of(shown.text(at=late), shown.trust(), at=late) is PassFault.STATUS_LIST_EXPIRED
        with pytest.raises(PassRefused, match="status_list_expired"):
            status_list.read(shown.issuer.list_token(), shown.issuer.trusted(), late)

    def test_t5_a_list_of_the_future_or_of_two_days(self) -> None:
        issuer = Issuer()
        for changed in ({"issued_at": NOW + 60}, {"expires_at": NOW + 25 * HOUR}, {"expires_at": NOW - 61}):
            with pytest.raises(PassRefused, match="status_list_expired"):
                status_list.read(issuer.list_token(**changed), issuer.trusted(), NOW)

    def test_t5_a_foreign_list(self) -> None:
        shown, other = new_pass(), Issuer("https://other.example")
        with pytest.raises(PassRefused, match="unknown_key"):
            status_list.read(other.list_token(), shown.issuer.trusted(), NOW)
        lists = {shown.issuer.list_url: other.status_list()}
        assert refusal_of(shown.text(), shown.trust(status_lists=lists)) is PassFault.NO_STATUS_LIST

    def test_t5_a_list_that_a_trusted_issuer_signs_for_another(self) -> None:
        shown = new_pass()
        other = PassIssuer("https://other.example", shown.issuer.trusted().keys)
        with pytest.raises(PassRefused, match="no_status_list"):
            status_list.read(shown.issuer.list_token(), other, NOW)

    def test_t5_another_list_of_the_same_issuer(self) -> None:
        shown = new_pass(status=StatusReference("https://city.example/v1/public/status-lists/8", 1))
        assert refusal_of(shown.text(), shown.trust()) is PassFault.NO_STATUS_LIST
        lists = {shown.claims.status.uri: shown.issuer.status_list()}
        assert refusal_of(shown.text(), shown.trust(status_lists=lists)) is PassFault.NO_STATUS_LIST

    def test_t5_an_index_beyond_the_list(self) -> None:
        shown = new_pass(status=StatusReference("https://city.example/v1/public/status-lists/7", 2**20))
        assert refusal_of(shown.text(), shown.trust()) is PassFault.NO_STATUS_LIST

    @pytest.mark.slow
    def test_t5_a_bomb_of_200_megabytes(self) -> None:
        issuer = Issuer()
        # Packed once and repeated: a block that ends with a full flush refers to nothing before it.
        packer, mebibyte = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), bytes(2**20)
        block = packer.compress(mebibyte) + packer.flush(zlib.Z_FULL_FLUSH)
        checksum = reduce(lambda sum_before, _: zlib.adler32(mebibyte, sum_before), range(200), 1)
        bomb = b"\x78\xda" + block * 200 + packer.flush() + checksum.to_bytes(4, "big")
        assert len(zlib.decompress(bomb)) == 200 * 2**20
        token = packed_list(issuer, bomb)
        assert len(token) < status_list.TOKEN_LENGTH_MAX
        assert_memory_stays_below_a_bomb(token, issuer)

    @pytest.mark.parametrize("data", [b"", b"x", zlib.compress(bytes(8))[:-1], zlib.compress(bytes(8)) + b"x"])
    def test_t5_a_list_that_is_no_whole_stream(self, data: bytes) -> None:
        issuer = Issuer()
        with pytest.raises(PassRefused):
            status_list.read(packed_list(issuer, data), issuer.trusted(), NOW)

    @pytest.mark.parametrize("packed", [{"bits": 2, "lst": "eA"}, {"bits": 1}, {"bits": 1, "lst": 1}, [1], "x"])
    def test_t5_a_list_in_another_form(self, packed: object) -> None:
        issuer = Issuer()
        with pytest.raises(PassRefused, match="malformed"):
            status_list.read(signed_list(issuer, {"status_list": packed}), issuer.trusted(), NOW)

    def test_t5_a_pass_is_no_list_and_a_list_no_pass(self) -> None:
        shown = new_pass()
        with pytest.raises(PassRefused, match="wrong_type"):
            status_list.read(shown.signed.removesuffix("~"), shown.issuer.trusted(), NOW)
        assert refusal_of(resigned(shown, signed_list(shown.issuer, {}) + "~"), shown.trust()) in (
            PassFault.WRONG_TYPE, PassFault.MALFORMED,
        )  # fmt: skip

    @given(st.sets(st.integers(0, 2**20 - 1), max_size=40), st.integers(0, 2**20 - 1))
    def test_exactly_the_revoked_places_are_refused(self, revoked: set[int], index: int) -> None:
        listed = ISSUER.status_list(*revoked)
        for place in (*revoked, index):
            reference = StatusReference(ISSUER.list_url, place)
            if place in revoked:
                with pytest.raises(PassRefused, match="revoked"):
                    listed.require_valid(reference, NOW)
            else:
                listed.require_valid(reference, NOW)


ISSUER = Issuer()
SHOWN = new_pass(ISSUER)
TEXT, TRUST = SHOWN.text(), SHOWN.trust()


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="utf-8"))
def test_any_other_character_anywhere_is_refused(place: int, character: str) -> None:
    if TEXT[place] != character:
        with pytest.raises(PassRefused):
            verifier.verify(TEXT[:place] + character + TEXT[place + 1 :], NONCE, TRUST, NOW)


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: jose.encode(data) + ".e30.e30~x.y.z"))
def test_any_text_at_all_is_refused_by_a_refusal(text: str) -> None:
    with pytest.raises(PassRefused):
        verifier.verify(text, NONCE, TRUST, NOW)


@given(st.integers(0, 2**40).map(lambda hour: hour * HOUR), st.integers(1, 24))
def test_a_pass_is_valid_from_its_first_to_before_its_last_second(issued_at: int, hours: int) -> None:
    members = ISSUER.claims(SHOWN.device, issued_at=issued_at, expires_at=issued_at + hours * HOUR)
    for at, valid in ((issued_at - 31, False), (issued_at, True), (members.expires_at - 1, True)):
        if valid:
            claims.require_valid(members, at)
        else:
            with pytest.raises(PassRefused):
                claims.require_valid(members, at)
    with pytest.raises(PassRefused):
        claims.require_valid(members, members.expires_at)


@given(st.binary(max_size=80))
def test_base64url_has_one_form(data: bytes) -> None:
    text = jose.encode(data)
    if data:
        assert jose.decode(text) == data
    with pytest.raises(PassRefused):
        jose.decode(text + "=")


ALONE = """
import sys

class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in ("cryptography", "_cffi_backend", "cffi", "benefits"):
            if not name.startswith("benefits.") or name.startswith("benefits.passes"):
                return None
        raise ImportError(name)

sys.meta_path.insert(0, OnlyThese())
from benefits.passes import issuers, status_list, verifier
print(verifier.verify.__name__)
"""


def test_the_verifier_runs_with_cryptography_alone() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "verify", done.stderr


def forge(shown: Shown, changed: Mapping[str, Any]) -> str:
    """A pass with changed claims, signed by the issuer's key and shown by its device."""
    return resigned(shown, signed_by(shown, {**shown.claims.members(), **changed}))


def signed_by(shown: Shown, members: Mapping[str, Any]) -> str:
    return signed_bytes(shown, json.dumps(members, separators=(",", ":")).encode())


def signed_bytes(shown: Shown, payload: bytes) -> str:
    head = jose.encode(jose.write_json({"alg": "ES256", "typ": sd_jwt.TYPE, "kid": shown.issuer.key_id}))
    message = f"{head}.{jose.encode(payload)}"
    return f"{message}.{jose.encode(jose.sign_bytes(shown.issuer.key, message.encode()))}~"


def resigned(shown: Shown, signed: str) -> str:
    """Another pass with a key binding of this pass's device over it."""
    return signed + sd_jwt.sign_key_binding(shown.device, signed, shown.claims.venue, NONCE, NOW)


def signed_list(issuer: Issuer, changed: Mapping[str, Any]) -> str:
    header = {"typ": status_list.TYPE, "kid": issuer.key_id}
    members = {"sub": issuer.list_url, "iat": NOW, "exp": NOW + HOUR, "ttl": 300, "status_list": {}, **changed}
    return jose.sign(issuer.key, header, members)


def packed_list(issuer: Issuer, data: bytes) -> str:
    lst = jose.encode(data) if data else ""
    return signed_list(issuer, {"status_list": {"bits": 1, "lst": lst}})


def assert_memory_stays_below_a_bomb(token: str, issuer: Issuer) -> None:
    """The list is refused in a process that may use 128 MiB more than it has after its imports."""
    jwk: PrivateKey = issuer.key
    script = (
        "import resource, sys, json\n"
        "from benefits.passes import issuers, status_list\n"
        "from benefits.passes.issuers import PassIssuer\n"
        "url, now, jwk, token = json.loads(sys.stdin.read())\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 128 * 2**20, used + 128 * 2**20))\n"
        "try:\n"
        "    status_list.read(token, PassIssuer(url, issuers.read_keys([jwk])), now)\n"
        "except ValueError as error:\n"
        "    print(error)\n"
    )
    given = json.dumps([issuer.url, NOW, jose.public_jwk(jwk.public_key()), token])
    done = subprocess.run(
        [sys.executable, "-c", script], input=given, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.startswith("malformed: a list too large"), done.stderr
