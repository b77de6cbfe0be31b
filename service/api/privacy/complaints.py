"""Privacy officers' operations on complaints; every read writes to the consent log, in the request's transaction."""

from __future__ import annotations

from consent.database import queries
from consent.documents import versions
from consent.domain.complaints import ComplaintState
from consent.domain.document_kinds import DocumentKind
from consent.events import ledger
from consent.oversight import complaints, provider_cases
from consent.oversight.complaints import Complaint
from service.api import complaint_schemas
from service.api.privacy.reviews import staff_of
from service.api.staff_divisions import require_own_document
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def list_complaints(context: RequestContext, _: None) -> Answer:
    """List the complaints that wait for an answer, the earliest deadline first."""
    limit = json_io.read_limit(context.request)
    keyring = context.app_context.keyring
    rows = await complaints.queue(keyring, json_io.read_day_keyset(context.request), limit + 1)
    await ledger.record_officer_read(staff_of(context), None, "complaints.listed", context.at)
    return Answer(
        complaint_schemas.ComplaintsUnderReview(
            data=[_for_officer(context, complaint) for complaint in rows[:limit]],
            next_cursor=json_io.next_cursor(
                rows,
                limit,
                lambda complaint: (queries.to_day_number(complaint.answer_deadline), complaint.complaint_id),
            ),
        )
    )


async def read_complaint(context: RequestContext, _: None) -> Answer:
    """Return one complaint, open or answered, with the names of its benefit and venue."""
    complaint_id = context.request.path_params["complaint_id"]
    complaint = await complaints.get(context.app_context.keyring, complaint_id)
    await ledger.record_officer_read(staff_of(context), None, f"complaint.read {complaint_id}", context.at)
    names = {
        "title": await versions.last_name_of(DocumentKind.BENEFITS, complaint.target.benefit_id),
        "venue": await versions.last_name_of(DocumentKind.VENUES, complaint.target.venue_id),
    }
    return Answer(_for_officer(context, complaint).model_copy(update=names))


async def answer_complaint(context: RequestContext, body: complaint_schemas.WrittenAnswerBody) -> Answer:
    """Answer a complaint in writing, once; the resident gets a message. OtherDivision for another division's provider.

    With `to_provider` the provider gets a case in those words, without the person. Conflict where it is answered
    already.
    """
    complaint_id = context.request.path_params["complaint_id"]
    complaint = await complaints.get(context.app_context.keyring, complaint_id)
    await require_own_document(context, DocumentKind.PROVIDERS, complaint.target.provider_id)
    await complaints.answer(context.app_context.keyring, complaint_id, body.answer, staff_of(context), context.at)
    if body.to_provider is not None:
        await provider_cases.pass_on(complaint, body.to_provider, staff_of(context), context.today)
    return Answer(complaint_schemas.AnsweredComplaint(complaint_id=complaint_id, state=ComplaintState.ANSWERED))


def _for_officer(context: RequestContext, complaint: Complaint) -> complaint_schemas.ComplaintUnderReview:
    answered_at, day_of = complaint.answered_at, context.app_context.day_of
    return complaint_schemas.ComplaintUnderReview(
        complaint_id=complaint.complaint_id,
        state=complaint.state,
        provider_id=complaint.target.provider_id,
        benefit_id=complaint.target.benefit_id,
        venue_id=complaint.target.venue_id,
        reason_code=complaint.reason,
        statement=complaint.statement,
        opened_on=day_of(complaint.opened_at).isoformat(),
        answer_by=complaint.answer_deadline.isoformat(),
        overdue=complaint.state is ComplaintState.OPEN and context.today > complaint.answer_deadline,
        answered_on=None if answered_at is None else day_of(answered_at).isoformat(),
        answer=complaint.answer,
    )
