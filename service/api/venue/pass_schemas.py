"""Bodies and answers of offline passes at a venue: the code of one, or uploads of those honoured without a network."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from benefits.passes.cwt import CODE_LENGTH_MAX
from benefits.passes.sd_jwt import BINDING_LENGTH_MAX, PASS_LENGTH_MAX
from benefits.redemption.pass_uploads import UPLOADS_MAX, UploadResult
from service.api.common_schemas import CivilDayText, Instant
from service.http.json_io import ApiModel


class PassCodeBody(ApiModel):
    """The scanned code of an offline pass."""

    # "pass" is a keyword of Python.
    code: Annotated[str, Field(alias="pass", min_length=1, max_length=CODE_LENGTH_MAX)]
    """The text of the code as it was scanned, spaces included; it begins with `CE1:`."""


class OfflineItem(ApiModel):
    """The use of a pass."""

    # "pass" is a keyword of Python.
    signed: Annotated[str, Field(alias="pass", min_length=1, max_length=PASS_LENGTH_MAX)]
    """The pass, `<JWS>~`, or the text of its scanned code."""
    presentation: Annotated[str, Field(min_length=1, max_length=BINDING_LENGTH_MAX)] | None = None
    """The key-binding JWT with which the device showed it; absent for a scanned code."""
    at: Instant
    """The time at which it was honoured."""


class OfflineBody(ApiModel):
    """Uses of passes, each once."""

    items: Annotated[list[OfflineItem], Field(min_length=1, max_length=UPLOADS_MAX)]
    """The uses, in any order."""


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
