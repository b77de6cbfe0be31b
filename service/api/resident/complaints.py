"""Residents' operations on complaints about a benefit at a venue."""

from __future__ import annotations

from benefits.catalogue import in_force as catalogue
from consent.kernel.errors import NotFound
from consent.oversight import complaints
from consent.oversight.complaints import Complaint, ComplaintTarget
from service.api import complaint_schemas
from service.api.resident import current_person
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def complain(context: RequestContext, body: complaint_schemas.ComplaintBody) -> Answer:
    """Open a complaint; 201 with the last day for its answer.

    Raises:
        NotFound: no such venue had such a benefit.
        TooManyComplaints: as many of the person's wait for an answer as may.
    """
    provider_id = await catalogue.provider_of(body.benefit_id, body.venue_id, context.at)
    if provider_id is None:
        raise NotFound("no such benefit was offered at this venue")
    opened = await complaints.open_about(
        current_person.acting(context, await current_person.get_or_create(context)),
        ComplaintTarget(provider_id, body.benefit_id, body.venue_id),
        body.reason_code,
        body.statement,
    )
    return Answer(await _for_resident(context, opened), 201)


async def read_complaint(context: RequestContext, _: None) -> Answer:
    """Return one of the person's complaints; NotFound for any other."""
    person = await current_person.find(context)
    if person is None:
        raise NotFound("there is no such complaint")
    complaint = await complaints.get_for(person, context.request.path_params["complaint_id"])
    return Answer(await _for_resident(context, complaint))


async def list_complaints(context: RequestContext, _: None) -> Answer:
    """List the person's complaints, newest first."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_keyset(context.request)
    rows = [] if person is None else await complaints.list_for(person, before, limit + 1)
    names = await catalogue.names(context.at) if rows else {}
    titles = [names.get(row.target.benefit_id) for row in rows]
    return current_person.page(
        complaint_schemas.ComplaintList,
        [
            complaint_schemas.for_resident(row, None if title is None else dict(title))
            for row, title in zip(rows, titles, strict=True)
        ],
        limit,
        [(row.opened_at, row.complaint_id) for row in rows],
    )


async def _for_resident(context: RequestContext, complaint: Complaint) -> complaint_schemas.ResidentComplaint:
    title = (await catalogue.names(context.at)).get(complaint.target.benefit_id)
    return complaint_schemas.for_resident(complaint, None if title is None else dict(title))
