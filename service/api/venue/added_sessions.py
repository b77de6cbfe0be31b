"""A venue's sessions of added places: offering them, and seeing which places are taken and returned."""

from __future__ import annotations

from benefits.redemption import added_sessions
from benefits.redemption.added_sessions import SessionPlan, VenueSession
from consent.database import queries
from service.api.venue import schemas
from service.api.venue.handlers import own_venue
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def offer_session(context: RequestContext, body: schemas.SessionBody) -> Answer:
    """Add a session. Errors as `added_sessions.offer`."""
    venue, app_context = await own_venue(context), context.app_context
    plan = SessionPlan(body.benefit_id, body.begins_at, body.ends_at, body.places)
    catalogue = await app_context.catalogue.read(context.at)
    zone = app_context.settings.city_zone
    return Answer(_answer(await added_sessions.offer(catalogue, venue, plan, context.civil_time, zone)), 201)


async def list_sessions(context: RequestContext, _: None) -> Answer:
    """List the venue's sessions that have not ended, the earliest first."""
    venue, limit = await own_venue(context), json_io.read_limit(context.request)
    after = json_io.read_keyset(context.request) or (0, "")
    rows = await added_sessions.list_of_venue(venue["venue_id"], context.civil_time, after, limit + 1)
    return Answer(
        schemas.SessionList(
            data=[_answer(row) for row in rows[:limit]],
            next_cursor=json_io.next_cursor(
                rows, limit, lambda row: (queries.to_micros(row.begins_at), row.session_id)
            ),
        )
    )


def _answer(session: VenueSession) -> schemas.SessionAnswer:
    return schemas.SessionAnswer(
        session_id=session.session_id,
        benefit_id=session.benefit_id,
        begins_at=json_io.rfc3339(session.begins_at),
        ends_at=json_io.rfc3339(session.ends_at),
        places=session.places,
        taken=session.taken,
        returned=session.returned,
        returned_at=json_io.rfc3339(session.returned_at),
    )
