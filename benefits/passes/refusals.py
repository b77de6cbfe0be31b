"""The reasons for which a pass, a key binding or a status list is refused; for the venue's software, never a person.

ValueError
└── PassRefused   with a `PassFault`
"""

from __future__ import annotations

from enum import StrEnum


class PassFault(StrEnum):
    """A check that failed. At the desk every refusal means standard terms."""

    MALFORMED = "malformed"
    """Not of the form: sizes, encodings, repeated or unknown members, types."""
    WRONG_TYPE = "wrong_type"
    """A header with another `typ` or `alg`."""
    UNKNOWN_ISSUER = "unknown_issuer"
    UNKNOWN_KEY = "unknown_key"
    WRONG_SIGNATURE = "wrong_signature"
    NOT_VALID_NOW = "not_valid_now"
    """Expired, not valid yet, or valid for longer than a pass may be."""
    OTHER_VENUE = "other_venue"
    OTHER_BENEFIT = "other_benefit"
    NO_KEY_BINDING = "no_key_binding"
    WRONG_KEY_BINDING = "wrong_key_binding"
    """Of another pass, nonce or venue, or not signed by the pass's device key."""
    STALE_KEY_BINDING = "stale_key_binding"
    NO_STATUS_LIST = "no_status_list"
    """No list of the pass's address was given, or the pass has no position in it."""
    STATUS_LIST_EXPIRED = "status_list_expired"
    REVOKED = "revoked"


class PassRefused(ValueError):
    """The pass proves nothing here and now; `fault` names the check that failed."""

    def __init__(self, fault: PassFault, message: str = "") -> None:
        super().__init__(f"{fault}: {message}" if message else str(fault))
        self.fault = fault
