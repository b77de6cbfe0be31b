"""Operations without a token: notices, sources, benefits with baselines, barred uses, keys, health."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from typing import Any

from starlette.responses import Response

from benefits.statistics import privacy_budget, weekly_figures
from benefits.statistics.privacy_budget import ALLOWANCES, WEEK_EPSILON_MILLI
from consent.database import failures
from consent.documents import lifecycle
from consent.domain import divisions, purposes
from consent.domain.document_kinds import DocumentKind
from service.api import common_parameters
from service.api.public import schemas
from service.compliance import public_keys
from service.http import json_io
from service.http.endpoints import Answer, RequestContext
from service.http.problems import RETRY_AFTER_SECONDS
from service.storage import database

PAGES = {"docs.html": "text/html", "docs.css": "text/css", "docs.js": "text/javascript"}
"""Files of the documentation page with their media types."""


async def list_notices(context: RequestContext, _: None) -> Any:
    """List the notices in force with their full texts."""
    notices = await lifecycle.all_in_force(DocumentKind.NOTICES, context.at)
    return json_io.respond_with_etag(
        context.request,
        schemas.NoticeList(
            data=[
                schemas.NoticeRow(
                    notice_id=notice.document_id,
                    version=notice.version,
                    sha256=notice.sha256,
                    purpose=notice.body["purpose"],
                    languages=notice.body["languages"],
                )
                for notice in notices
            ],
            next_cursor=None,
        ),
    )


async def read_figures(context: RequestContext, _: None) -> Answer:
    """Return figures of the last finished week; the first call of a week computes and writes them."""
    figures = await weekly_figures.load_or_count(context.week)
    # Figures that were released before a member existed lack it.
    return Answer(schemas.Figures(**{name: figures[name] for name in schemas.Figures.model_fields if name in figures}))


async def read_privacy_budget(context: RequestContext, _: None) -> Answer:
    """Return this week's privacy budget: the total, the part that is used, and both by kind of number."""
    week = context.week
    spent = await privacy_budget.spent_in(week)
    return Answer(
        schemas.PrivacyBudget(
            week=week.monday.isoformat(),
            next_week=(week.monday + timedelta(days=7)).isoformat(),
            total_milli_epsilon=WEEK_EPSILON_MILLI,
            spent_milli_epsilon=sum(row.spent_milli for row in spent),
            by_kind=[
                schemas.BudgetOfKind(
                    kind=row.kind,
                    cost_milli_epsilon=ALLOWANCES[row.kind].cost_milli,
                    share_milli_epsilon=ALLOWANCES[row.kind].share_milli,
                    spent_milli_epsilon=row.spent_milli,
                    releases=row.releases,
                    give_or_take=ALLOWANCES[row.kind].give_or_take,
                )
                for row in spent
            ],
        )
    )


async def list_sources(context: RequestContext, _: None) -> Any:
    """List the data sources in force."""
    sources = await lifecycle.all_in_force(DocumentKind.SOURCES, context.at)
    return json_io.respond_with_etag(
        context.request,
        schemas.SourceList(
            data=[
                schemas.SourceRow(
                    **{name: source.body[name] for name in ("source_id", "name", "category", "kinds", "division")}
                )
                for source in sources
            ],
            next_cursor=None,
        ),
    )


async def list_benefits(context: RequestContext, _: None) -> Any:
    """List the benefits in force by id, each with its baseline.

    `?scene=` filters by scene; `?division=` selects benefits of that division, of those above it and of those below.
    """
    query = context.request.query_params
    scene, division = common_parameters.read_scene(query), common_parameters.read_division(query)
    limit = json_io.read_limit(context.request)
    after = json_io.read_cursor(context.request, str) or ("",)
    benefits = [
        benefit
        for benefit in (await context.app_context.catalogue.read(context.at)).benefits(context.today)
        if benefit.benefit_id > str(after[0])
        and scene in (None, benefit.body["scene"])
        and divisions.overlap(division, benefit.body["division"])
    ]
    names = ("scene", "title", "description", "division", "condition", "effect", "terms", "valid")
    texts = ("need_based_alternative", "offline_path")
    return json_io.respond_with_etag(
        context.request,
        schemas.PublicBenefits(
            data=[
                schemas.PublicBenefit(
                    benefit_id=benefit.benefit_id,
                    version=benefit.version,
                    provider_id=benefit.provider_id,
                    provider=benefit.provider["name"],
                    owner_id=benefit.provider.get("owner_id"),
                    baseline=benefit.service["baseline"],
                    **{name: benefit.body[name] for name in (*names, *texts)},
                )
                for benefit in benefits[:limit]
            ],
            next_cursor=json_io.encode_cursor((benefits[limit - 1].benefit_id,)) if len(benefits) > limit else None,
        ),
    )


async def list_barred_uses(context: RequestContext, _: None) -> Any:
    """List the uses of points that this service cannot make, with the rules that forbid them."""
    return json_io.respond_with_etag(
        context.request,
        schemas.BarredUses(
            data=[
                schemas.BarredUseRow(
                    code=use.code,
                    title={"zh-CN": use.title_zh, "en": use.title_en},
                    reason={"zh-CN": use.reason_zh, "en": use.reason_en},
                    reference=use.reference,
                    references=[
                        schemas.ReferenceRow(
                            where={"zh-CN": reference.where_zh, "en": reference.where_en},
                            original=reference.original or None,
                            means={"zh-CN": reference.means_zh, "en": reference.means_en}
                            if reference.original
                            else None,
                        )
                        for reference in use.references
                    ],
                )
                for use in purposes.BARRED_USES
            ]
        ),
    )


async def health(_: RequestContext, __: None) -> Answer:
    """Return 200 while the process runs, whether or not its dependencies are available."""
    return Answer(schemas.Health(status="ok"))


async def readiness(context: RequestContext, _: None) -> Answer:
    """Return 200 when the database takes writes and is migrated and the issuers' keys are loaded, otherwise 503."""
    checks = {"database": not failures.WRITES.failed, "migrations": not await database.missing_migrations()}
    checks["token_keys"] = context.app_context.verifier.ready()
    ready = all(checks.values())
    if ready:
        return Answer(schemas.Health(status="ready", checks=checks))
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Answer(schemas.Health(status="not_ready", checks=checks), 503, retry)


def documentation_file(name: str) -> Response:
    """Return a file of the documentation page, one of PAGES."""
    content = (resources.files("service.web") / "static" / "docs" / name).read_bytes()
    return Response(content, media_type=PAGES[name])


async def read_keys(context: RequestContext, _: None) -> Any:
    """Return the key set that verifies receipts: the key in use, the next one and all retired ones."""
    keys = await public_keys.key_set(context.app_context.settings.signing_key)
    return Answer(keys, headers={"Cache-Control": f"public, max-age={public_keys.CACHE_SECONDS}"})
