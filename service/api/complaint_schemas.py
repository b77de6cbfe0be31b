"""Request and answer schemas of complaints, as their residents and privacy officers see them."""

from __future__ import annotations

from typing import Annotated

from consent.domain.complaints import ComplaintReason, ComplaintState
from consent.oversight.complaints import Complaint
from service.api.common_schemas import (
    BenefitId,
    CivilDayText,
    DocumentId,
    FreeText,
    Instant,
    Localized,
    NextCursor,
    ProviderId,
    VenueId,
)
from service.http import json_io
from service.http.json_io import ApiModel
from service.http.openapi.named import closed_set, text

ComplaintId = Annotated[str, text("The id of the complaint.")]
StateName = Annotated[str, closed_set(ComplaintState)]
ReasonName = Annotated[str, closed_set(ComplaintReason)]


class ComplaintBody(ApiModel):
    """A benefit and a venue, and the way in which the resident was treated there."""

    benefit_id: DocumentId
    """The benefit."""
    venue_id: DocumentId
    """The venue."""
    reason_code: Annotated[ComplaintReason, closed_set(ComplaintReason)]
    """The kind of treatment."""
    statement: FreeText | None = None
    """The resident's words, which the officer reads."""


class ResidentComplaint(ApiModel):
    """A complaint of the resident, and its answer."""

    complaint_id: ComplaintId
    state: StateName
    provider_id: ProviderId
    benefit_id: BenefitId
    venue_id: VenueId
    title: Localized | None = None
    """The title of the benefit; the last one where it has ended."""
    reason_code: ReasonName
    statement: str | None = None
    """The resident's words."""
    opened_at: Instant
    """The time of the complaint."""
    answer_by: CivilDayText
    """The last day for the answer."""
    answered_at: Instant | None = None
    """The time of the answer."""
    answer: str | None = None
    """The officer's answer."""


class ComplaintList(ApiModel):
    """A page of complaints."""

    data: list[ResidentComplaint]
    """Complaints, newest first."""
    next_cursor: NextCursor


class ComplaintUnderReview(ApiModel):
    """A complaint without its person."""

    complaint_id: ComplaintId
    state: StateName
    provider_id: ProviderId
    benefit_id: BenefitId
    venue_id: VenueId
    title: Localized | None = None
    """The last title of the benefit; absent in a list."""
    venue: Localized | None = None
    """The last name of the venue; absent in a list."""
    reason_code: ReasonName
    statement: str | None = None
    """The resident's words."""
    opened_on: CivilDayText
    """The civil day of the complaint."""
    answer_by: CivilDayText
    """The last day for the answer."""
    overdue: bool
    """True where that day has passed without an answer."""
    answered_on: CivilDayText | None = None
    """The civil day of the answer."""
    answer: str | None = None
    """The officer's answer."""


class ComplaintsUnderReview(ApiModel):
    """Complaints that wait for an answer."""

    data: list[ComplaintUnderReview]
    """Complaints, the earliest deadline first."""
    next_cursor: NextCursor


class WrittenAnswerBody(ApiModel):
    """An officer's answer in writing."""

    answer: FreeText
    """The answer, which the resident reads."""
    to_provider: FreeText | None = None
    """The case in your words for the provider; name no person and no day. Absent: the provider reads nothing of it."""


class AnsweredComplaint(ApiModel):
    """The complaint that was answered."""

    complaint_id: ComplaintId
    state: StateName


def for_resident(complaint: Complaint, title: dict[str, str] | None) -> ResidentComplaint:
    """Return a complaint as its resident reads it, with the title of its benefit."""
    return ResidentComplaint(
        complaint_id=complaint.complaint_id,
        state=complaint.state,
        provider_id=complaint.target.provider_id,
        benefit_id=complaint.target.benefit_id,
        venue_id=complaint.target.venue_id,
        title=title,
        reason_code=complaint.reason,
        statement=complaint.statement,
        opened_at=json_io.rfc3339(complaint.opened_at),
        answer_by=complaint.answer_deadline.isoformat(),
        answered_at=None if complaint.answered_at is None else json_io.rfc3339(complaint.answered_at),
        answer=complaint.answer,
    )
