"""Shapes of a privacy officer's cases."""

from __future__ import annotations

from typing import Annotated

from service.api.common_schemas import CaseId, CivilDayText, FreeText, Instant, NextCursor, ReasonCode
from service.http.json_io import ApiModel
from service.http.openapi.named import one_of


class CaseBody(ApiModel):
    """The reason for reading consents: a code and a text."""

    reason_code: ReasonCode
    """The reason for programs, such as `yearly_audit`."""
    text: FreeText
    """The reason in your words."""


class CaseAnswer(ApiModel):
    """The id of a case, which every later read of consents names."""

    case_id: CaseId


class CaseRow(ApiModel):
    """One of the officer's own cases, with its reason."""

    case_id: CaseId
    reason_code: str
    """The reason for programs."""
    text: str
    """The reason in the officer's words."""
    state: Annotated[str, one_of("CaseState", "The state of a case.", "open", "closed")]
    opened_on: CivilDayText
    """The civil day on which the case was opened."""
    closed_on: CivilDayText | None = None
    """The civil day on which the case was closed."""
    conclusion: str | None = None
    """The conclusion of a closed case, in the officer's words."""


class Cases(ApiModel):
    """The officer's own cases, newest first."""

    data: list[CaseRow]
    """Cases, newest first."""
    next_cursor: NextCursor


class NoteBody(ApiModel):
    """A note on a case."""

    text: FreeText
    """The note, in your words; name no resident in it."""


class NoteRow(ApiModel):
    """A note on a case."""

    number: int
    """The place of the note, from 1."""
    text: str
    """The note in the officer's words."""
    at: Instant
    """The time of the note."""


class CaseDetails(CaseRow):
    """A case with its notes."""

    notes: list[NoteRow]
    """Notes, oldest first."""


class ClosingBody(ApiModel):
    """The end of a case."""

    conclusion: FreeText
    """The conclusion, in your words; name no resident in it."""


class CaseClosed(ApiModel):
    """A case that was closed."""

    case_id: CaseId
    state: Annotated[str, one_of("CaseState", "The state of a case.", "open", "closed")]
