"""Answers for verifiers of offline passes."""

from __future__ import annotations

from service.http.json_io import ApiModel


class PassKey(ApiModel):
    """A public key that signs passes, as a JWK (RFC 7517)."""

    kty: str
    """The key type, `EC`."""
    crv: str
    """The curve, `P-256`."""
    x: str
    """The coordinate x, in base64url."""
    y: str
    """The coordinate y, in base64url."""
    kid: str
    """The id of the key, its RFC 7638 thumbprint."""
    use: str
    """The use, `sig`."""
    alg: str
    """The algorithm, `ES256`."""


class PassKeySet(ApiModel):
    """The keys that verify passes and status lists; a replaced key is removed after its last pass has expired."""

    keys: list[PassKey]
    """The keys."""


class PassIssuerMetadata(ApiModel):
    """The issuer of passes, as SD-JWT VC describes one."""

    issuer: str
    """The address by which passes name this city (`iss`)."""
    jwks: PassKeySet
    """Its keys."""
