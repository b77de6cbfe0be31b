"""The person who sent a resident's request, and answers that several of a resident's operations share."""

from __future__ import annotations

from typing import Any

from benefits.scoring.points import Points
from consent import persons
from consent.kernel.errors import NotFound
from consent.persons import ActingPerson, Person
from service.api.resident import schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.json_io import CursorValues


async def find(context: RequestContext) -> Person | None:
    """Return the person of the token's subject, or None when they have no row. Locks nothing."""
    return await persons.find(context.app_context.keyring, context.subject)


async def get_or_create(context: RequestContext) -> Person:
    """Return the person of the token's subject with their row locked; creates the row at the first write."""
    return await persons.get_or_create(context.app_context.keyring, context.subject, context.at)


async def lock(context: RequestContext) -> Person:
    """Return the person of the token's subject with their row locked; NotFound when they have none."""
    person = await find(context)
    if person is None:
        raise NotFound("there is nothing of yours here")
    return await persons.lock(context.app_context.keyring, person.person_id)


def acting(context: RequestContext, person: Person) -> ActingPerson:
    """Return the person together with the request's keyring, time and civil day."""
    return ActingPerson(person, context.app_context.keyring, context.at, context.today)


def page(model: Any, data: list[Any], limit: int, keys: list[CursorValues]) -> Answer:
    """Build a page of at most `limit` rows; `data` holds one more when there is a next page.

    `keys` are the rows' cursors, in the order of `data`.
    """
    return Answer(model(data=data[:limit], next_cursor=json_io.next_cursor(keys, limit, lambda key: key)))


def explanation(computed: Points) -> schemas.ExplanationAnswer:
    """Convert computed points to the answer with a line for every record."""
    return schemas.ExplanationAnswer(
        total=computed.total,
        dimensions=[
            schemas.DimensionAnswer(dimension=row.dimension, points=row.points, cap=row.cap, capped_off=row.capped_off)
            for row in computed.dimensions
        ],
        scheme_version=computed.scheme_version,
        as_of=computed.as_of.isoformat(),
        valid_until=None if computed.valid_until is None else computed.valid_until.isoformat(),
        contributions=[
            schemas.ContributionAnswer(
                record_id=row.record_id,
                source_id=row.source_id,
                kind=row.kind,
                dimension=row.dimension,
                occurred_on=row.occurred_on.isoformat(),
                quantity=row.quantity,
                unit=dict(row.unit),
                points=row.points,
                expires_on=row.expires_on.isoformat(),
            )
            for row in computed.contributions
        ],
    )
