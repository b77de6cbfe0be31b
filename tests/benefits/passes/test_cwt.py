"""The QR profile: the same claims in at most version 14, refused under the same attacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from benefits.passes import base45, cbor, cwt, jose
from benefits.passes.claims import StatusReference
from benefits.passes.cwt import AUD, CNF, COSE_KEY, CRV, EXP, IAT, ISS, STATUS, VCT, X, Y
from benefits.passes.refusals import PassFault, PassRefused
from benefits.passes.verifier import Trust
from tests.support.passes import HOUR, NOW, Issuer, Shown, new_key, new_pass


def code_of(shown: Shown, at: int = NOW) -> str:
    return cwt.show(shown.device, cwt.sign_pass(shown.issuer.key, shown.claims), at)


def fault_of(code: str, trust: Trust, at: int = NOW) -> PassFault:
    with pytest.raises(PassRefused) as refused:
        cwt.verify(code, trust, at)
    return refused.value.fault


def forged(shown: Shown, changed: dict[int, Any], header: dict[int, Any] | None = None) -> str:
    """A code of changed claims or another header, signed by the issuer and shown by the device."""
    payload = {**cwt._payload(shown.claims), **changed}
    whole = {1: -7, 4: jose.thumbprint(shown.issuer.key.public_key())[:8], 16: "pass+cwt", **(header or {})}
    signed = cwt._sign(shown.issuer.key, whole, cbor.dumps({name: value for name, value in payload.items()
                                                            if value is not None}))  # fmt: skip
    return cwt.show(shown.device, signed, NOW)


def test_a_scanned_code_has_the_claims_of_the_sd_jwt() -> None:
    shown = new_pass()
    verified = cwt.verify(code_of(shown), shown.trust(), NOW)
    assert verified.claims.members() == shown.claims.members()
    assert verified.pass_id == f"{shown.issuer.list_url}#12345"


def test_a_code_needs_version_14_at_most() -> None:
    issuer = Issuer("https://credit.a-large-city.gov.example")
    shown = new_pass(issuer, status=StatusReference(f"{issuer.url}/v1/public/status-lists/83144", 2**20 - 1))
    code = code_of(shown)
    drawn = segno.make_qr(code, error="l", boost_error=False)
    assert (drawn.mode, int(drawn.version) <= 14) == ("alphanumeric", True)
    assert cwt.fits(cwt.sign_pass(shown.issuer.key, shown.claims))


@given(st.integers(1, 190))
def test_a_pass_that_fits_makes_a_short_enough_code(length: int) -> None:
    members = replace(SHOWN.claims, benefit_type="https://other.example/" + "x" * (length % 150), venue="v" * length)
    signed = cwt.sign_pass(SHOWN.issuer.key, members)
    fits = len(cwt.show(SHOWN.device, signed, NOW)) <= cwt.CODE_LENGTH_MAX
    assert cwt.fits(signed) <= fits


def test_a_venue_of_another_city_is_named_whole() -> None:
    shown = new_pass(venue="https://other.example/venues/library-b-main")
    trust = shown.trust(venue="https://other.example/venues/library-b-main")
    assert cwt.verify(code_of(shown), trust, NOW).claims == replace(shown.claims, device_key=shown.claims.device_key)


class TestAttacks:
    def test_t5_stale_or_from_the_future(self) -> None:
        shown = new_pass()
        for at in (NOW - 121, NOW + 31):
            assert fault_of(code_of(shown, at), shown.trust()) is PassFault.STALE_KEY_BINDING

    def test_t5_shown_by_another_device(self) -> None:
        shown = new_pass()
        code = cwt.show(new_key(), cwt.sign_pass(shown.issuer.key, shown.claims), NOW)
        assert fault_of(code, shown.trust()) is PassFault.WRONG_KEY_BINDING

    def test_t5_signed_by_another_key(self) -> None:
        shown = new_pass()
        header = {1: -7, 4: jose.thumbprint(shown.issuer.key.public_key())[:8], 16: "pass+cwt"}
        signed = cwt._sign(new_key(), header, cbor.dumps(cwt._payload(shown.claims)))
        assert fault_of(cwt.show(shown.device, signed, NOW), shown.trust()) is PassFault.WRONG_SIGNATURE
        assert fault_of(code_of(new_pass()), shown.trust()) is PassFault.UNKNOWN_KEY

    def test_t5_another_venue_benefit_issuer_time_or_a_revoked_pass(self) -> None:
        shown = new_pass()
        code, url = code_of(shown), shown.issuer.list_url
        revoked = {url: shown.issuer.status_list(12_345)}
        for changed, fault in (
            ({"venue": "https://city.example/venues/other"}, PassFault.OTHER_VENUE),
            ({"benefit_types": ()}, PassFault.OTHER_BENEFIT),
            ({"issuers": {}}, PassFault.UNKNOWN_ISSUER),
            ({"status_lists": {}}, PassFault.NO_STATUS_LIST),
            ({"status_lists": revoked}, PassFault.REVOKED),
        ):
            assert fault_of(code, shown.trust(**changed)) is fault
        late = NOW + 24 * HOUR
        assert fault_of(code_of(shown, late), shown.trust(), late) is PassFault.NOT_VALID_NOW

    @pytest.mark.parametrize(
        "changed",
        [
            {2: "somebody"}, {ISS: None}, {AUD: ["a"]}, {AUD: "https://city.example/venues/x"}, {EXP: NOW + 60},
            {IAT: True}, {VCT: ""}, {STATUS: {"status_list": {"idx": 1}}}, {STATUS: {}}, {CNF: {}},
            {CNF: {COSE_KEY: {1: 2, -1: 2, X: bytes(32), Y: True}}}, {CNF: {COSE_KEY: {1: 2, CRV: 1, X: b"", Y: True}}},
            {CNF: {COSE_KEY: {1: 2, CRV: 1, X: b"\xff" * 32, Y: True}}},
        ],
        ids=lambda changed: str(changed)[:40],
    )  # fmt: skip
    def test_t5_another_set_or_form_of_claims(self, changed: dict[int, Any]) -> None:
        shown = new_pass()
        assert fault_of(forged(shown, changed), shown.trust()) is PassFault.MALFORMED

    @pytest.mark.parametrize("header", [{1: -35}, {16: "cwt"}, {16: "show+cwt"}, {5: b"x"}, {4: 1}])
    def test_t5_another_header(self, header: dict[int, Any]) -> None:
        shown = new_pass()
        assert fault_of(forged(shown, {}, header), shown.trust()) in (PassFault.WRONG_TYPE, PassFault.MALFORMED)

    def test_t5_a_text_beyond_the_size(self) -> None:
        shown = new_pass()
        assert fault_of(code_of(shown) + "0" * 300, shown.trust()) is PassFault.MALFORMED


SHOWN = new_pass()
CODE, TRUST = code_of(SHOWN), SHOWN.trust()


@given(st.integers(0, len(CODE) - 1), st.sampled_from(base45.ALPHABET + "é\n"))
def test_any_other_character_anywhere_is_refused(place: int, character: str) -> None:
    if CODE[place] != character:
        with pytest.raises(PassRefused):
            cwt.verify(CODE[:place] + character + CODE[place + 1 :], TRUST, NOW)


@given(st.binary(max_size=120))
def test_any_bytes_at_all_are_refused_by_a_refusal(data: bytes) -> None:
    with pytest.raises(PassRefused):
        cwt.verify("CE1:" + base45.encode(data), TRUST, NOW)


@pytest.mark.parametrize(("data", "text"), [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")])
def test_base45_as_rfc_9285_has_it(data: bytes, text: str) -> None:
    assert (base45.encode(data), base45.decode(text)) == (text, data)


@pytest.mark.parametrize("text", ["GGW", "A", "::", "é00", "abc"])
def test_base45_refuses_what_no_bytes_have(text: str) -> None:
    with pytest.raises(PassRefused):
        base45.decode(text)


@given(st.binary())
def test_base45_has_one_form(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-(2**53) + 1, 2**53 - 1) | st.binary(max_size=40) | st.text(max_size=40) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(-9, 70_000) | st.text(max_size=5), inner,
                                                                max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(VALUES)
def test_cbor_has_one_form(value: Any) -> None:
    try:
        again = cbor.loads(cbor.dumps(value))
    except PassRefused:
        return  # nested deeper than a pass
    assert again == value


@given(st.binary(max_size=60))
def test_what_cbor_reads_it_writes_again(data: bytes) -> None:
    try:
        value = cbor.loads(data)
    except PassRefused:
        return
    assert cbor.dumps(value) == data


@pytest.mark.parametrize(
    "data",
    ["1800", "190001", "1a00000001", "5f4100ff", "9f01ff", "a201000100", "a202000100", "f6", "f97e00", "c000", "61ff",
     "1bffffffffffffffff", "9b00000000ffffffff", "0000", "", "a1410000", "81" * 20],
)  # fmt: skip
def test_cbor_in_another_form_is_refused(data: str) -> None:
    with pytest.raises(PassRefused):
        cbor.loads(bytes.fromhex(data))


def test_an_integer_beyond_64_bits_has_no_encoding() -> None:
    assert cbor.dumps(2**64 - 1) == b"\x1b" + b"\xff" * 8
    for value in (2**64, -(2**64) - 1):
        with pytest.raises(OverflowError, match="beyond 64 bits"):
            cbor.dumps(value)
