"""Strict JSON, base64url and compact JWS with ES256: each value has a single accepted encoding.

PyJWT 2.15 checks no `typ`, accepts repeated members, dates as strings and base64url with bits left over. Signatures are
made and verified by `cryptography`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from benefits.passes.refusals import PassFault, PassRefused

ALGORITHM = "ES256"
COORDINATE_BYTES = 32
INTEGER_MAX = 2**53 - 1
"""The largest integer that every JSON reader holds exactly."""
DEPTH_MAX = 6
"""Nesting of the deepest accepted object; a pass has 3 levels, issuer metadata 3."""
BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
JWK_MEMBERS = frozenset({"kty", "crv", "x", "y"})
_SHA256 = ec.ECDSA(hashes.SHA256())

Json = dict[str, Any]
PublicKey = ec.EllipticCurvePublicKey
PrivateKey = ec.EllipticCurvePrivateKey


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url without padding; PassRefused for padding, other characters and bits left over."""
    if BASE64URL.fullmatch(text) is None or len(text) % 4 == 1:
        raise PassRefused(PassFault.MALFORMED, "not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise PassRefused(PassFault.MALFORMED, "not base64url") from None
    if encode(data) != text:
        raise PassRefused(PassFault.MALFORMED, "bits are left over")
    return data


def read_json(data: bytes) -> Json:
    """Parse an object in UTF-8 of strings, integers, lists and objects.

    PassRefused for repeated members, fractions, other numbers than integers of 53 bits, null, booleans and nesting
    beyond DEPTH_MAX.
    """
    try:
        parsed = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_no_number,
                            parse_constant=_no_number)  # fmt: skip
    except (ValueError, RecursionError):
        raise PassRefused(PassFault.MALFORMED, "not a strict JSON object") from None
    if not isinstance(parsed, dict):
        raise PassRefused(PassFault.MALFORMED, "not an object")
    _check(parsed, DEPTH_MAX)
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members


def _no_number(text: str) -> Any:
    raise ValueError(f"{len(text)} characters that are no integer")


def _check(value: Any, levels: int) -> None:
    if levels == 0:
        raise PassRefused(PassFault.MALFORMED, "nested too deep")
    if isinstance(value, dict):
        for member in value.values():
            _check(member, levels - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, levels - 1)
    # A boolean is an int for isinstance, and true == 1.
    elif type(value) is int:
        if abs(value) > INTEGER_MAX:
            raise PassRefused(PassFault.MALFORMED, "an integer beyond 53 bits")
    elif not isinstance(value, str):
        raise PassRefused(PassFault.MALFORMED, "neither a text nor an integer")


def write_json(value: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def require_members(value: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise PassRefused unless `value` has exactly the members `names`."""
    if value.keys() != set(names):
        raise PassRefused(PassFault.MALFORMED, "a member is missing or unknown")


def text_of(value: Any, longest: int) -> str:
    """Return a text of 1 to `longest` printable ASCII characters; PassRefused for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not (value.isascii() and value.isprintable()):
        raise PassRefused(PassFault.MALFORMED, "not a short text")
    return value


def natural_of(value: Any) -> int:
    """Return an integer from 0 up; PassRefused for anything else."""
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:
        raise PassRefused(PassFault.MALFORMED, "not a natural number")
    return value


def read_public_key(jwk: Any) -> PublicKey:
    """Return the P-256 key of a JWK that has exactly the members kty, crv, x and y; PassRefused for any other key."""
    if not isinstance(jwk, dict):
        raise PassRefused(PassFault.MALFORMED, "not a key")
    require_members(jwk, JWK_MEMBERS)
    if jwk["kty"] != "EC" or jwk["crv"] != "P-256":
        raise PassRefused(PassFault.MALFORMED, "not a P-256 key")
    x, y = (decode(text_of(jwk[name], 43)) for name in ("x", "y"))
    return key_at(x, y)


def key_at(x: bytes, y: bytes) -> PublicKey:
    """Return the P-256 key at a point; PassRefused unless both coordinates have 32 bytes and lie on the curve."""
    if len(x) != COORDINATE_BYTES or len(y) != COORDINATE_BYTES:
        raise PassRefused(PassFault.MALFORMED, "not a P-256 key")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError:
        raise PassRefused(PassFault.MALFORMED, "not a point of P-256") from None


def public_jwk(key: PublicKey) -> dict[str, str]:
    """Return the JWK of a P-256 key: kty, crv, x and y."""
    numbers = key.public_numbers()
    x, y = (encode(number.to_bytes(COORDINATE_BYTES)) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def thumbprint(key: PublicKey) -> bytes:
    """Return the 32 bytes of the RFC 7638 thumbprint of a P-256 key."""
    jwk = public_jwk(key)
    return hashlib.sha256(json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()).digest()


def sign_bytes(key: PrivateKey, message: bytes) -> bytes:
    """Return the ES256 signature of a message: r and s, 64 bytes."""
    r, s = decode_dss_signature(key.sign(message, _SHA256))
    return r.to_bytes(COORDINATE_BYTES) + s.to_bytes(COORDINATE_BYTES)


def verify_bytes(key: PublicKey, signature: bytes, message: bytes) -> None:
    """Check an ES256 signature; PassRefused if it has not 64 bytes or is wrong."""
    if len(signature) != 2 * COORDINATE_BYTES:
        raise PassRefused(PassFault.WRONG_SIGNATURE, "not 64 bytes")
    r, s = (int.from_bytes(half) for half in (signature[:COORDINATE_BYTES], signature[COORDINATE_BYTES:]))
    try:
        key.verify(encode_dss_signature(r, s), message, _SHA256)
    except InvalidSignature:
        raise PassRefused(PassFault.WRONG_SIGNATURE) from None


def sign(key: PrivateKey, header: Mapping[str, str], claims: Mapping[str, Any]) -> str:
    """Return the compact JWS of claims with ES256; `header` has its further members (`typ`, `kid`)."""
    head = encode(write_json({"alg": ALGORITHM, **header}))
    message = f"{head}.{encode(write_json(claims))}"
    return f"{message}.{encode(sign_bytes(key, message.encode()))}"


class Unverified:
    """A compact JWS taken apart: its header has been checked, its signature has not.

    `header` has exactly the members `alg`, `typ` and, with `with_key_id`, `kid`; `claims` is the payload.
    """

    __slots__ = ("_message", "_signature", "claims", "header")

    def __init__(self, text: str, kind: str, *, longest: int, with_key_id: bool = True) -> None:
        """Take a JWS apart whose `typ` must be `kind`; PassRefused for any other form, and beyond `longest`."""
        parts = text.split(".")
        if len(text) > longest or len(parts) != 3:
            raise PassRefused(PassFault.MALFORMED, "not a compact JWS")
        self.header = read_json(decode(parts[0]))
        if self.header.get("alg") != ALGORITHM or self.header.get("typ") != kind:
            raise PassRefused(PassFault.WRONG_TYPE, f"not an ES256 {kind}")
        require_members(self.header, ("alg", "typ", "kid") if with_key_id else ("alg", "typ"))
        self.claims = read_json(decode(parts[1]))
        self._signature, self._message = decode(parts[2]), f"{parts[0]}.{parts[1]}".encode()

    @property
    def key_id(self) -> str:
        """The `kid`."""
        return text_of(self.header.get("kid"), 64)

    def check_signature(self, key: PublicKey) -> None:
        """Raise PassRefused unless `key` has signed this."""
        verify_bytes(key, self._signature, self._message)
