"""The resident's points with their reasons: each record's share, the months before, and ways to the next benefit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benefits.balances import person_balance
from benefits.catalogue.model import InForce
from benefits.rules import conditions
from benefits.scoring import history, points, ways
from benefits.scoring.history import MonthPoints
from benefits.scoring.points import Points
from consent.domain.records import NO_RECORDS, Released
from consent.kernel.ascii_text import parse_digits
from service.api import common_parameters
from service.api.resident import current_person, points_schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import Problem

MONTHS_DEFAULT = 24
"""The life of a point under the first scheme: what is older has expired."""
MONTHS_MAX = 60
"""Months of one answer at most, so that one call computes points at most 60 times."""
WAYS_MAX = 6
"""Ways to the next benefit in one answer; the familiar ones come first."""


async def explain_points(context: RequestContext, _: None) -> Any:
    """Return the points of today with a line for every record; stores the computed balance.

    With `?months=` also the months before; with `?benefit_id=` also ways to the nearest condition of that benefit that
    is not met. Records are released once for all of them.
    """
    in_force = await context.app_context.catalogue.read(context.at)
    person = await current_person.find(context)
    if person is None:
        released, computed = NO_RECORDS, points.compute(NO_RECORDS, in_force.timeline, context.today)
    else:
        computed, released = await person_balance.compute(person, in_force.timeline, context.today, context.at)
        await person_balance.store(released, computed, in_force.timeline)
    answer = current_person.explanation(computed)
    if "months" in context.request.query_params:
        months = history.by_month(released, in_force.timeline, context.today, _months(context))
        answer = answer.model_copy(update={"history": _month_answers(months)})
    benefit_id = common_parameters.read_document_id(context.request.query_params, "benefit_id")
    if benefit_id is not None:
        answer = answer.model_copy(update={"ways": _ways(context, in_force, benefit_id, released, computed)})
    return json_io.respond_with_etag(context.request, answer)


def _ways(
    context: RequestContext, in_force: InForce, benefit_id: str, released: Released, computed: Points
) -> list[points_schemas.WayAnswer]:
    benefit = in_force.benefit(benefit_id, context.today)
    lines = () if benefit is None else conditions.needs(benefit.rule.condition, points.measures(computed))
    if not lines:
        return []
    target = lines[0]
    known_ways = ways.ways_to(target.at_least - target.have, target.measure, released, computed, in_force.timeline)
    return [
        points_schemas.WayAnswer(kind=way.kind, dimension=way.dimension, quantity=way.quantity)
        for way in known_ways[:WAYS_MAX]
    ]


async def read_history(context: RequestContext, _: None) -> Answer:
    """Return the points on the last day of each of the last months, under the records that are here today.

    Stores nothing; the access log records that points were computed.
    """
    months = _months(context)
    timeline = (await context.app_context.catalogue.read(context.at)).timeline
    person = await current_person.find(context)
    released = NO_RECORDS
    if person is not None:
        _computed, released = await person_balance.compute(person, timeline, context.today, context.at)
    rows = history.by_month(released, timeline, context.today, months)
    return Answer(points_schemas.PointsHistory(data=_month_answers(rows)))


def _month_answers(rows: Iterable[MonthPoints]) -> list[points_schemas.MonthAnswer]:
    return [
        points_schemas.MonthAnswer(
            month=row.month,
            total=row.total,
            dimensions=[
                points_schemas.MonthDimension(dimension=part.dimension, points=part.points, cap=part.cap)
                for part in row.dimensions
            ],
        )
        for row in rows
    ]


def _months(context: RequestContext) -> int:
    text = context.request.query_params.get("months", str(MONTHS_DEFAULT))
    months = parse_digits(text, len(str(MONTHS_MAX)))
    if months is None or not 1 <= months <= MONTHS_MAX:
        raise Problem("bad_query")
    return months
