"""Operations of the city app's back end: read the waiting hints and acknowledge them."""

from __future__ import annotations

from consent.events import hints
from consent.events.hints import HintState
from service.api.city_app import schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem


async def list_hints(context: RequestContext, _: None) -> Answer:
    """List the hints that are visible, the oldest first; Problem bad_query for another state."""
    try:
        state = HintState(context.request.query_params.get("state", HintState.UNREAD))
    except ValueError:
        raise Problem("bad_query") from None
    limit, after = json_io.read_limit(context.request), json_io.read_keyset(context.request)
    rows = await hints.list_waiting(context.app_context.keyring, state, context.at, after, limit + 1)
    return Answer(
        schemas.HintList(
            data=[
                schemas.HintRow(hint_id=hint.hint_id, sub=hint.subject, since=json_io.rfc3339(hint.since))
                for hint in rows[:limit]
            ],
            next_cursor=json_io.next_cursor(rows, limit, lambda hint: (hint.since, hint.hint_id)),
        )
    )


async def acknowledge_hints(context: RequestContext, body: schemas.HintAcknowledgement) -> Answer:
    """Record that hints were passed on; one answer whether or not they still wait."""
    await hints.acknowledge(body.hint_ids, context.at)
    return Answer(schemas.HintsAcknowledged())
