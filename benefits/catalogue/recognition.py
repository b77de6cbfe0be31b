"""The schema of issuers: other cities, the keys of their passes, and the types that count as a benefit here (R19).

The address only names the city: nothing here ever calls it. The keys come with each pass, and count if their hash is
the one that was reviewed.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consent.documents.schema import DOCUMENT_ID_PATTERN, Closed, Division, DocumentId, Name, StrictDocument

URL_PATTERN = (
    r"^(https://[a-z0-9](\.?[a-z0-9-])*(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*"
    r"|http://(127\.0\.0\.1|localhost)(:[1-9][0-9]{0,4})?)$"
)
"""An https address without a slash at its end; http for this machine alone, where demonstration cities run."""
URL_MAX = 100
"""Characters of an address, as a verifier of passes takes it."""
TYPE_PATTERN = rf"^[!-~]+/vct/{DOCUMENT_ID_PATTERN}/[1-9][0-9]{{0,8}}$"
"""The type of a pass: the issuer's address, a benefit there, and its version."""
TYPE_MAX = 200
RECOGNISED_MAX = 50
"""Types of one city: each is reviewed by itself, and a city shares a few kinds of benefit with another."""


class RecognisedType(StrictDocument):
    """A type of pass of the other city, and the benefit here that it counts as."""

    vct: Annotated[str, Field(pattern=TYPE_PATTERN, max_length=TYPE_MAX)]
    """The type (`vct`), which names a benefit of the other city and its version."""
    benefit_id: DocumentId
    """The benefit here."""


class IssuerDocument(StrictDocument):
    """Another city whose passes count here as benefits; nothing but the type of a benefit crosses."""

    issuer_id: DocumentId
    """The id of the issuer here."""
    url: Annotated[str, Field(pattern=URL_PATTERN, max_length=URL_MAX)]
    """The address by which its passes name it (`iss`); it is never called."""
    name: Name
    """The name of the city."""
    division: Division
    """The division here in which its passes count."""
    keys_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """The SHA-256 of its key set: of the RFC 7638 thumbprints of its keys, sorted, one a line."""
    recognises: Annotated[tuple[RecognisedType, ...], Closed, Field(min_length=1, max_length=RECOGNISED_MAX)]
    """The types of pass that count, each as one benefit."""

    @model_validator(mode="after")
    def _types_fit(self) -> Self:
        seen: set[str] = set()
        for index, row in enumerate(self.recognises):
            pointer = {"pointer": f"/recognises/{index}/vct"}
            if not row.vct.startswith(f"{self.url}/vct/"):
                raise PydanticCustomError("type_of_another", "the type is not of this issuer's address", pointer)
            if row.vct in seen:
                raise PydanticCustomError("type_repeated", "a type counts as one benefit", pointer)
            seen.add(row.vct)
        return self
