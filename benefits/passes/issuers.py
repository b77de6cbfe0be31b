"""Issuers that a venue trusts: their address, and their keys by id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benefits.passes import jose
from benefits.passes.jose import PublicKey
from benefits.passes.refusals import PassFault, PassRefused

METADATA_BYTES_MAX = 65_536
KEYS_MAX = 16
KEY_MEMBERS = ("kty", "crv", "x", "y")


@dataclass(frozen=True, slots=True)
class PassIssuer:
    """An issuer: its address (`iss`), and its P-256 keys by `kid`, the RFC 7638 thumbprint."""

    url: str
    keys: Mapping[str, PublicKey]

    def key(self, key_id: str) -> PublicKey:
        """Return the key of an id; PassRefused without one."""
        key = self.keys.get(key_id)
        if key is None:
            raise PassRefused(PassFault.UNKNOWN_KEY)
        return key


def read_metadata(document: bytes, url: str) -> PassIssuer:
    """Return the issuer of a `/.well-known/jwt-vc-issuer` document that was read from under `url`.

    Fetch it again every 300 seconds while there is a network: a removed key is refused from then on.

    Raises:
        PassRefused: the document is of another issuer, is too large, repeats a member, or has no key of P-256.
    """
    if len(document) > METADATA_BYTES_MAX:
        raise PassRefused(PassFault.MALFORMED, "issuer metadata is too large")
    members = jose.read_json(document)
    if members.get("issuer") != url or not url.startswith(("https://", "http://")):
        raise PassRefused(PassFault.UNKNOWN_ISSUER, "the metadata is of another issuer")
    key_set = members.get("jwks")
    return PassIssuer(url, read_keys(key_set.get("keys") if isinstance(key_set, dict) else None))


def read_keys(listed: Any) -> dict[str, PublicKey]:
    """Return the keys of a list of JWKs by their thumbprint; further members of a key are ignored.

    Raises:
        PassRefused: there is none, too many, one that is no public P-256 key, or a `kid` that is no thumbprint.
    """
    if not isinstance(listed, list) or not 0 < len(listed) <= KEYS_MAX:
        raise PassRefused(PassFault.MALFORMED, f"an issuer has 1 to {KEYS_MAX} keys")
    keys = {}
    for jwk in listed:
        if not isinstance(jwk, dict) or not set(KEY_MEMBERS) <= jwk.keys() or "d" in jwk:
            raise PassRefused(PassFault.MALFORMED, "not a public key")
        key = jose.read_public_key({name: jwk[name] for name in KEY_MEMBERS})
        key_id = jose.encode(jose.thumbprint(key))
        if jwk.get("kid", key_id) != key_id:
            raise PassRefused(PassFault.MALFORMED, "a kid is no thumbprint")
        keys[key_id] = key
    return keys


def key_set_sha256(key_ids: Iterable[str]) -> str:
    """Return the SHA-256 in hexadecimal by which a city pins another's key set: of the thumbprints, sorted, one a line.

    `key_ids` are the thumbprints of its keys, as of `PassIssuer.keys`.
    """
    return hashlib.sha256("\n".join(sorted(key_ids)).encode()).hexdigest()
