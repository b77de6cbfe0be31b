"""The person who asks, at the resident's door, and the pages of what is theirs."""

from __future__ import annotations

from typing import Any

from benefits.scoring.points import Points
from consent import persons
from consent.kernel.errors import NotFound
from consent.persons import ActingPerson, Person
from service.api.resident import schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def known(context: RequestContext) -> Person | None:
    """The person, or None when this service was never asked to know them."""
    return await persons.find(context.app_context.keyring, context.subject)


async def entered(context: RequestContext) -> Person:
    """The person, made known by this act of theirs, and locked."""
    return await persons.get_or_create(context.app_context.keyring, context.subject, context.at)


async def locked(context: RequestContext) -> Person:
    """The person, locked; NotFound when unknown."""
    found = await known(context)
    if found is None:
        raise NotFound("there is nothing of yours here")
    return await persons.lock(context.app_context.keyring, found.person_id)


def acting(context: RequestContext, person: Person) -> ActingPerson:
    """Return the person together with the request's keyring, time and civil day."""
    return ActingPerson(person, context.app_context.keyring, context.at, context.today)


def page(model: Any, data: list[Any], limit: int, keys: list[tuple[str | int, ...]]) -> Answer:
    """A page of a list: one row more than `limit` was read to know whether there is another."""
    more = len(data) > limit
    return Answer(model(data=data[:limit], next_cursor=json_io.encode_cursor(keys[limit - 1]) if more else None))


def explanation(computed: Points) -> schemas.ExplanationAnswer:
    """Points with a line for every record, as a resident reads them."""
    return schemas.ExplanationAnswer(
        total=computed.total,
        dimensions=[
            schemas.DimensionAnswer(dimension=one.dimension, points=one.points, cap=one.cap, capped_off=one.capped_off)
            for one in computed.dimensions
        ],
        scheme_version=computed.scheme_version,
        as_of=computed.as_of.isoformat(),
        valid_until=None if computed.valid_until is None else computed.valid_until.isoformat(),
        contributions=[
            schemas.ContributionAnswer(
                record_id=one.record_id,
                source_id=one.source_id,
                kind=one.kind,
                dimension=one.dimension,
                occurred_on=one.occurred_on.isoformat(),
                quantity=one.quantity,
                unit=dict(one.unit),
                points=one.points,
                expires_on=one.expires_on.isoformat(),
            )
            for one in computed.contributions
        ],
    )
