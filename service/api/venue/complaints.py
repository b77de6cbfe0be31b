"""Complaints as a provider reads them through its venues: a noisy number and the cases that officers passed on.

No call gives a complaint with its person, or one that no officer has passed on, to a venue (decision 42).
"""

from __future__ import annotations

from benefits.statistics import weekly_figures
from benefits.statistics.privacy_budget import ALLOWANCES, ReleaseKind
from consent.database import queries
from consent.documents import versions
from consent.domain.document_kinds import DocumentKind
from consent.oversight import provider_cases
from service.api.venue import complaint_schemas as schemas
from service.api.venue.handlers import own_venue
from service.http import json_io
from service.http.endpoints import Answer, RequestContext


async def list_complaints(context: RequestContext, _: None) -> Answer:
    """Return the provider's released number of complaints and its cases, newest first.

    Writes the last week's figures at the first call of a week, as every other reader of them does.
    """
    venue, limit = await own_venue(context), json_io.read_limit(context.request)
    provider_id = venue["provider_id"]
    rows = await provider_cases.list_for(provider_id, json_io.read_day_keyset(context.request), limit + 1)
    venue_ids = {row.venue_id for row in rows[:limit]}
    names = {venue_id: await versions.last_name_of(DocumentKind.VENUES, venue_id) for venue_id in venue_ids}
    figures = await weekly_figures.load_or_count(context.week)
    return Answer(
        schemas.ProviderComplaints(
            provider_id=provider_id,
            count=figures.get("complaints", {}).get(provider_id),
            give_or_take=ALLOWANCES[ReleaseKind.COMPLAINTS].give_or_take,
            counted_until=figures["last_day"],
            too_few_people=figures.get("too_few_people", False),
            data=[
                schemas.ProviderCaseRow(
                    case_id=row.case_id,
                    venue_id=row.venue_id,
                    venue=names[row.venue_id],
                    benefit_id=row.benefit_id,
                    reason_code=row.reason,
                    text=row.text,
                    passed_on=row.passed_on.isoformat(),
                )
                for row in rows[:limit]
            ],
            next_cursor=json_io.next_cursor(
                rows, limit, lambda row: (queries.to_day_number(row.passed_on), row.case_id)
            ),
        )
    )
