"""The shape of an administrator's list of acts on documents."""

from __future__ import annotations

from service.api.common_schemas import CatalogueId, DocumentKindName, Instant, Localized, NextCursor, StaffId
from service.http.json_io import ApiModel


class ActivityRow(ApiModel):
    """An act on a version of a document; `staff_id` is `gate` for a suspension by the publication rules themselves."""

    kind: DocumentKindName
    id: CatalogueId
    version: int
    """The number of the version."""
    name: Localized | None = None
    """The name or title of that version, where it has one."""
    act: str
    """The act; acts may be added."""
    staff_id: StaffId
    at: Instant
    """The time of the act."""
    reason: str | None = None
    """The reason that was given."""


class Activity(ApiModel):
    """A page of acts on documents, newest first."""

    data: list[ActivityRow]
    """The acts, newest first."""
    next_cursor: NextCursor
