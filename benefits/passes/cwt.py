"""A pass for a QR code: the claims of the SD-JWT as a CWT (RFC 8392), shown in Base45 with the device's signature.

Text of the code: `CE1:` and the Base45 of a COSE_Sign1 by the device, whose payload is the list of the pass (a
COSE_Sign1 by the issuer) and the second of the showing. A scan has no nonce: the code counts for two minutes, and a
venue honours a pass once. Addresses are relative to the issuer's, and the device key has one coordinate and the
other's sign, so that the code needs version 14 at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from benefits.passes import base45, cbor, claims, jose, verifier
from benefits.passes.claims import PassClaims, StatusReference
from benefits.passes.jose import PrivateKey, PublicKey
from benefits.passes.refusals import PassFault, PassRefused
from benefits.passes.verifier import Trust, VerifiedPass

PREFIX = "CE1:"
CODE_LENGTH_MAX = 667
"""Characters of a QR code of version 14 at the error correction L."""
TYPE, SHOWING_TYPE = "pass+cwt", "show+cwt"
ALGORITHM, KEY_ID, TYPE_HEADER = 1, 4, 16
"""Header parameters of COSE: alg, kid, typ (RFC 9596)."""
ES256 = -7
KEY_ID_BYTES = 8
"""Bytes of the issuer's thumbprint that name its key: enough for the few keys of a city."""
ISS, AUD, EXP, IAT, CNF, VCT, STATUS = 1, 3, 4, 6, 8, 11, 65535
CLAIMS = frozenset({ISS, AUD, EXP, IAT, CNF, VCT, STATUS})
COSE_KEY = 1
KTY, CRV, X, Y = 1, -1, -2, -3
EC2, P256 = 2, 1
SHOWING_BYTES = 104
"""Bytes that a showing adds to a pass: header, second, signature, and the lengths."""
CONTEXT = "Signature1"


@dataclass(frozen=True, slots=True)
class Showing:
    """A code taken apart: the pass's bytes, its claims, the id of the issuer's key, and the second of the showing."""

    signed_pass: bytes
    claims: PassClaims
    key_id: bytes
    shown_at: int


def sign_pass(key: PrivateKey, pass_claims: PassClaims) -> bytes:
    """Return the CWT of claims, signed by their issuer."""
    header = {ALGORITHM: ES256, KEY_ID: jose.thumbprint(key.public_key())[:KEY_ID_BYTES], TYPE_HEADER: TYPE}
    return _sign(key, header, cbor.dumps(_payload(pass_claims)))


def fits(signed_pass: bytes) -> bool:
    """Report whether a showing of the pass fits into a code; with long ids and addresses it does not."""
    return len(PREFIX) + (len(signed_pass) + SHOWING_BYTES) // 2 * 3 + 2 <= CODE_LENGTH_MAX


def show(device_key: PrivateKey, signed_pass: bytes, at: int) -> str:
    """Return the text of the QR code in which a device shows its pass at `at` (seconds); its own software does this."""
    payload = cbor.dumps([signed_pass, at])
    return PREFIX + base45.encode(_sign(device_key, {ALGORITHM: ES256, TYPE_HEADER: SHOWING_TYPE}, payload))


def verify(code: str, trust: Trust, at: int) -> VerifiedPass:
    """Verify the text of a scanned code at `at` (seconds): the checks of `verifier.verify`, without a nonce.

    Raises:
        PassRefused: any check failed.
    """
    showing = take_apart(code)
    trusted = trust.issuers.get(showing.claims.issuer)
    if trusted is None:
        raise PassRefused(PassFault.UNKNOWN_ISSUER)
    verify_signed(showing, trusted.keys)
    verifier.require_for(showing.claims, trust, at)
    verifier.require_fresh(showing.shown_at, at)
    return VerifiedPass(showing.claims)


def take_apart(code: str) -> Showing:
    """Return the parts of a code whose device signature is right; the issuer's is not checked yet."""
    if not code.startswith(PREFIX) or len(code) > CODE_LENGTH_MAX:
        raise PassRefused(PassFault.MALFORMED, "not a pass")
    outer = _parts(base45.decode(code.removeprefix(PREFIX)))
    showing = cbor.loads(outer[2])
    if not isinstance(showing, list) or len(showing) != 2 or not isinstance(showing[0], bytes):
        raise PassRefused(PassFault.MALFORMED, "not a showing")
    inner = _parts(showing[0])
    header = _header(inner, TYPE, (ALGORITHM, KEY_ID, TYPE_HEADER))
    pass_claims = _claims(cbor.loads(inner[2]))
    _header(outer, SHOWING_TYPE, (ALGORITHM, TYPE_HEADER))
    try:
        _check(outer, pass_claims.device_key)
    except PassRefused:
        raise PassRefused(PassFault.WRONG_KEY_BINDING, "signed by another key") from None
    if not isinstance(header[KEY_ID], bytes):
        raise PassRefused(PassFault.MALFORMED, "not a key id")
    return Showing(showing[0], pass_claims, header[KEY_ID], jose.natural_of(showing[1]))


