"""Residents' operations on bindings: ask for one, see its uses, stop it."""

from __future__ import annotations

from benefits.redemption import bindings, lasting_tickets
from benefits.redemption.decision import TicketKind
from benefits.redemption.eligibility import Choice
from consent.kernel.errors import NotFound
from service.api.resident import current_person, lasting_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def request_binding(context: RequestContext, body: lasting_schemas.LastingRequest) -> Answer:
    """Return the code of a new binding, for the venue's own app. Errors as `bindings.request`."""
    person = await current_person.get_or_create(context)
    catalogue = await context.app_context.catalogue.read(context.at)
    choice = Choice(body.benefit_id, body.venue_id, body.accepted_terms_sha256)
    requested = await bindings.request(context.app_context.keyring, person, catalogue, choice, context.civil_time)
    return Answer(
        lasting_schemas.RequestedBindingAnswer(
            binding_id=requested.binding_id,
            code=requested.code,
            code_expires_at=json_io.rfc3339(requested.code_expires_at),
            valid_until=json_io.rfc3339(requested.valid_until),
        ),
        201,
    )


async def list_bindings(context: RequestContext, _: None) -> Answer:
    """List the person's bindings, newest first, with their uses; nothing for somebody unknown."""
    return Answer(lasting_schemas.BindingList(data=await _all_bindings(context)))


async def read_binding(context: RequestContext, _: None) -> Answer:
    """Return one binding of the person; NotFound for any other."""
    binding_id = context.request.path_params["binding_id"]
    for binding in await _all_bindings(context):
        if binding.binding_id == binding_id:
            return Answer(binding)
    raise NotFound("there is no such binding")


async def _all_bindings(context: RequestContext) -> list[lasting_schemas.BindingAnswer]:
    person = await current_person.find(context)
    if person is None:
        return []
    catalogue, uses = await context.app_context.catalogue.read(context.at), await lasting_tickets.uses_of(person)
    return [
        lasting_schemas.BindingAnswer(
            binding_id=own.lasting_id,
            state=own.state,
            benefit_id=own.benefit_id,
            venue_id=own.venue_id,
            created_at=json_io.rfc3339(own.created_at),
            valid_until=json_io.rfc3339(own.valid_until),
            code=own.code,
            code_expires_at=None if own.code_expires_at is None else json_io.rfc3339(own.code_expires_at),
            uses=[lasting_schemas.LastingUse(at=json_io.rfc3339(event.at)) for event in uses.get(own.lasting_id, ())],
        )
        for own in await lasting_tickets.list_for(person, TicketKind.BINDING, catalogue, context.civil_time)
    ]


async def stop_binding(context: RequestContext, _: None) -> Answer:
    """Stop a binding at once; NotFound for one that is not the person's or was stopped before.

    A stop has a tombstone: a copy of the database that is put back must not bind again.
    """
    person = await current_person.lock(context)
    row = await lasting_tickets.get(person, TicketKind.BINDING, context.request.path_params["binding_id"])
    context.app_context.tombstones.ticket_stopped(person.person_id, row.lasting_id, context.at)
    await lasting_tickets.stop(person, row, context.at)
    return Answer(lasting_schemas.StoppedBinding(binding_id=row.lasting_id, stopped_at=json_io.rfc3339(context.at)))
