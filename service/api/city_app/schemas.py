"""Bodies and answers of the city app's back end: that somebody has something to read, never what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.api.common_schemas import Id, Instant, NextCursor
from service.http.json_io import LIMIT_MAX, ApiModel
from service.http.openapi.named import text

HintId = Annotated[str, text("The id of the hint: a new one at a full hour, at most, for messages of the hour before.")]


class HintRow(ApiModel):
    """A resident who opted in and has something unread. There is no member for what it is about."""

    hint_id: HintId
    sub: Annotated[str, text("The resident: `sub` of their tokens.")]
    since: Instant
    """The hour of the first unread message."""


class HintList(ApiModel):
    """A page of hints."""

    data: list[HintRow]
    """Hints, the oldest first."""
    next_cursor: NextCursor


class HintAcknowledgement(ApiModel):
    """The hints that were passed on."""

    hint_ids: Annotated[list[Id], Field(min_length=1, max_length=LIMIT_MAX)]
    """Ids of hints, at most a page of them."""


class HintsAcknowledged(ApiModel):
    """The acknowledgement; the same for hints that are read meanwhile, so that it tells nothing about anybody."""

    state: Literal["acknowledged"] = "acknowledged"
    """Always `acknowledged`."""