def verify_signed(showing: Showing, keys: Mapping[str, PublicKey]) -> None:
    """Raise PassRefused unless one of the issuer's keys, by thumbprint, has signed the pass."""
    for key_id, key in keys.items():
        if jose.decode(key_id)[:KEY_ID_BYTES] == showing.key_id:
            return _check(_parts(showing.signed_pass), key)
    raise PassRefused(PassFault.UNKNOWN_KEY)


def _payload(pass_claims: PassClaims) -> dict[int, Any]:
    numbers = pass_claims.device_key.public_numbers()
    key = {KTY: EC2, CRV: P256, X: numbers.x.to_bytes(jose.COORDINATE_BYTES), Y: bool(numbers.y & 1)}
    base = pass_claims.issuer + "/"
    return {
        ISS: pass_claims.issuer,
        AUD: pass_claims.venue.removeprefix(base),
        EXP: pass_claims.expires_at,
        IAT: pass_claims.issued_at,
        CNF: {COSE_KEY: key},
        VCT: pass_claims.benefit_type.removeprefix(base),
        STATUS: {"status_list": {"idx": pass_claims.status.index, "uri": pass_claims.status.uri.removeprefix(base)}},
    }


def _claims(payload: Any) -> PassClaims:
    if not isinstance(payload, dict) or payload.keys() != CLAIMS:
        raise PassRefused(PassFault.MALFORMED, "a claim is missing or unknown")
    key = _only(payload[CNF], COSE_KEY)
    reference = _only(payload[STATUS], "status_list")
    if not isinstance(reference, dict) or reference.keys() != {"idx", "uri"}:
        raise PassRefused(PassFault.MALFORMED, "not a position in a list")
    issuer = jose.text_of(payload[ISS], claims.URL_LENGTH_MAX)
    pass_claims = PassClaims(
        issuer=issuer,
        benefit_type=_absolute(issuer, payload[VCT]),
        venue=_absolute(issuer, payload[AUD]),
        issued_at=payload[IAT],
        expires_at=payload[EXP],
        device_key=_device_key(key),
        status=StatusReference(_absolute(issuer, reference["uri"]), reference["idx"]),
    )
    return claims.checked(pass_claims)


def _only(value: Any, member: int | str) -> Any:
    if not isinstance(value, dict) or value.keys() != {member}:
        raise PassRefused(PassFault.MALFORMED, "a member is missing or unknown")
    return value[member]


def _absolute(issuer: str, value: Any) -> str:
    """Return an address that is relative to the issuer's, or whole where it is another city's."""
    text = jose.text_of(value, claims.URL_LENGTH_MAX)
    if text.startswith(issuer + "/"):
        raise PassRefused(PassFault.MALFORMED, "a longer form than needed")
    return text if "://" in text else f"{issuer}/{text}"


def _device_key(key: Any) -> PublicKey:
    if not isinstance(key, dict) or key.keys() != {KTY, CRV, X, Y} or (key[KTY], key[CRV]) != (EC2, P256):
        raise PassRefused(PassFault.MALFORMED, "not a P-256 key")
    if not isinstance(key[X], bytes) or len(key[X]) != jose.COORDINATE_BYTES or not isinstance(key[Y], bool):
        raise PassRefused(PassFault.MALFORMED, "not a P-256 key")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), (b"\x03" if key[Y] else b"\x02") + key[X])
    except ValueError:
        raise PassRefused(PassFault.MALFORMED, "not a point of P-256") from None


Parts = tuple[bytes, bytes, bytes]
"""Protected header, signature and payload of a COSE_Sign1."""


def _sign(key: PrivateKey, header: dict[int, Any], payload: bytes) -> bytes:
    protected = cbor.dumps(header)
    return cbor.dumps([protected, {}, payload, jose.sign_bytes(key, _signed_bytes(protected, payload))])


def _signed_bytes(protected: bytes, payload: bytes) -> bytes:
    return cbor.dumps([CONTEXT, protected, b"", payload])


def _parts(data: bytes) -> Parts:
    parts = cbor.loads(data)
    if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {}:
        raise PassRefused(PassFault.MALFORMED, "not a COSE_Sign1")
    protected, _, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise PassRefused(PassFault.MALFORMED, "not a COSE_Sign1")
    return protected, signature, payload


def _header(parts: Parts, kind: str, names: tuple[int, ...]) -> dict[int, Any]:
    header = cbor.loads(parts[0])
    if not isinstance(header, dict) or header.get(ALGORITHM) != ES256 or header.get(TYPE_HEADER) != kind:
        raise PassRefused(PassFault.WRONG_TYPE, f"not an ES256 {kind}")
    if header.keys() != set(names):
        raise PassRefused(PassFault.MALFORMED, "a header is missing or unknown")
    return header


def _check(parts: Parts, key: PublicKey) -> None:
    protected, signature, payload = parts
    jose.verify_bytes(key, signature, _signed_bytes(protected, payload))
