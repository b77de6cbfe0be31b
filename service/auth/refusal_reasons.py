"""The closed list of reasons for which a token is refused."""

from __future__ import annotations

from enum import StrEnum


class RefusalReason(StrEnum):
    """The reason for which a token was refused, for operators; no answer tells it."""

    MISSING = "token_missing"
    SIZE = "size"
    MALFORMED = "malformed"
    CRITICAL_EXTENSION = "critical_extension"
    TYP = "typ"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    UNKNOWN_KID = "unknown_kid"
    ALGORITHM = "algorithm"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    LIFETIME = "lifetime"
    CLIENT = "client"
    """The subject is not the client: a person's token where a venue or source is expected."""
    NO_STAFF_ID = "no_staff_id"
    WRONG_ROLE = "wrong_role"
    BIRTHDATE = "birthdate_required"
    ADULTS_ONLY = "adults_only"
    KEYS_UNAVAILABLE = "keys_unavailable"
