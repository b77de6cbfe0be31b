"""The members of an access token that are read, with their exact types; every other member is ignored."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from consent.documents.schema import Division

NAME_CHARACTERS = 255
"""Longest `sub`, by OpenID Connect Core, section 2."""
STAFF_DIVISIONS_MAX = 32
"""Divisions in a token: a member of staff for more districts is one for the city."""


def require_clean_name(text: str) -> str:
    """Return the text unchanged, or raise ValueError: 1 to 255 printable characters in NFKC form.

    Blind indexes are computed from the NFKC form, so two subjects with the same form would be one person.
    """
    if not 1 <= len(text) <= NAME_CHARACTERS or not text.isprintable() or not unicodedata.is_normalized("NFKC", text):
        raise ValueError(f"a name is 1 to {NAME_CHARACTERS} printable characters in NFKC form")
    return text


Name = Annotated[str, AfterValidator(require_clean_name)]
StaffDivisions = Annotated[list[Division], Field(max_length=STAFF_DIVISIONS_MAX)]
NumericDate = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Whole seconds of the epoch, up to the last of year 9999."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class TokenHeader(_Strict):
    """The members of a JOSE header that are read. `jku`, `x5u`, `jwk` and `x5c` are ignored."""

    typ: str
    alg: str
    kid: str


class TokenClaims(_Strict):
    iss: str
    aud: str
    sub: Name
    exp: NumericDate
    iat: NumericDate
    nbf: NumericDate = 0
    client_id: Name | None = None
    venue_client_id: Name | None = None
    """For desks: the `client_id` of the venue's document. The issuer sets it; no application may choose it."""
    staff_id: Name | None = None
    divisions: StaffDivisions = []
    birthdate: str | None = None
