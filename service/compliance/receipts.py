"""Signed receipts of consent decisions, provable in the consent log.

Fields follow ISO/IEC TS 27560 and the W3C Data Privacy Vocabulary. A receipt is canonical JSON (RFC 8785) with a
detached ES256 JWS (RFC 7515, appendix F). With the openings of its events anybody can compute the leaves and check that
they are in the log.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt

from consent.domain.purposes import Purpose
from consent.events.ledger import Opening
from consent.kernel.canonical_json import canonical_json
from consent.kernel.instants import rfc3339
from service.auth.key_files import SigningKey

SCHEMA = "ISO/IEC TS 27560:2023"
DPV = "https://w3id.org/dpv#"
TYPE = "consent-receipt+jws"
DPV_PURPOSE = {
    Purpose.POINTS_COMPUTE: DPV + "RequestedServiceProvision",
    Purpose.BENEFIT_CHECK: DPV + "EstablishContractualAgreement",
}
DPV_STATE = {
    "given": DPV + "ConsentGiven",
    "refused": DPV + "ConsentRefused",
    "withdrawn": DPV + "ConsentWithdrawn",
    "expired": DPV + "ConsentExpired",
    "terminated": DPV + "ConsentRevoked",
}


def build(openings: Sequence[Opening], controller: Mapping[str, str]) -> dict[str, Any]:
    """Return the receipt over the events of one consent, oldest first; `controller` has `name` and `contact`.

    The receipt names no person: it tells its holder the terms of the consent, and nobody else whose consent it is.
    """
    first, last = openings[0].event, openings[-1].event
    facts = first["facts"]
    state = last["kind"].removeprefix("consent.")
    return {
        "schema_version": SCHEMA,
        "record_id": facts["consent_id"],
        "pii_controllers": [{"role": "pii-controller", **controller}],
        "pii_processing": {
            "purpose": facts["purpose"],
            "dpv_purpose": DPV_PURPOSE[Purpose(facts["purpose"])],
            "lawful_basis": DPV + "ExplicitlyExpressedConsent",
            "counterpart": facts["counterpart"],
            "privacy_notice": {
                "notice_id": facts["notice_id"],
                "version": facts["notice_version"],
                "sha256": facts["notice_sha256"],
                "shown_sha256": facts["body_sha256"],
                "language": facts["language"],
            },
        },
        "state": state,
        "dpv_state": DPV_STATE[state],
        "expires_at": _with_z(facts.get("expires_at")),
        "previous_record_id": facts.get("previous_id"),
        "events": [
            {
                "kind": opening.event["kind"],
                "at": _with_z(opening.event["at"]),
                "leaf_hash": encoded_hash(opening.leaf_hash),
            }
            for opening in openings
        ],
    }


def _with_z(instant: str | None) -> str | None:
    """Return an instant of an event with `Z`. Events of version 0.2.0 and before have `+00:00`, and stay as hashed."""
    return None if instant is None else instant.replace("+00:00", "Z")


def sign(receipt: Mapping[str, Any], key: SigningKey) -> str:
    """Return the detached JWS of a receipt: `header..signature` over its canonical JSON."""
    signed = jwt.PyJWS().encode(
        canonical_json(receipt), key.key, algorithm="ES256", headers={"kid": key.kid, "typ": TYPE}
    )
    header, _, signature = signed.split(".")
    return f"{header}..{signature}"


def build_erasure(leaf_hash: str, at: datetime) -> dict[str, Any]:
    """Return the receipt of an erasure: its time and its leaf. It names nobody."""
    return {
        "schema_version": SCHEMA,
        "state": "erased",
        "events": [{"kind": "person.erased", "at": rfc3339(at), "leaf_hash": encoded_hash(leaf_hash)}],
    }


def openings_json(openings: Sequence[Opening]) -> list[dict[str, Any]]:
    """Return the events with their salts as JSON values: the content that the leaves commit to."""
    return [
        {"event": opening.event, "salt": opening.salt, "leaf_hash": encoded_hash(opening.leaf_hash)}
        for opening in openings
    ]


def proof_file(index: int, hashes: Sequence[bytes], checkpoint_note: str) -> str:
    """Return a C2SP tlog-proof: the leaf's index, its inclusion proof and the checkpoint that the proof leads to."""
    lines = ["c2sp.org/tlog-proof@v1", f"index {index}", *(base64.b64encode(node).decode() for node in hashes)]
    return "\n".join(lines) + "\n\n" + checkpoint_note


def encoded_hash(hex_hash: str) -> str:
    """Return a hexadecimal leaf hash in base64, as the public API writes it."""
    return base64.b64encode(bytes.fromhex(hex_hash)).decode()
