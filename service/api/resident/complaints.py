"""Residents' operations on complaints about a benefit at a venue."""

from __future__ import annotations

from benefits.catalogue import in_force as catalogue
from consent.kernel.errors import NotFound
from consent.oversight import complaints
from consent.oversight.complaints import ComplaintPlace
from service.api import complaint_schemas
from service.api.resident import current_person
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def complain(context: RequestContext, body: complaint_schemas.ComplaintBody) -> Answer:
    """Open a complaint; 201 with the last day for its answer. NotFound for a benefit that no such venue had."""
    provider_id = await catalogue.provider_of(body.benefit_id, body.venue_id, context.at)
    if provider_id is None:
        raise NotFound("no such benefit was offered at this venue")
    opened = await complaints.open_about(
        current_person.acting(context, await current_person.get_or_create(context)),
        ComplaintPlace(provider_id, body.benefit_id, body.venue_id),
        body.reason_code,
        body.statement,
    )
    title = (await catalogue.names(context.at)).get(body.benefit_id)
    return Answer(complaint_schemas.for_resident(opened, None if title is None else dict(title)), 201)


async def list_complaints(context: RequestContext, _: None) -> Answer:
    """List the person's complaints, newest first."""
    person, limit = await current_person.find(context), json_io.read_limit(context.request)
    before = json_io.read_keyset(context.request)
    rows = [] if person is None else await complaints.list_for(person, before, limit + 1)
    names = await catalogue.names(context.at) if rows else {}
    titles = [names.get(row.place.benefit_id) for row in rows]
    return current_person.page(
        complaint_schemas.ComplaintList,
        [
            complaint_schemas.for_resident(row, None if title is None else dict(title))
            for row, title in zip(rows, titles, strict=True)
        ],
        limit,
        [(row.opened_at, row.complaint_id) for row in rows],
    )
