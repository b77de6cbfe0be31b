"""Answers for verifiers of offline passes."""

from __future__ import annotations

from service.api.common_schemas import BenefitId, DivisionCode, Localized, NextCursor, Sha256
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


class RecognisedTypeRow(ApiModel):
    """A type of pass of another city, and the benefit here that it counts as."""

    vct: str
    """The type (`vct`)."""
    benefit_id: BenefitId


class IssuerRow(ApiModel):
    """Another city whose passes count here."""

    issuer_id: str
    """The id of the issuer."""
    url: str
    """The address by which its passes name it (`iss`)."""
    name: Localized
    """The name of the city."""
    division: DivisionCode
    keys_sha256: Sha256
    """The SHA-256 of its key set: of the RFC 7638 thumbprints of its keys, sorted, one a line."""
    recognises: list[RecognisedTypeRow]
    """The types of pass that count."""


class IssuerList(ApiModel):
    """Other cities in force whose passes count here."""

    data: list[IssuerRow]
    """Issuers by id."""
    next_cursor: NextCursor


class WalletAnswerReceived(ApiModel):
    """The answer to a wallet, the same for every outcome: it has no members."""
