"""The administrator's list of who did what with documents, when. Reads no person's data and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from consent.documents import activity
from consent.documents.activity import ACTS, StepCursor, StepFilter
from consent.domain.document_kinds import DocumentKind
from service.api.admin import activity_schemas as schemas
from service.api.admin.queries import VERSION_DIGITS
from service.auth.claims import require_clean_name
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem


async def list_activity(context: RequestContext, _: None) -> Answer:
    """List the steps of all documents, newest first; Problem bad_query for a filter that fits nothing by its form."""
    limit = json_io.read_limit(context.request)
    chosen, before = _read_filter(context), _read_cursor(context)
    rows = await activity.latest(chosen, before, limit + 1)
    data = [
        schemas.ActivityRow(
            kind=row.version[0],
            id=row.version[1],
            version=row.version[2],
            name=row.name or None,
            act=row.step.act,
            staff_id=row.step.staff_id,
            at=json_io.rfc3339(row.step.at),
            reason=row.step.reason,
        )
        for row in rows[:limit]
    ]
    return Answer(schemas.Activity(data=data, next_cursor=json_io.next_cursor(rows, limit, lambda row: row.cursor)))


def _read_filter(context: RequestContext) -> StepFilter:
    query: Mapping[str, str] = context.request.query_params
    kind, act, staff_id = query.get("kind"), query.get("act"), query.get("staff_id")
    if (kind is not None and kind not in list(DocumentKind)) or (act is not None and act not in ACTS):
        raise Problem("bad_query")
    try:
        require_clean_name(staff_id if staff_id is not None else "any")
    except ValueError:
        raise Problem("bad_query") from None
    first, last = json_io.read_day(context.request, "from"), json_io.read_day(context.request, "until")
    midnight_of = context.app_context.midnight_of
    return StepFilter(
        None if kind is None else DocumentKind(kind),
        act,
        staff_id,
        None if first is None else midnight_of(first),
        None if last is None or last == date.max else midnight_of(last + timedelta(days=1)),
    )


def _read_cursor(context: RequestContext) -> StepCursor | None:
    """Return `?cursor=`; Problem bad_cursor for other text and for numbers that the columns cannot hold."""
    values = json_io.read_cursor(context.request, int, str, str, int, int)
    if values is None:
        return None
    if any(not 0 <= number < 10**VERSION_DIGITS for number in values[3:]):
        raise Problem("bad_cursor")
    return values[0], values[1], values[2], values[3], values[4]
