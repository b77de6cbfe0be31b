"""Bodies and answers of offline passes at a venue: the code of one, or uploads of those honoured without a network."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benefits.passes.issuers import METADATA_BYTES_MAX
from benefits.passes.sd_jwt import KEY_BINDING_LENGTH_MAX, PASS_LENGTH_MAX
from benefits.passes.status_list import TOKEN_LENGTH_MAX
from benefits.redemption.offline_passes.recognised_passes import ISSUERS_MAX, STATUS_LISTS_MAX
from benefits.redemption.offline_passes.redeem_pass import UPLOADS_MAX
from benefits.redemption.offline_passes.reported_use import UploadResult
from service.api.common_schemas import CivilDayText, Instant
from service.http.json_io import ApiModel

IssuerMetadataText = Annotated[str, Field(min_length=1, max_length=METADATA_BYTES_MAX)]
KeyBindingText = Annotated[str, Field(min_length=1, max_length=KEY_BINDING_LENGTH_MAX)]
StatusListText = Annotated[str, Field(min_length=1, max_length=TOKEN_LENGTH_MAX)]


class ShownPassBody(ApiModel):
    """An offline pass that is shown with a network; of another city with its key set and status list."""

    # "pass" is a keyword of Python.
    signed: Annotated[str, Field(alias="pass", min_length=1, max_length=PASS_LENGTH_MAX)]
    """The text of the scanned code, spaces included, which begins with `CE1:`; or the pass, `<JWS>~`."""
    key_binding: Annotated[KeyBindingText | None, Field(alias="presentation")] = None
    """The key-binding JWT of a pass `<JWS>~`; absent for a scanned code."""
    issuer: IssuerMetadataText | None = None
    """Of another city's pass: the document at its `/.well-known/jwt-vc-issuer`, as text."""
    status_list: StatusListText | None = None
    """Of another city's pass: its status list, as it was fetched."""


class OfflineItem(ApiModel):
    """The use of a pass."""

    # "pass" is a keyword of Python.
    signed: Annotated[str, Field(alias="pass", min_length=1, max_length=PASS_LENGTH_MAX)]
    """The pass, `<JWS>~`, or the text of its scanned code."""
    key_binding: Annotated[KeyBindingText | None, Field(alias="presentation")] = None
    """The key-binding JWT with which the device showed it; absent for a scanned code."""
    at: Instant
    """The time at which it was honoured."""


class OfflineBody(ApiModel):
    """Uses of passes, each once."""

    items: Annotated[list[OfflineItem], Field(min_length=1, max_length=UPLOADS_MAX)]
    """The uses, in any order."""
    issuers: Annotated[list[IssuerMetadataText], Field(max_length=ISSUERS_MAX)] | None = None
    """The documents at `/.well-known/jwt-vc-issuer` of the other cities whose passes are among them, as texts."""
    status_lists: Annotated[list[StatusListText], Field(max_length=STATUS_LISTS_MAX)] | None = None
    """The status lists of these passes by which the venue honoured them."""


class OfflineResult(ApiModel):
    """The result of one use."""

    result: UploadResult
    """The result, one of a closed list."""
    redemption_id: str | None = None
    """The redemption, where it is booked."""
    runs_until: CivilDayText | None = None
    """The last civil day of what was granted, where it is booked."""


class OfflineAnswer(ApiModel):
    """A result for each use, in the order of the items."""

    results: list[OfflineResult]
    """The results."""
