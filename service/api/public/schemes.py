"""Operations on the scoring scheme without a token: versions in force and scheduled, and their differences."""

from __future__ import annotations

from typing import Any

from benefits.rules import effect_limits
from benefits.rules.vocabulary import (
    BASELINE_DAYS,
    CAPACITY_SHARE_PERCENT_MAX,
    THRESHOLDS_MAX,
)
from benefits.scoring import scheme_changes
from benefits.scoring.scheme import Scheme
from benefits.scoring.scheme_changes import VALIDITY_MONTHS_MIN, WAYS_MIN
from benefits.statistics.privacy_budget import WEEK_EPSILON_MILLI
from benefits.statistics.releases import PEOPLE_MIN
from benefits.statistics.simulation import RUNS_A_WEEK_MAX
from consent.documents import lifecycle
from consent.documents.lifecycle import Version
from consent.domain import small_cells
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import LIFE_MONTHS_MAX
from consent.domain.objections import ACKNOWLEDGE_WORKING_DAYS, DECIDE_WORKING_DAYS
from consent.domain.records import Dimension
from consent.kernel.errors import NotFound
from service.api.public import schemas
from service.http import json_io
from service.http.endpoints import RequestContext

LIMITS = {
    "consent_months_max": LIFE_MONTHS_MAX,
    "objection_working_days": DECIDE_WORKING_DAYS,
    "objection_acknowledged_working_days": ACKNOWLEDGE_WORKING_DAYS,
    **effect_limits.by_name(),
    "baseline_days": BASELINE_DAYS,
    "thresholds_max": THRESHOLDS_MAX,
    "capacity_share_percent_max": CAPACITY_SHARE_PERCENT_MAX,
    "statistics_cell_min": small_cells.CELL_MIN,
    "statistics_people_min": PEOPLE_MIN,
    "simulations_a_week_max": RUNS_A_WEEK_MAX,
    "milli_epsilon_a_week": WEEK_EPSILON_MILLI,
    "ways_to_earn_min": WAYS_MIN,
    "validity_months_min": VALIDITY_MONTHS_MIN,
}
"""The numbers of the rules as published, taken from the modules that apply them."""


async def list_schemes(context: RequestContext, _: None) -> Any:
    """List the versions in force and scheduled, by first year; a scheduled one is public once approved (R16)."""
    return json_io.respond_with_etag(
        context.request,
        schemas.SchemeList(
            data=[
                schemas.SchemeRow(
                    version=scheme.body["version"],
                    from_year=scheme.body["from_year"],
                    state=state,
                    title=scheme.body["title"],
                    sha256=scheme.sha256,
                )
                for scheme, state in await _known(context)
            ],
            next_cursor=None,
        ),
    )


async def read_scheme(context: RequestContext, _: None) -> Any:
    """Return the scheme that scores records of this civil year."""
    timeline = (await context.app_context.catalogue.read(context.at)).timeline
    return await _answer(context, timeline.version_for(context.today.year).version)


async def read_scheme_version(context: RequestContext, _: None) -> Any:
    """Return one version of the scheme, in force or scheduled, with its differences; NotFound otherwise."""
    return await _answer(context, context.request.path_params["version"])


async def _known(context: RequestContext) -> list[tuple[Version, str]]:
    """Return every version that binds or will, with its state, by first year."""
    in_force = await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at)
    scheduled = await lifecycle.scheduled(DocumentKind.SCHEMES, context.at)
    known = [*((scheme, "in_force") for scheme in in_force), *((scheme, "scheduled") for scheme in scheduled)]
    return sorted(known, key=lambda entry: int(entry[0].body["from_year"]))


async def _answer(context: RequestContext, version: str) -> Any:
    earlier: Version | None = None
    for scheme, state in await _known(context):
        if scheme.body["version"] == version:
            return json_io.respond_with_etag(
                context.request,
                schemas.SchemeAnswer(
                    version=version,
                    sha256=scheme.sha256,
                    scheme=scheme.body,
                    limits=LIMITS,
                    state=state,
                    ways=_ways(Scheme.from_document(scheme.body)),
                    changes=None if earlier is None else _changes(earlier, scheme),
                ),
            )
        earlier = scheme
    raise NotFound("there is no such scheme version")


def _ways(scheme: Scheme) -> dict[str, list[str]]:
    return {str(dimension): sorted(scheme_changes.gentle_kinds(scheme, dimension)) for dimension in Dimension}


def _changes(earlier: Version, later: Version) -> schemas.SchemeChanges:
    before, after = Scheme.from_document(earlier.body), Scheme.from_document(later.body)
    return schemas.SchemeChanges(
        since=before.version,
        indicators=[
            schemas.IndicatorChangeRow(
                kind=change.kind,
                dimension=change.dimension,
                points=change.points,
                months_before=change.months_before,
                months_after=change.months_after,
            )
            for change in scheme_changes.indicator_changes(before, after)
        ],
        caps=[
            schemas.CapChangeRow(dimension=change.dimension, before=change.before, after=change.after)
            for change in scheme_changes.cap_changes(before, after)
        ],
    )
