"""The resident's choice whether the city's app may be told that they have something to read."""

from __future__ import annotations

from consent.events import hints
from service.api.resident import current_person, rights_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def read_notifications(context: RequestContext, _: None) -> Answer:
    """Return the resident's choice; off for somebody unknown."""
    person = await current_person.find(context)
    opted_in_at = None if person is None else await hints.opted_in_at(person)
    return Answer(
        rights_schemas.NotificationsAnswer(
            city_app=opted_in_at is not None,
            opted_in_at=None if opted_in_at is None else json_io.rfc3339(opted_in_at),
        )
    )


async def choose_notifications(context: RequestContext, body: rights_schemas.NotificationsBody) -> Answer:
    """Store the resident's choice; the same one again changes nothing. Saying no stores nothing about a stranger.

    A stop has a tombstone: a copy of the database that is put back must not tell the app again.
    """
    if body.city_app:
        await hints.opt_in(await current_person.get_or_create(context), context.at)
    elif await current_person.find(context) is not None:
        person = await current_person.lock(context)
        if await hints.opted_in_at(person) is not None:
            context.app_context.tombstones.hints_stopped(person.person_id, context.at)
            await hints.opt_out(person, context.at)
    return await read_notifications(context, None)
