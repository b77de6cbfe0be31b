"""What needs no token: notices, the scheme, sources, benefits with baselines, barred uses, keys, health."""

from __future__ import annotations

from importlib import resources
from typing import Any

from starlette.responses import Response

from benefits.rules.vocabulary import (
    BASELINE_DAYS,
    CAPACITY_SHARE_PERCENT_MAX,
    FEE_DISCOUNT_PERCENT_MAX,
    THRESHOLDS_MAX,
)
from benefits.statistics import weekly_figures
from benefits.statistics.simulation import RUNS_A_WEEK_MAX
from consent.documents import lifecycle
from consent.domain import purposes, small_cells
from consent.domain.document_kinds import DocumentKind
from consent.domain.grants import LIFE_MONTHS_MAX
from consent.domain.objections import ACKNOWLEDGE_WORKING_DAYS, DECIDE_WORKING_DAYS
from consent.kernel.errors import NotFound
from service.api.public import schemas
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.storage import database

PAGES = {"docs.html": "text/html", "docs.css": "text/css", "docs.js": "text/javascript"}


LIMITS = {
    "consent_months_max": LIFE_MONTHS_MAX,
    "objection_working_days": DECIDE_WORKING_DAYS,
    "objection_acknowledged_working_days": ACKNOWLEDGE_WORKING_DAYS,
    "fee_discount_percent_max": FEE_DISCOUNT_PERCENT_MAX,
    "baseline_days": BASELINE_DAYS,
    "thresholds_max": THRESHOLDS_MAX,
    "capacity_share_percent_max": CAPACITY_SHARE_PERCENT_MAX,
    "statistics_cell_min": small_cells.CELL_MIN,
    "simulations_a_week_max": RUNS_A_WEEK_MAX,
}
"""The numbers of the rules, each from the one place where it stands."""


async def list_notices(context: RequestContext, _: None) -> Any:
    """The notices in force, whole."""
    found = await lifecycle.all_in_force(DocumentKind.NOTICES, context.at)
    return json_io.respond_with_etag(
        context.request,
        schemas.NoticeList(
            data=[
                schemas.NoticeRow(
                    notice_id=one.document_id,
                    version=one.version,
                    sha256=one.sha256,
                    purpose=one.body["purpose"],
                    languages=one.body["languages"],
                )
                for one in found
            ],
            next_cursor=None,
        ),
    )


async def read_scheme(context: RequestContext, _: None) -> Any:
    """The scheme that scores this year's deeds."""
    timeline = (await context.app_context.catalogue.read(context.at)).timeline
    return await _scheme(context, timeline.version_for(context.today.year).version)


async def read_scheme_version(context: RequestContext, _: None) -> Any:
    """One version of the scheme."""
    return await _scheme(context, context.request.path_params["version"])


async def _scheme(context: RequestContext, version: str) -> Any:
    for found in await lifecycle.all_in_force(DocumentKind.SCHEMES, context.at):
        if found.body["version"] == version:
            return json_io.respond_with_etag(
                context.request,
                schemas.SchemeAnswer(
                    version=version,
                    sha256=found.sha256,
                    scheme=found.body,
                    limits=LIMITS,
                ),
            )
    raise NotFound("there is no such scheme version")


async def read_figures(context: RequestContext, _: None) -> Answer:
    """Figures of the last finished week, frozen when they were first asked for."""
    found = await weekly_figures.load_or_release(context.today, context.at)
    return Answer(schemas.Figures(**{name: found[name] for name in schemas.Figures.model_fields}))


async def list_sources(context: RequestContext, _: None) -> Any:
    """The data sources in force."""
    found = await lifecycle.all_in_force(DocumentKind.SOURCES, context.at)
    return json_io.respond_with_etag(
        context.request,
        schemas.SourceList(
            data=[
                schemas.SourceRow(
                    **{name: one.body[name] for name in ("source_id", "name", "category", "kinds", "division")}
                )
                for one in found
            ],
            next_cursor=None,
        ),
    )


async def list_benefits(context: RequestContext, _: None) -> Any:
    """Published benefits, each with its baseline."""
    query = context.request.query_params
    scene, division = query.get("scene"), query.get("division", "")
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    found = [
        one
        for one in (await context.app_context.catalogue.read(context.at)).benefits(context.today)
        if one.benefit_id > str(after[0])
        and scene in (None, one.body["scene"])
        and (one.body["division"].startswith(division) or division.startswith(one.body["division"]))
    ]
    names = ("scene", "title", "description", "division", "condition", "effect", "terms", "valid")
    texts = ("need_based_alternative", "offline_path")
    return json_io.respond_with_etag(
        context.request,
        schemas.PublicBenefits(
            data=[
                schemas.PublicBenefit(
                    benefit_id=one.benefit_id,
                    version=one.version,
                    provider_id=one.provider_id,
                    provider=one.provider["name"],
                    baseline=one.service["baseline"],
                    **{name: one.body[name] for name in (*names, *texts)},
                )
                for one in found[:limit]
            ],
            next_cursor=json_io.encode_cursor((found[limit - 1].benefit_id,)) if len(found) > limit else None,
        ),
    )


async def list_barred_uses(context: RequestContext, _: None) -> Any:
    """What points can never be used for, and the sentence it comes from."""
    return json_io.respond_with_etag(
        context.request,
        schemas.BarredUses(
            data=[
                schemas.BarredUseRow(
                    code=one.code,
                    title={"zh-CN": one.title_zh, "en": one.title_en},
                    reason={"zh-CN": one.reason_zh, "en": one.reason_en},
                    reference=one.reference,
                    references=[
                        schemas.ReferenceRow(
                            where={"zh-CN": said.where_zh, "en": said.where_en},
                            original=said.original or None,
                            means={"zh-CN": said.means_zh, "en": said.means_en} if said.original else None,
                        )
                        for said in one.references
                    ],
                )
                for one in purposes.BARRED_USES
            ]
        ),
    )


async def health(_: RequestContext, __: None) -> Answer:
    """The process lives, whatever else is away."""
    return Answer(schemas.Health(status="ok"))


async def readiness(context: RequestContext, _: None) -> Answer:
    """Database, migrations and keys are usable."""
    checks = {"database": True, "migrations": not await database.missing_migrations()}
    checks["token_keys"] = context.app_context.verifier.ready()
    ready = all(checks.values())
    return Answer(schemas.Health(status="ready" if ready else "not_ready", checks=checks), 200 if ready else 503)


def page(name: str) -> Response:
    """A file of the documentation page, from the package."""
    content = (resources.files("service.web") / "static" / "docs" / name).read_bytes()
    return Response(content, media_type=PAGES[name])


async def read_keys(context: RequestContext, _: None) -> Any:
    """The public keys that verify what this service signs."""
    return Answer(context.app_context.settings.signing_key.jwks(), headers={"Cache-Control": "public, max-age=300"})
